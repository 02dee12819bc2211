"""What is told of an engine between two looks?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rungwise.edge.engines import Engines


def rung(**told: Any) -> Any:
    stats = {"running": 2, "waiting": 1, "kv_use": 0.5, "queried": 0, "hits": 0, "written": 0}
    return SimpleNamespace(name="tier1", stats=SimpleNamespace(**{**stats, **told}))


def test_the_pace_is_what_was_written_over_the_last_twenty_seconds() -> None:
    times, engine = [0.0], rung(queried=8, hits=2)
    engines = Engines([engine], now=lambda: times[0])

    def pace(at: float, written: int) -> float | None:
        times[0], engine.stats.written = at, written
        told = engines.of("tier1")
        assert told is not None
        return told.tokens_per_s

    first = engines.of("tier1")
    assert first is not None and first.tokens_per_s is None
    assert (first.running, first.waiting, first.kv_use, first.prefix_hits) == (2, 1, 0.5, 0.25)
    assert pace(1.0, 50) is None, "too soon to say"
    assert pace(5.0, 500) == 100.0
    assert pace(10.0, 500) == 50.0, "drafts that are at work count when they end"
    assert pace(20.0, 3000) == 150.0
    assert pace(30.0, 3000) == 125.0, "since the look at 10 s, the last one that is so long ago"
    assert pace(40.0, 3000) == 0.0
    assert pace(500.0, 9000) is None, "too long ago to say"
    assert pace(504.0, 9400) == 100.0
    assert pace(1000.0, 9400) is None
    assert [pace(1045.0, 9400), pace(1055.0, 9400)] == [0.0, 0.0]
    assert pace(1062.0, 9570) == 10.0, "what is too old is left out, and nothing else"


def test_an_engine_that_tells_nothing_is_not_made_up() -> None:
    silent = SimpleNamespace(name="tier1", stats=None)
    assert Engines([silent]).of("tier1") is None
    assert Engines([rung()]).of("tier2") is None
    told = Engines([rung()]).of("tier1")
    assert told is not None and told.prefix_hits is None
