"""What each signal reads, token by token, against its definition over the whole draft."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.logprob import WINDOW, WorstWindowLogprob, entropy, margin
from rungwise.confidence.signals import SIGNALS, best_of, likeliest_for, new_signal

LOGPROBS = st.floats(min_value=-20, max_value=0)


def read(name: str, logprobs: Sequence[float], likeliest: Sequence[Sequence[float]] = ()) -> float:
    signal = new_signal(name)
    assert signal is not None
    for place, value in enumerate(logprobs):
        signal.feed(value, likeliest[place] if likeliest else ())
    found = signal.value()
    assert found is not None
    return found


@given(st.lists(LOGPROBS, min_size=1, max_size=60))
def test_each_signal_is_what_its_definition_says(logprobs: list[float]) -> None:
    ranked = sorted(logprobs)
    assert read("mean_logprob", logprobs) == pytest.approx(sum(logprobs) / len(logprobs))
    assert read("min_logprob", logprobs) == ranked[0]
    assert read("first_logprob", logprobs) == logprobs[0]
    assert read("log_length", logprobs) == math.log1p(len(logprobs))
    for share in (5, 10, 25, 50):
        rank = max(1, math.ceil(share / 100 * len(logprobs)))
        assert read(f"q{share:02}_logprob", logprobs) == ranked[rank - 1]
    windows = [logprobs[i : i + WINDOW] for i in range(len(logprobs) - WINDOW + 1)] or [logprobs]
    worst = min(sum(w) / len(w) for w in windows)
    assert read("worst_window_logprob", logprobs) == pytest.approx(worst, abs=1e-9)


@given(st.lists(LOGPROBS, min_size=1, max_size=40), st.lists(LOGPROBS, max_size=40))
@pytest.mark.parametrize("name", [n for n, k in SIGNALS.items() if k.make and not k.likeliest])
def test_no_ending_is_surer_than_the_best_that_was_foretold(
    name: str, written: list[float], more: list[float]
) -> None:
    signal = new_signal(name)
    assert signal is not None
    for value in written:
        signal.feed(value, ())
    best = signal.best()
    assert best is not None
    for value in more:
        signal.feed(value, ())
    ended = signal.value()
    assert ended is not None
    surer = SIGNALS[name].surer
    assert ended * surer <= best * surer + 1e-9
    foretold = best_of(name)
    assert foretold is None or best * surer <= foretold * surer


def test_only_a_full_window_binds() -> None:
    signal = WorstWindowLogprob()
    for _ in range(WINDOW - 1):
        signal.feed(-5.0, ())
    assert signal.best() == 0.0
    signal.feed(-5.0, ())
    assert signal.best() == signal.value() == -5.0


@pytest.mark.parametrize(
    ("logprob", "likeliest", "expected"),
    [
        (-0.1, (-0.1, -2.5), 2.4),
        (-2.5, (-0.1, -2.5), -2.4),
        (-7.0, (-0.1, -2.5), -6.9),
        (-0.1, (-0.1,), None),
        (-0.1, (), None),
    ],
)
def test_a_margin_is_over_the_likeliest_other_token(
    logprob: float, likeliest: tuple[float, ...], expected: float | None
) -> None:
    found = margin(logprob, likeliest)
    assert found == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.floats(0.01, 1), min_size=3, max_size=30), st.integers(2, 10))
def test_the_entropy_of_the_likeliest_never_exceeds_the_whole_one(
    weights: list[float], count: int
) -> None:
    shares = sorted((w / sum(weights) for w in weights), reverse=True)
    whole = -sum(p * math.log(p) for p in shares)
    seen = [math.log(p) for p in shares[:count]]
    assert 0 <= entropy(seen) <= whole + 1e-9
    if count >= len(shares):
        assert entropy(seen) == pytest.approx(whole)


def test_a_place_without_rivals_leaves_margin_and_entropy_unread() -> None:
    for name in ("mean_margin", "min_margin", "mean_entropy", "max_entropy"):
        signal = new_signal(name)
        assert signal is not None
        signal.feed(-0.1, (-0.1, -3.0))
        assert signal.value() is not None
        signal.feed(-0.1, ())
        assert signal.value() is None, "a missing reading is no reading, never certainty"


def test_no_more_is_asked_for_than_the_signals_need() -> None:
    assert likeliest_for(["mean_logprob", "q10_logprob"]) == 0
    assert likeliest_for(["mean_logprob", "min_margin"]) == 2
    assert likeliest_for(["all_mean_entropy"]) == 5
    assert new_signal("judge") is None
