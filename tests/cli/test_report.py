"""`rungwise report`: which ledger, which days, which groups, and where the figures go."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.ledger.sql import SqliteLedger
from tests.cli.test_main import one_line_error, rungwise
from tests.ledger.test_sql import ENTRY

CONFIG = """
tiers: [{name: t, kind: openai, model: m, api_key_env: RUNGWISE_TEST_NO_SUCH_KEY}]
ledger: {path: ledger.db}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    async def fill() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.db")
        await ledger.start()
        for number, route in enumerate(("auto", "auto", "t2")):
            await ledger.record(
                replace(ENTRY, id=f"req_{number}", route=route, at=86_400.0 * number)
            )
        await ledger.stop()

    asyncio.run(fill())
    (tmp_path / "c.yaml").write_text(CONFIG)
    return tmp_path


def test_a_report_needs_no_providers_key(folder: Path) -> None:
    done = rungwise("report", "--config", str(folder / "c.yaml"))
    assert done.returncode == 0 and "auto" in done.stdout and "all" in done.stdout


def test_groups_days_and_files(folder: Path) -> None:
    done = rungwise(
        *("report", "--ledger", str(folder / "ledger.db"), "--by", "day,step-type"),
        *("--since", "1970-01-02", "--until", "1970-01-02"),
        *("--json", str(folder / "r.json"), "--csv", str(folder / "r.csv")),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((folder / "r.json").read_text())
    assert [(g["day"], g["step_type"], g["tasks"]) for g in told["groups"]] == [
        ("1970-01-02", "planning", 1)
    ]
    assert (folder / "r.csv").read_text().startswith("day,step_type,tasks")


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("--by", "colour"), "--by: no group 'colour'; known are route, step-type, key, tier, day"),
        (("--by", "day,day"), "names a group twice"),
        (("--csv", "/no/such/folder/x.csv"), "--csv: cannot write"),
        (("--days", "0"), "--days: must lie between 1 and "),
        (("--days", "-3"), "not -3"),
        (("--days", "4000000"), "not 4000000"),
    ],
)
def test_bad_arguments_are_named(folder: Path, arguments: tuple[str, ...], told: str) -> None:
    ledger = str(folder / "ledger.db")
    assert told in one_line_error(rungwise("report", "--ledger", ledger, *arguments))


def test_a_time_without_entries_is_said(folder: Path) -> None:
    done = rungwise("report", "--ledger", str(folder / "ledger.db"), "--days", "1")
    assert done.returncode == 1 and "holds no entries of that time" in done.stdout
