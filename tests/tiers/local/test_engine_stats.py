"""Plain numbers of an engine: nothing is lost between bounds, nor with an engine that dies."""

from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.local.engine_stats import EngineStats, Spread


@given(st.lists(st.floats(-1, 1e6)))
def test_every_value_falls_under_its_bound_once(values: list[float]) -> None:
    spread = Spread((0.1, 1.0, 10.0))
    for value in values:
        spread.note(value)
    assert sum(spread.counts) == len(values)
    under = [sum(v <= bound for v in values) for bound in spread.bounds]
    assert [sum(spread.counts[: n + 1]) for n in range(3)] == under
    assert spread.total >= 0


def test_counts_outlive_an_engine_and_its_queue_does_not() -> None:
    stats = EngineStats()
    stats.stand(0, running=4, waiting=1, kv_use=0.5)
    stats.written += 10
    stats.rest()
    assert (stats.running, stats.waiting, stats.kv_use, stats.written) == (0, 0, None, 10)


def test_an_engine_that_nobody_asks_holds_nothing() -> None:
    stats = EngineStats()
    stats.stand(0, running=4, waiting=1, kv_use=0.5)
    stats.idle()
    assert (stats.running, stats.waiting, stats.kv_use) == (0, 0, 0.0)


def test_an_end_that_is_not_known_is_another() -> None:
    stats = EngineStats()
    for how in ("stop", "stop", "melted"):
        stats.end(how)
    assert stats.ended["stop"] == 2 and stats.ended["other"] == 1 and "melted" not in stats.ended
