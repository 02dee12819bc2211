"""Logits become probabilities that mean what they say."""

import numpy as np
import pytest

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.platt import fit_mix, log_loss, logit, platt, sigmoid


def drawn(count: int = 4000, seed: int = 0) -> tuple[Floats, Floats]:
    """True logits, and labels drawn by them."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0.5, 1.5, count)
    return z, (rng.random(count) < sigmoid(z)).astype(np.float64)


def test_slope_and_intercept_are_found_again() -> None:
    z, right = drawn()
    intercept, slope = platt((z - 1) / 2, right, np.ones(len(z)))
    assert (intercept, slope) == pytest.approx((1.0, 2.0), abs=0.15)


def test_with_hardly_any_labels_little_is_changed() -> None:
    intercept, slope = platt(np.array([3.0, -3.0]), np.array([1.0, 0.0]), np.ones(2))
    assert abs(intercept) < 0.2 and slope == pytest.approx(1.0, abs=0.2)


def test_two_overconfident_logits_become_one_probability_that_means_what_it_says() -> None:
    z, right = drawn()
    mixed = fit_mix(np.column_stack((3 * z, z)), right, np.ones(len(z)))
    assert mixed.of_words == mixed.of_trees == pytest.approx(0.25, abs=0.03)
    for low, high in ((0.1, 0.3), (0.5, 0.7), (0.85, 0.95)):
        rows = (mixed.held > low) & (mixed.held < high)
        assert right[rows].mean() == pytest.approx(mixed.held[rows].mean(), abs=0.05)
    told = mixed.validated
    assert told["log_loss"] < told["log_loss_of_share"] and told["auroc"] > 0.75


def test_logits_that_point_the_wrong_way_are_not_followed() -> None:
    z, right = drawn()
    mixed = fit_mix(np.column_stack((-z, -z)), right, np.ones(len(z)))
    assert mixed.of_words == mixed.of_trees == 0
    assert mixed.held == pytest.approx(np.full(len(z), right.mean()), abs=0.01)


def test_a_weight_is_as_many_labels() -> None:
    z, right = drawn(300)
    weight = np.random.default_rng(1).integers(1, 4, 300)
    times = np.repeat(np.arange(300), weight)
    one = platt(z, right, weight.astype(np.float64))
    assert one == pytest.approx(platt(z[times], right[times], np.ones(len(times))))


def test_ties_count_by_half() -> None:
    mixed = fit_mix(np.zeros((4, 2)), np.array([1.0, 0.0, 1.0, 0.0]), np.ones(4))
    assert mixed.validated["auroc"] == 0.5


def test_a_logit_is_the_inverse_within_bounds() -> None:
    p = np.array([0.1, 0.5, 0.99])
    assert sigmoid(logit(p)) == pytest.approx(p)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert log_loss(np.array([1.0]), np.array([0.0]), np.ones(1)) < 25
