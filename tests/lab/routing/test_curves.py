"""Curves of cost and quality: corners, areas, hulls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.routing.curves import Curve, Ends, Sweep, ends_of, hull
from rungwise.lab.routing.figures import NoGap, ranking

ENDS = Ends(low_cost=1.0, high_cost=3.0, low_right=0.5, high_right=0.9)


def curve(cost: list[float], right: list[float]) -> Curve:
    return Curve(cost=np.array(cost), right=np.array(right), ends=ENDS)


def test_a_straight_line_recovers_half_of_the_gap() -> None:
    line = curve([0, 1], [0.5, 0.9])
    assert line.recovered() == pytest.approx(0.5)
    assert line.reached(0.8) == pytest.approx(0.8)


def test_above_its_dearest_setting_a_curve_is_level() -> None:
    found = curve([0, 0.5], [0.5, 0.7])
    assert found.at(np.array([0.25, 0.5, 1.0])).tolist() == pytest.approx([0.6, 0.7, 0.7])
    assert found.reached(0.5) == pytest.approx(0.5) and found.reached(0.51) is None


def test_what_passes_the_end_of_the_axis_is_cut_off_there() -> None:
    found = curve([0, 2], [0.5, 0.9])
    assert found.reached(0.5) == pytest.approx(1.0) and found.reached(0.6) is None


def test_the_area_between_two_curves_is_a_mean_difference() -> None:
    above, below = curve([0, 1], [0.6, 1.0]), curve([0, 1], [0.5, 0.9])
    assert above.over(below) == pytest.approx(0.1) and below.over(above) == pytest.approx(-0.1)


def test_without_a_gap_nothing_is_recovered() -> None:
    flat = Ends(low_cost=1.0, high_cost=3.0, low_right=0.9, high_right=0.9)
    with pytest.raises(NoGap):
        Curve(cost=np.array([0.0, 1.0]), right=np.array([0.9, 0.9]), ends=flat).recovered()


def test_a_dearest_rung_must_be_dearer() -> None:
    with pytest.raises(ValueError, match="not dearer"):
        ends_of(np.array([[2.0, 1.0]]), np.array([[0.0, 1.0]]), np.ones(1))


def test_a_sweep_over_calls_agrees_with_the_ranking() -> None:
    """With two rungs of fixed prices the axis of costs is the share of calls."""
    rng = np.random.default_rng(0)
    weak, strong = (rng.random(300) < 0.6).astype(float), (rng.random(300) < 0.8).astype(float)
    score = rng.random(300)
    sent = score >= np.append(np.sort(score), np.inf)[:, None]
    sweep = Sweep(
        settings=tuple(range(301)),
        cost=np.where(sent, 10.0, 1.0),
        right=np.where(sent, strong, weak),
        count=np.ones(300),
        first=np.arange(300),
    )
    cost = np.tile([1.0, 10.0], (300, 1))
    weight = rng.integers(0, 3, 300).astype(float)
    ends = ends_of(cost, np.column_stack((weak, strong)), weight)
    found, exact = sweep.curve(weight, ends), ranking(score, weak, strong)
    assert found.recovered() == pytest.approx(exact.apgr(weight), abs=2e-3)
    assert found.reached(0.5) == pytest.approx(exact.cpt(0.5, weight), abs=1e-9)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1, max_size=12))
def test_no_point_lies_above_the_hull(points: list[tuple[float, float]]) -> None:
    cost, right = (np.array(column) for column in zip(*points, strict=True))
    chain = hull(cost, right)
    assert (np.diff(cost[chain]) >= 0).all() and (np.diff(right[chain]) > 0).all()
    assert right[chain[-1]] == right.max()
    inside = (cost >= cost[chain[0]]) & (cost <= cost[chain[-1]])
    line = np.interp(cost[inside], cost[chain], right[chain])
    assert (right[inside] <= line + 1e-6).all()
