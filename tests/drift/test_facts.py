"""Prices that change and models that end: once, and no longer than their owner wants to know."""

from __future__ import annotations

from pathlib import Path

from rungwise.days import DAY_S
from rungwise.drift.alarms import Alarms
from rungwise.drift.facts import Facts
from rungwise.drift.states import States
from rungwise.store.sql import Store
from rungwise.types import AlarmKind


class Told:
    def __init__(self, path: Path, kinds: tuple[AlarmKind, ...] = ("price", "shutdown")) -> None:
        self.prices: dict[str, str] = {"high": "$1"}
        self.endings: dict[str, str] = {}
        store = Store(path / "x.db")
        self.alarms = Alarms(store, "one", lambda: 0.0)
        self.facts = Facts(
            self.alarms,
            States(store),
            kinds,
            prices=lambda: self.prices,
            endings=lambda: self.endings,
        )

    def look(self, day: float) -> list[str]:
        self.facts.look(day * DAY_S)
        return [f"{alarm.kind} {alarm.about} {alarm.why}" for alarm in self.alarms.on]


def test_a_price_rings_for_a_week_and_then_is_the_usual_one(tmp_path: Path) -> None:
    told = Told(tmp_path)
    assert told.look(1) == []
    told.prices["high"] = "$2"
    assert told.look(2) == ["price tier high was $1, is $2"]
    assert told.look(8) == ["price tier high was $1, is $2"]
    assert told.look(9) == [] == told.look(10)


def test_the_old_price_again_ends_it(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(1)
    told.prices["high"] = "$2"
    assert told.look(2)
    told.prices["high"] = "$1"
    assert told.look(3) == []


def test_a_rung_that_is_gone_rings_no_longer_than_a_week(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(1)
    told.prices["high"] = "$2"
    assert told.look(2)
    del told.prices["high"]
    assert told.look(8) and told.look(9) == []
    assert not told.facts.known.changed and "high" not in told.facts.known.prices


def test_an_end_that_its_owner_has_seen_is_not_told_again(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.endings["high"] = "will be shut down on 2026-12-11"
    assert len(told.look(1)) == 1
    told.alarms.end("shutdown", "tier high")
    assert told.look(2) == []
    told.endings["high"] = "was shut down on 2026-12-11"
    assert len(told.look(3)) == 1
    del told.endings["high"]
    assert told.look(4) == []


def test_a_list_that_fails_and_a_clock_turned_back_change_nothing(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.look(5)
    told.prices["high"] = "$2"
    told.look(6)
    assert len(told.look(1)) == 1
    told.endings["high"] = "will be shut down on 2026-12-11"
    assert len(told.look(6)) == 2
    told.facts._prices = told.facts._endings = lambda: {}["x"]  # type: ignore[assignment]
    assert len(told.look(7)) == 2


def test_kinds_that_are_off_do_not_ring(tmp_path: Path) -> None:
    told = Told(tmp_path, kinds=())
    told.look(1)
    told.prices["high"], told.endings["high"] = "$2", "soon"
    assert told.look(2) == []
