"""Intervals of a few rounds keep what they say, and where they could not none is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.bench.by_round import LEAST, in_terms, median, ratio, shown


@pytest.mark.parametrize("rounds", [5, 6, 7, 8, 12])
def test_from_five_rounds_on_it_holds_the_true_median_nineteen_times_in_twenty(rounds: int) -> None:
    draw, held, tries = np.random.default_rng(3), 0, 4000
    for _ in range(tries):
        _, low, high = median(list(draw.normal(1.0, 0.05, rounds)))
        assert low is not None and high is not None
        held += low <= 1.0 <= high
    assert held / tries == pytest.approx(0.9375 if rounds == 5 else 0.95, abs=0.01)


@given(st.lists(st.floats(0.1, 10), min_size=LEAST, max_size=30))
def test_the_median_lies_in_its_interval_and_that_among_the_rounds(values: list[float]) -> None:
    middle, low, high = median(values)
    assert low is not None and high is not None
    assert min(values) <= low <= middle <= high <= max(values)


@pytest.mark.parametrize("rounds", [1, 2, 3, 4])
def test_of_fewer_rounds_none_is_told(rounds: int) -> None:
    assert rounds < LEAST
    assert median([2.0] * rounds) == ratio([4.0] * rounds, [2.0] * rounds) == (2.0, None, None)


def test_the_ratio_is_paired() -> None:
    assert ratio([2.0, 4.0, 8.0, 2.0, 2.0], [1.0, 2.0, 4.0, 1.0, 1.0]) == (2.0, 2.0, 2.0)


def test_in_other_terms_the_low_end_stays_the_low_one() -> None:
    assert in_terms((0.5, 0.25, 1.0), lambda x: 1 / x) == (2.0, 1.0, 4.0)
    assert in_terms((0.5, 0.25, 1.0), lambda x: 10 * x) == (5.0, 2.5, 10.0)
    assert in_terms((0.5, None, None), lambda x: 1 - x) == (0.5, None, None)


def test_where_there_is_no_interval_stands_a_dash() -> None:
    assert shown((0.5, 0.25, 1.0)) == "0.500 [0.250, 1.000]"
    assert shown((0.5, None, None)) == "0.500 [-]"
