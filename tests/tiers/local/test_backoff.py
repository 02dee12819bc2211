"""How long is it waited before the next start, and when is it enough?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import RestartConfig
from rungwise.tiers.local.backoff import Backoff


@st.composite
def configs(draw: st.DrawFn) -> RestartConfig:
    first = draw(st.floats(0.001, 1e3))
    return RestartConfig(
        first_wait_s=first,
        most_wait_s=draw(st.floats(first, 86_400)),
        tries=draw(st.integers(0, 200)),
        settled_s=draw(st.floats(0, 1e4)),
    )


def backoff(**told: Any) -> Backoff:
    return Backoff(RestartConfig(**{"first_wait_s": 1, "most_wait_s": 60, "tries": 5, **told}))


@given(configs())
def test_waits_double_up_to_the_longest(
    config: RestartConfig,
) -> None:
    subject, waits = Backoff(config), list[float]()
    subject.start_failed()
    while (wait_s := subject.wait_s()) is not None:
        waits.append(wait_s)
        subject.start_failed()
    assert len(waits) == max(0, config.tries - 1)
    assert waits[:1] == [config.first_wait_s][: len(waits)]
    for one, next_s in pairwise(waits):
        assert next_s == min(2 * one, config.most_wait_s)


@given(configs(), st.lists(st.none() | st.floats(0, 2e4), max_size=30))
def test_an_engine_that_ran_long_enough_begins_a_new_row_and_so_does_the_first_thing_of_all(
    config: RestartConfig, events: list[float | None]
) -> None:
    """None is a start that failed, a number how long an engine ran before it died."""
    subject, row, clean = Backoff(config), 0, True
    for ran_s in events:
        if ran_s is None:
            subject.start_failed()
        else:
            subject.died(ran_s)
        begins = ran_s is not None and (clean or ran_s >= config.settled_s)
        row, clean = 0 if begins else row + 1, False
        assert subject.failed == row
        wait_s = subject.wait_s()
        assert (wait_s is None) == (row >= config.tries)
        if row == 0 and wait_s is not None:
            assert wait_s == config.first_wait_s


def test_what_comes_next_and_what_no_more_is_told() -> None:
    subject = backoff(tries=2)
    subject.died(1e6)
    assert subject.next_start == "start 1 of 2"
    subject.start_failed()
    assert subject.next_start == "start 2 of 2"
    subject.start_failed()
    assert subject.over("no GPU") == (
        "2 starts in a row failed, the last: no GPU; mend that, then restart the server"
    )
    once, never = backoff(tries=1), backoff(tries=0)
    once.start_failed()
    assert once.over("no GPU").startswith("its start failed: no GPU; mend")
    assert "restart.tries is 0" in never.over("it died")


@given(configs(), st.floats(0, 2e4))
def test_an_engine_that_died_once_is_started_once_more_at_the_least(
    config: RestartConfig, ran_s: float
) -> None:
    subject = Backoff(config)
    subject.died(ran_s)
    assert subject.failed == 0 and (subject.wait_s() is None) == (config.tries == 0)


def test_deaths_are_told_apart_from_starts_that_failed() -> None:
    subject = backoff(tries=1, settled_s=300)
    subject.died(157)
    subject.start_failed()
    assert subject.over("no GPU").startswith("its start failed: no GPU; mend")
    subject = backoff(tries=2, settled_s=300)
    for _ in range(3):
        subject.died(157)
    assert subject.wait_s() is None
    assert subject.over("it died").startswith("it died 3 times in a row, the last time: it died;")
    subject = backoff(tries=2, settled_s=300)
    subject.died(157)
    subject.died(9)
    subject.start_failed()
    assert subject.over("no GPU").startswith(
        "2 starts in a row failed, or it died soon after; the last: no GPU;"
    )
