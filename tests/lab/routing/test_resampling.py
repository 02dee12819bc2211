"""Intervals over groups and steps, and paired differences."""

from collections.abc import Callable

import numpy as np
import pytest

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.routing.resampling import (
    FEWEST_GROUPS,
    estimate,
    estimates,
    estimates_of_rounds,
    resamples,
)

STEPS = 240
VALUES = np.random.default_rng(1).random(STEPS)


def mean(weight: Floats) -> float:
    return float(VALUES @ weight / weight.sum())


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    found = estimate(mean, resamples(range(STEPS), count=2000))
    spread = 1.96 * VALUES.std() / np.sqrt(STEPS)
    assert found.value == pytest.approx(VALUES.mean())
    assert found.low == pytest.approx(VALUES.mean() - spread, abs=0.006)
    assert found.high == pytest.approx(VALUES.mean() + spread, abs=0.006)


def test_groups_are_drawn_whole_and_as_many_as_there_are() -> None:
    groups = [n // 10 for n in range(STEPS)]
    for weight in resamples(groups, count=20).weights():
        by_group = weight.reshape(-1, 10)
        assert (by_group == by_group[:, :1]).all()
        assert by_group[:, 0].sum() == STEPS // 10


def test_of_few_groups_each_keeps_its_steps() -> None:
    groups = [n % (FEWEST_GROUPS - 1) for n in range(STEPS)]
    for weight in resamples(groups, count=20).weights():
        drawn = np.bincount(groups, weight)
        assert (drawn == np.bincount(groups)).all() and weight.max() > 1


def test_steps_that_go_together_make_an_interval_wider() -> None:
    values = np.repeat(np.random.default_rng(2).random(24), 10)

    def together(weight: Floats) -> float:
        return float(values @ weight / weight.sum())

    apart = estimate(together, resamples(range(STEPS)))
    grouped = estimate(together, resamples([n // 10 for n in range(STEPS)]))
    assert grouped.high - grouped.low > 2 * (apart.high - apart.low)


def test_a_difference_is_paired() -> None:
    drawn = resamples(range(STEPS))
    found = estimates(lambda w: {"one": mean(w), "more": mean(w) + 0.1}, drawn)
    over = found["more"] - found["one"]
    assert over.value == pytest.approx(0.1)
    assert over.low == pytest.approx(0.1) and over.high == pytest.approx(0.1)


def test_of_several_rounds_a_figure_is_the_mean_and_its_interval_holds_their_spread() -> None:
    def shifted(by: float) -> Callable[[Floats], dict[str, float]]:
        return lambda weight: {"mean": mean(weight) + by}

    drawn = resamples(range(STEPS))
    (same, apart) = (
        estimates_of_rounds([shifted(-by), shifted(0), shifted(by)], drawn)["mean"]
        for by in (0.0, 0.3)
    )
    alone = estimate(mean, drawn)
    assert (same.low, same.high) == (pytest.approx(alone.low), pytest.approx(alone.high))
    assert apart.value == pytest.approx(alone.value)
    assert apart.rounds == pytest.approx([VALUES.mean() + by for by in (-0.3, 0, 0.3)])
    # the mean of 3 rounds drawn from these 3 has a standard deviation of .3 * sqrt(2) / 3
    assert apart.high - apart.low > 2 * 1.5 * 0.3 * 2**0.5 / 3
    assert list(apart.fields_of_rounds("x")) == ["x", "x_interval", "x_rounds"]
    assert list(alone.fields_of_rounds("x")) == ["x", "x_interval"]


def test_the_same_seed_draws_the_same() -> None:
    one, same, other = (estimate(mean, resamples(range(STEPS), seed=s)).low for s in (0, 0, 1))
    assert one == same != other


def test_where_a_figure_is_undefined_it_is_left_out_of_the_interval() -> None:
    def sometimes(weight: Floats) -> float:
        if weight[0] == 0:
            raise ValueError("undefined")
        return mean(weight)

    found = estimate(sometimes, resamples(range(STEPS)))
    assert 0 < np.isnan(found.drawn).sum() < len(found.drawn)
    assert found.low < found.value < found.high
    never = estimate(lambda weight: float("nan"), resamples(range(STEPS), count=3))
    assert never.as_json() == {"value": None, "low": None, "high": None}
