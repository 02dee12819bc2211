"""The intervals against known values and their own promise."""

import math

from hypothesis import given
from hypothesis import strategies as st

from rungwise.counted import wilson
from rungwise.lab.intervals import binomial_cdf, upper_bound


def test_known_values() -> None:
    low, high = wilson(81, 263)
    assert math.isclose(low, 0.2553, abs_tol=1e-4) and math.isclose(high, 0.3662, abs_tol=1e-4)
    assert math.isclose(binomial_cdf(2, 5, 0.5), 0.5, abs_tol=1e-12)
    assert math.isclose(upper_bound(0, 299), 1 - 0.05 ** (1 / 299), abs_tol=1e-6)


def test_edges() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert upper_bound(5, 5) == 1.0
    assert binomial_cdf(3, 5, 0.0) == 1.0 and binomial_cdf(3, 5, 1.0) == 0.0


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_lies_inside(pair: tuple[int, int]) -> None:
    right, count = pair
    low, high = wilson(right, count)
    assert 0 <= low <= right / count <= high <= 1
    assert upper_bound(right, count) >= right / count
