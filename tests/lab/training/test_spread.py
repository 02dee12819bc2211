"""What goes with a forecast is counted where there is enough of it."""

import numpy as np
import pytest

from rungwise.lab.predictors.platt import sigmoid
from rungwise.lab.training.spread import BARS, links_of, spread_of

RNG = np.random.default_rng(0)


def test_a_tier_that_is_right_where_the_lower_one_is_has_a_link_that_says_so() -> None:
    below = (RNG.random(2000) < 0.5).astype(np.float64)
    above = np.where(below > 0, RNG.random(2000) < 0.95, RNG.random(2000) < 0.4).astype(np.float64)
    foreseen = np.full((2000, 2), 0.675)
    (link,) = links_of(("low", "high"), foreseen, np.column_stack((below, above)), np.ones(2000))
    z = np.log(0.675 / 0.325)
    right, wrong = (
        sigmoid(np.array(told.intercept + told.slope * z)) for told in (link.right, link.wrong)
    )
    assert (float(right), float(wrong)) == pytest.approx((0.95, 0.4), abs=0.03)


def test_few_steps_with_both_labels_make_no_link() -> None:
    right = np.full((60, 2), np.nan)
    right[:29] = 1.0
    assert links_of(("low", "high"), np.full((60, 2), 0.5), right, np.ones(60)) == ()


def test_confidences_are_counted_by_what_was_foreseen() -> None:
    foreseen = np.repeat([0.3, 0.9], 1000)
    right = (RNG.random(2000) < foreseen).astype(np.float64)
    sure = np.where(right > 0, 0.95, 0.15)
    spread = spread_of(sure, foreseen, right)
    assert spread is not None and spread.count == 2000 and spread.bars == BARS
    at = spread.bars.index(0.5)
    assert all(row[at] > 0.95 for row in spread.of_right)
    assert all(row[at] < 0.05 for row in spread.of_wrong)
    assert all(row[0] == 1.0 for row in spread.of_right)


def test_few_confidences_are_not_counted() -> None:
    few = np.full(500, np.nan)
    few[:199] = 0.5
    assert spread_of(few, np.full(500, 0.5), (np.arange(500) % 2).astype(np.float64)) is None
    assert spread_of(np.full(500, 0.5), np.full(500, 0.5), np.ones(500)) is None
