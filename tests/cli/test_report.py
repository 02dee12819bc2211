"""`rungwise report`: which ledger, which days, which groups, and where the figures go."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.ledger.sql import SqliteLedger
from rungwise.types import Shadow
from tests.cli.test_main import one_line_error, rungwise
from tests.ledger.test_shadows import CLIMBED
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
    assert [(g["day"], g["step_type"], g["steps"]) for g in told["groups"]] == [
        ("1970-01-02", "planning", 1)
    ]
    assert (folder / "r.csv").read_text().startswith("day,step_type,steps")


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


@pytest.fixture
def shadowed(tmp_path: Path) -> Path:
    """A ledger of three days, with a shadow on two of them."""

    async def fill() -> None:
        ledger = SqliteLedger(tmp_path / "ledger.db")
        await ledger.start()
        high = Shadow(router="pays", rungs=("t3",), why="")
        for day, shadow in enumerate((CLIMBED.shadow, high, None)):
            await ledger.record(replace(CLIMBED, id=f"req_{day}", at=86_400.0 * day, shadow=shadow))
        await ledger.stop()

    asyncio.run(fill())
    return tmp_path


def test_the_shadow_is_set_against_what_was_done(shadowed: Path) -> None:
    ledger = str(shadowed / "ledger.db")
    done = rungwise(
        *("report", "--shadow", "--ledger", ledger, "--by", "day,step-type"),
        *("--json", str(shadowed / "r.json"), "--csv", str(shadowed / "r.csv")),
    )
    assert done.returncode == 0, done.stderr
    assert "1970-01-01" in done.stdout and "pays: " in done.stdout
    told = json.loads((shadowed / "r.json").read_text())
    assert [(g["day"], g["recorded"], g["estimated"]) for g in told["groups"]] == [
        ("1970-01-01", 1, 0),
        ("1970-01-02", 0, 1),
    ]
    assert told["all"][0]["recorded_shadow_usd"] == 1e-6
    assert told["all"][0]["estimated_shadow_usd"] == 9e-6
    assert (shadowed / "r.csv").read_text().startswith("day,step_type,router,steps,starts_same")


def test_days_without_a_shadow_are_said_and_tiers_are_no_group_of_it(shadowed: Path) -> None:
    asked = ("report", "--shadow", "--ledger", str(shadowed / "ledger.db"))
    done = rungwise(*asked, "--since", "1970-01-03")
    assert done.returncode == 1 and "name one under routing.shadow" in done.stdout
    assert "--by: tier" in one_line_error(rungwise(*asked, "--by", "tier"))
