"""Does the fit find what was put in, and does the threshold keep its promise?"""

import numpy as np
import pytest

from rungwise.lab.fit import Labelled, auroc, expected_calibration_error, fit, threshold
from rungwise.types import StepType

TYPES = (StepType.PLANNING, StepType.EXTRACTION)


def draws(count: int, seed: int) -> list[Labelled]:
    """p = sigmoid(3 + 2 x mean), one step type a little easier; `noise` says nothing."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        step_type = TYPES[i % 2]
        x = -rng.gamma(2.0, 0.6)
        z = 3 + 2 * x + (1.0 if step_type is TYPES[0] else -1.0)
        found.append(
            Labelled(
                step_type=step_type,
                readings={"mean": x, "noise": -rng.random()},
                right=bool(rng.random() < 1 / (1 + np.exp(-z))),
            )
        )
    return found


def test_the_fit_recovers_the_truth() -> None:
    found = fit(draws(6000, 0), ["mean", "noise"])
    weights = dict(zip(found.signals, found.weights, strict=True))
    assert abs(weights["mean"] - 2) < 0.2 and weights["noise"] < 0.3
    assert min(found.weights) >= 0
    assert abs(found.intercepts[TYPES[0]] - found.intercepts[TYPES[1]] - 2) < 0.3
    held_out = draws(4000, 1)
    right = [d.right for d in held_out]
    assert expected_calibration_error(found.probabilities(held_out), right) < 0.03


def test_labels_that_all_agree_are_refused() -> None:
    same = [d for d in draws(200, 0) if d.right]
    with pytest.raises(ValueError, match="nothing to learn"):
        fit(same, ["mean"])


def test_the_promise_breaks_no_more_often_than_stated() -> None:
    """100 draws of 400 labels: the true loss is above max_loss in at most about 5 of them."""
    truth = fit(draws(6000, 0), ["mean"])
    population = draws(20_000, 99)
    p_all = truth.probabilities(population)
    wrong_all = ~np.array([d.right for d in population])
    broken = found = 0
    for seed in range(100):
        data = draws(400, 1000 + seed)
        t = threshold(
            truth.probabilities(data), [d.right for d in data], max_loss=0.05, confidence=0.95
        )
        if t is not None:
            found += 1
            broken += float(np.mean((p_all >= t) & wrong_all)) > 0.05
    assert found > 50, "400 labels are enough to find one"
    assert broken <= 11, "5 expected at most; 11 has a chance under 1 % if the promise holds"


def test_too_little_data_gives_no_threshold() -> None:
    assert threshold(np.array([0.99] * 50), [True] * 50, max_loss=0.02, confidence=0.95) is None
    assert threshold(np.array([0.99] * 200), [True] * 200, max_loss=0.02, confidence=0.95)


def test_auroc_counts_ties_half() -> None:
    assert auroc([1, 2, 3, 4], [False, False, True, True]) == 1.0
    assert auroc([1, 1], [False, True]) == 0.5
    assert auroc([1, 2], [True, True]) is None
