"""How probably a draft reaches its bar: from tables, or as assumed; for one chat and for many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.reach import Reach, assumed_reach

P = st.floats(0, 1)
MADE = Reach(
    probability=(0.2, 0.8),
    bars=(0.0, 0.5, 1.0),
    of_right=((1.0, 0.4, 0.0), (1.0, 0.9, 0.1)),
    of_wrong=((1.0, 0.1, 0.0), (1.0, 0.5, 0.1)),
)


def test_between_the_points_of_a_table_it_is_linear_and_outside_it_is_flat() -> None:
    assert MADE.right(0.5, 0.2) == pytest.approx(0.2 * 0.4)
    assert MADE.right(0.25, 0.2) == pytest.approx(0.2 * 0.7)
    assert MADE.right(0.5, 0.5) == pytest.approx(0.5 * 0.65)
    assert MADE.right(0.5, 0.1) == pytest.approx(0.1 * 0.4)
    assert MADE.chance(1.0, 0.9) == pytest.approx(0.9 * 0.1 + 0.1 * 0.1)
    assert MADE.chance(1.2, 0.9) == 0.0


@given(st.sampled_from([MADE, assumed_reach()]), P, P, P)
def test_whatever_is_asked_is_a_probability(
    reach: Reach, bar: float, lower: float, p: float
) -> None:
    chance, right = reach.chance(bar, p), reach.right(bar, p)
    assert 0 <= right <= chance + 1e-12 and chance <= 1 + 1e-12 and right <= p
    low, high = sorted((bar, lower))
    assert reach.chance(high, p) <= reach.chance(low, p) + 1e-12
    assert reach.chance(0.0, p) == pytest.approx(1) and reach.right(0.0, p) == pytest.approx(p)


@given(st.sampled_from([MADE, assumed_reach()]), st.lists(st.tuples(P, P), min_size=1, max_size=9))
def test_many_chats_at_once_are_told_the_same_as_one(
    reach: Reach, asked: list[tuple[float, float]]
) -> None:
    bars, p = np.array(asked).T
    for told in ("chance", "right"):
        many = getattr(reach, told)(bars, p)
        one = [getattr(reach, told)(bar, q) for bar, q in asked]
        assert many.tolist() == pytest.approx(one)


def test_a_table_of_one_bin_is_flat() -> None:
    reach = Reach(
        probability=(0.5,), bars=(0.0, 1.0), of_right=((1.0, 0.5),), of_wrong=((1.0, 0.0),)
    )
    assert reach.right(1.0, 0.3) == pytest.approx(0.15)
    assert reach.right(np.array([1.0, 0.0]), np.array([0.3, 0.3])) == pytest.approx([0.15, 0.3])


def test_what_is_assumed_is_a_beta_distribution_that_means_what_it_says() -> None:
    """At P = 1/2 and a strength of 3: Beta(1.5, 1.5), whose upper half weighs 1/2."""
    reach = assumed_reach()
    assert reach.chance(0.5, 0.5) == pytest.approx(0.5, abs=0.01)
    bars = np.linspace(0, 1, 2001)
    for p in (0.3, 0.5, 0.9):
        chance = reach.chance(bars, np.full_like(bars, p))
        assert np.trapezoid(chance, bars) == pytest.approx(p, abs=0.01)
        sure = -np.diff(reach.right(bars, np.full_like(bars, p)))
        mass = -np.diff(chance)
        middle = (bars[1:] + bars[:-1]) / 2
        for low in (0.2, 0.5, 0.8):
            rows = (middle > low) & (middle < low + 0.1)
            assert sure[rows].sum() / mass[rows].sum() == pytest.approx(low + 0.05, abs=0.03)
