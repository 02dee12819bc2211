"""Alarms as their owner sees them: listed, ended once, and an unknown one named."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.drift.alarms import Alarms
from rungwise.store.sql import Store

CONFIG = """
tiers:
  - {name: tier1, kind: 'rungs:one', model: small}
ledger: {path: own.db}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return path


def rung(path: Path) -> str:
    """The id of an alarm that is on."""

    async def once() -> str:
        store = Store(path / "own.db")
        await store.start()
        alarms = Alarms(store, "one", lambda: 1e9)
        alarm = alarms.begin("accuracy", "tier tier1", "of late 70 % are right", "tier1")
        await alarms.refresh()
        await store.stop()
        return alarm.id

    return asyncio.run(once())


def test_alarms_are_listed_and_ended(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--config", str(config)]
    id = rung(tmp_path)
    assert main(["alarms", "list", *asked, "--json", str(tmp_path / "a.json")]) == 0
    told = capsys.readouterr().out
    assert f"{id}  2001-09-09 01:46:40+00:00  accuracy, tier tier1" in told
    assert "drafts of tier1 are not believed" in told
    assert json.loads((tmp_path / "a.json").read_text())["alarms"][0]["id"] == id
    assert main(["alarms", "end", id, *asked]) == 0
    assert main(["alarms", "end", id, *asked]) == 0
    assert "was over at" in capsys.readouterr().out
    main(["alarms", "list", *asked])
    assert capsys.readouterr().out == "no alarms\n"
    main(["alarms", "list", "--all", *asked])
    assert ", over " in capsys.readouterr().out


def test_a_list_makes_no_ledger_and_brings_none_up_to_date(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["alarms", "list", "--config", str(config)]) == 2
    assert "no ledger there" in capsys.readouterr().err
    assert not (tmp_path / "own.db").exists()
    rung(tmp_path)
    with sqlite3.connect(tmp_path / "own.db") as db:
        db.execute("update alembic_version set version_num = '0004'")
    db.close()
    assert main(["alarms", "list", "--config", str(config)]) == 2
    assert "of an older release" in capsys.readouterr().err
    with sqlite3.connect(tmp_path / "own.db") as db:
        assert db.execute("select version_num from alembic_version").fetchall() == [("0004",)]
    db.close()


def test_an_unknown_alarm_is_named(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alarms", "end", "alarm_x", "--config", str(config)]) == 2
    assert "there is no alarm 'alarm_x'" in capsys.readouterr().err
