"""Figures of merit against values that can be told by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.calibration.quality import (
    auroc,
    brier,
    calibration_error,
    error_interval,
    ideal_risk,
    log_loss,
    reliability,
    risk_by_coverage,
)


def right(text: str) -> np.ndarray:
    return np.array([char == "+" for char in text])


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([1.0, 2, 3, 4]), right("--++")) == 1.0
    assert auroc(np.array([1.0, 1]), right("-+")) == 0.5
    assert auroc(np.array([1.0, 2]), right("++")) is None


def test_brier_and_log_loss() -> None:
    p = np.array([0.8, 0.4])
    assert np.isclose(brier(p, right("+-")), (0.04 + 0.16) / 2)
    assert np.isclose(log_loss(p, right("+-")), -(np.log(0.8) + np.log(0.6)) / 2)


def test_a_known_gap_is_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(20_000) * 0.5 + 0.4
    true = rng.random(20_000) < p - 0.1
    assert abs(calibration_error(p, true) - 0.1) < 0.01
    low, high = error_interval(p, true, np.arange(20_000))
    assert low < calibration_error(p, true) < high < low + 0.03


def test_a_perfect_curve_may_have_no_error_at_all_and_the_estimate_is_always_within() -> None:
    """Percentiles of the resamples would never cover 0; turned round, they mostly do."""
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p = rng.random(1000)
        true = rng.random(1000) < p
        low, high = error_interval(p, true, np.arange(1000))
        assert 0 <= low <= calibration_error(p, true) <= high <= 1
        covered += low == 0.0
    assert covered >= 8


def test_groups_that_agree_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    p = np.full(400, 0.5)
    true = np.repeat(rng.random(20) < 0.5, 20)
    alone = error_interval(p, true, np.arange(400))
    together = error_interval(p, true, np.repeat(np.arange(20), 20))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1))
def test_the_same_probability_is_never_parted(pairs: list[tuple[float, bool]]) -> None:
    p, true = (np.array(column) for column in zip(*pairs, strict=True))
    bins = reliability(p, true)
    assert sum(found.count for found in bins) == len(pairs)
    assert len(bins) <= 3
    assert 0 <= calibration_error(p, true) <= 1


def test_risk_by_coverage_accepts_the_surest_first() -> None:
    covered, risk = risk_by_coverage(np.array([0.9, 0.5, 0.7, 0.7]), right("+--+"))
    assert covered.tolist() == [0.25, 0.75, 1.0]
    assert np.allclose(risk, [0, 1 / 3, 0.5])
    assert np.allclose(ideal_risk(right("+--+"))[1], [0, 0, 1 / 3, 0.5])


def test_a_weight_counts_like_so_many_drafts() -> None:
    rng = np.random.default_rng(0)
    p, was = rng.random(60).round(1), rng.random(60) < 0.5
    times = rng.integers(1, 4, 60)
    weight, many = times.astype(np.float64), np.repeat(np.arange(60), times)
    assert auroc(p, was, weight) == pytest.approx(auroc(p[many], was[many]))
    assert brier(p, was, weight) == pytest.approx(brier(p[many], was[many]))
    heavy = np.where(was == (p > 0.5), 1.0, 9.0)  # those that are far off
    assert calibration_error(p, was, heavy) > calibration_error(p, was)
    low, high = error_interval(p, was, np.arange(60), weight=heavy)
    assert low <= calibration_error(p, was, heavy) <= high
