"""What does closing do to what is open, and to what is new?"""

from __future__ import annotations

import pytest

from rungwise.edge.closing import Closing, closing_of
from rungwise.edge.refusals import Draining
from tests.edge.doubles import app


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_open_answers_are_counted_until_they_end_however_they_end() -> None:
    closing = Closing()
    with closing.answer():
        with pytest.raises(ZeroDivisionError), closing.answer():
            assert closing.open == 2
            raise ZeroDivisionError
        assert closing.open == 1
    assert closing.open == 0


def test_once_it_begins_nothing_new_does_and_what_is_open_has_its_time() -> None:
    closing = Closing(now=(clock := Clock()))
    assert not closing.begun and closing.left_s == float("inf")
    with closing.answer():
        closing.begin(30.0)
        assert closing.begun and (closing.left_s, closing.awaited) == (30.0, 1)
        clock.now += 10
        with pytest.raises(Draining) as refused, closing.answer():
            raise AssertionError("it was let in")
        assert refused.value.retry_after_s == 20.0 and closing.open == 1
    clock.now += 100
    assert closing.left_s == 0 and (closing.open, closing.awaited) == (0, 1)


def test_it_begins_once() -> None:
    closing = Closing(now=(clock := Clock()))
    closing.begin(30.0)
    clock.now += 10
    closing.begin(30.0)
    assert closing.left_s == 20.0


def test_every_app_has_its_own() -> None:
    one, other = app(), app()
    assert closing_of(one) is closing_of(one) is not closing_of(other)
