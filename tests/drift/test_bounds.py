"""Exact bounds: a truth lies outside them no more often than they say."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.drift.bounds import at_least, at_most, rank_above


def tail(count: int, share: float, hits: int) -> float:
    """P(Binomial(count, share) >= hits), summed up."""
    return sum(
        math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(hits, count + 1)
    )


@given(st.integers(1, 60), st.data())
def test_at_the_bound_so_many_hits_have_just_the_risk(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(1, count))
    risk = data.draw(st.floats(0.001, 0.5))
    assert tail(count, at_least(hits, count, risk), hits) == pytest.approx(risk, abs=1e-9)


@given(st.integers(1, 5000), st.data())
def test_the_bounds_hold_what_was_counted(count: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, count))
    low, high = at_least(hits, count, 0.05), at_most(hits, count, 0.05)
    assert 0 <= low <= hits / count <= high <= 1


@given(st.integers(1, 300), st.floats(0.5, 0.99))
def test_a_quantile_lies_above_its_rank_no_oftener_than_told(count: int, share: float) -> None:
    rank, risk = rank_above(count, share, 0.05)
    assert risk == pytest.approx(tail(count, share, rank), abs=1e-9)
    assert risk <= 0.05 or rank == count
