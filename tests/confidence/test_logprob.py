"""The signals against their definitions, and the promise of `best`."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.logprob import SIGNALS, WINDOW, new_signals

LOGPROBS = st.lists(st.floats(min_value=-30, max_value=0), min_size=1, max_size=60)


def read(name: str, logprobs: list[float]) -> float | None:
    (signal,) = new_signals((name,))
    for logprob in logprobs:
        signal.feed(logprob)
    return signal.value()


@given(LOGPROBS)
def test_each_signal_is_what_its_name_says(logprobs: list[float]) -> None:
    windows = [
        sum(logprobs[i : i + WINDOW]) / WINDOW for i in range(len(logprobs) - WINDOW + 1)
    ] or [sum(logprobs) / len(logprobs)]
    assert math.isclose(read("mean_logprob", logprobs), sum(logprobs) / len(logprobs), abs_tol=1e-9)
    assert read("min_logprob", logprobs) == min(logprobs)
    assert math.isclose(read("worst_window_logprob", logprobs), min(windows), abs_tol=1e-9)


@given(LOGPROBS, LOGPROBS)
def test_best_is_never_exceeded_whatever_is_written_next(
    first: list[float], rest: list[float]
) -> None:
    for name in SIGNALS:
        (signal,) = new_signals((name,))
        for logprob in first:
            signal.feed(logprob)
        bound = signal.best()
        for logprob in rest:
            signal.feed(logprob)
        assert bound is not None
        assert signal.value() <= bound + 1e-9


def test_nothing_read_is_no_reading() -> None:
    for signal in new_signals(tuple(SIGNALS)):
        assert signal.value() is None
