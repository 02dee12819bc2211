"""Who may ask once more just now?"""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.access.pace import MANY, LocalPace
from rungwise.errors import TooFast
from rungwise.types import Caller


class Time:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def ask(pace: LocalPace, caller: Caller) -> TooFast | None:
    try:
        with pace.permit(caller):
            return None
    except TooFast as error:
        return error


def test_a_minute_s_worth_may_come_at_once_and_then_one_at_a_time() -> None:
    time, caller = Time(), Caller(name="ci", requests_per_minute=3)
    pace = LocalPace(time)
    assert [ask(pace, caller) for _ in range(3)] == [None] * 3
    refused = ask(pace, caller)
    assert refused is not None and refused.code == "rate_limit_exceeded"
    assert refused.retry_after_s == pytest.approx(20.0)
    time.now += 20.0
    assert ask(pace, caller) is None and ask(pace, caller) is not None


def test_so_many_at_once_and_one_more_when_one_has_ended() -> None:
    pace, caller = LocalPace(), Caller(name="ci", concurrent=2)
    with ExitStack() as open:
        open.enter_context(pace.permit(caller))
        with pace.permit(caller):
            refused = ask(pace, caller)
            assert refused is not None and refused.code == "too_many_at_once"
            assert refused.retry_after_s > 0
        assert ask(pace, caller) is None
    assert ask(pace, caller) is None


def test_what_is_refused_for_being_too_much_at_once_costs_no_turn() -> None:
    pace, caller = LocalPace(Time()), Caller(name="ci", concurrent=1, requests_per_minute=2)
    with pace.permit(caller):
        assert ask(pace, caller) is not None
    assert ask(pace, caller) is None


def test_an_error_gives_the_place_back() -> None:
    pace, caller = LocalPace(), Caller(name="ci", concurrent=1)
    with pytest.raises(ValueError), pace.permit(caller):
        raise ValueError
    assert ask(pace, caller) is None


def test_one_caller_does_not_slow_another_down() -> None:
    pace = LocalPace(Time())
    assert ask(pace, Caller(name="a", requests_per_minute=1)) is None
    assert ask(pace, Caller(name="b", requests_per_minute=1)) is None


def test_callers_who_were_quiet_for_a_minute_are_forgotten() -> None:
    time = Time()
    pace = LocalPace(time)
    for number in range(MANY):
        ask(pace, Caller(name=str(number), requests_per_minute=1))
    time.now += 61
    busy = Caller(name="0", requests_per_minute=1, concurrent=1)
    with pace.permit(busy):
        ask(pace, Caller(name="new", requests_per_minute=1))
        assert len(pace._askers) == 2
        assert ask(pace, busy) is not None


@given(
    st.integers(1, 120),
    st.lists(st.floats(0, 30, allow_nan=False), max_size=60),
)
def test_never_more_than_the_burst_and_what_the_time_brought(
    per_minute: int, pauses: list[float]
) -> None:
    time, caller = Time(), Caller(name="ci", requests_per_minute=per_minute)
    pace, let_in = LocalPace(time), 0
    for pause in pauses:
        time.now += pause
        let_in += ask(pace, caller) is None
    assert let_in <= per_minute + sum(pauses) * per_minute / 60 + 1e-6
