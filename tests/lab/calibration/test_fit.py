"""Does the fit find what was put in, and does the better kind win?"""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.confidence.signals import SIGNALS as KNOWN
from rungwise.lab.calibration.artefact import curve_of
from rungwise.lab.calibration.fit import Fit, Fitted, direction, fit
from rungwise.lab.calibration.quality import calibration_error
from rungwise.lab.calibration.readings import Sample, sample_of
from rungwise.lab.calibration.recorded import Recorded
from rungwise.types import StepType
from tests.lab.draws import SIGNALS, TYPES, draws


def fitted(sample: Sample, seed: int = 0) -> Fit:
    return fit(sample.finished, sample.right, sample.group, np.random.default_rng(seed))


def of(values: dict[str, list[float]], right: list[bool]) -> Sample:
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    items = [
        Recorded(step_type="planning", readings=row, right=r)
        for row, r in zip(rows, right, strict=True)
    ]
    return sample_of(items, tuple(values))


def test_the_fit_recovers_the_truth() -> None:
    found = fitted(sample_of(draws(6000, 0), SIGNALS)).kinds["logistic"]
    assert abs(found.weights["mean_logprob"] + 2 * found.weights.get("min_logprob", 0) - 2) < 0.2
    assert abs(found.intercepts[TYPES[2]] - found.intercepts[TYPES[0]] - 1) < 0.3
    held_out = sample_of(draws(4000, 1), SIGNALS)
    assert calibration_error(found.probabilities(held_out.finished), held_out.right) < 0.03


def test_weights_point_the_way_their_signal_does() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    sample = of(
        {"mean_logprob": list(-x), "log_length": list(x + rng.normal(size=2000))},
        list(rng.random(2000) < 1 / (1 + np.exp(x))),
    )
    found = fitted(sample).best
    assert all(weight * KNOWN[name].surer > 0 for name, weight in found.weights.items())
    # length speaks against a draft: data that says otherwise is not believed
    contrary = of({"log_length": list(x)}, list(rng.random(2000) < 1 / (1 + np.exp(-x))))
    assert fitted(contrary).best.weights == {}


def test_a_signal_of_others_points_the_way_its_labels_say() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=500)
    sample = of({"perplexity": list(x)}, list(rng.random(500) < 1 / (1 + np.exp(2 * x))))
    assert direction(sample.finished, sample.right).tolist() == [-1.0]
    assert fitted(sample).best.weights["perplexity"] < -1


def test_what_only_repeats_another_signal_the_wrong_way_is_dropped() -> None:
    rng = np.random.default_rng(0)
    mean = -rng.gamma(1.0, 1.0, 3000)
    noise = -rng.gamma(1.0, 1.0, 3000)
    right = list(rng.random(3000) < 1 / (1 + np.exp(-(2 + 2 * mean - noise))))
    found = fitted(of({"mean_logprob": list(mean), "min_logprob": list(noise)}, right)).best
    assert set(found.weights) == {"mean_logprob"}


@pytest.mark.parametrize(("kind", "step"), [("isotonic", True), ("logistic", False)])
def test_the_kind_with_the_lower_held_out_loss_is_used(kind: str, step: bool) -> None:
    rng = np.random.default_rng(0)
    x = -rng.uniform(0, 4, 1200)
    p = np.where(x > -1, 0.99, 0.4) if step else 1 / (1 + np.exp(-(3 + 1.5 * x)))
    found = fitted(of({"mean_logprob": list(x)}, list(rng.random(1200) < p)))
    assert found.best is found.kinds[kind]  # type: ignore[index]
    assert found.losses[kind] == min(found.losses.values())  # type: ignore[index]


def test_thin_step_types_lean_on_the_pool() -> None:
    many = [item for item in draws(900, 0) if item.step_type == TYPES[0]]
    few = [replace(item, step_type="rare", right=False) for item in draws(2, 1)]
    found = fitted(sample_of(many + few, SIGNALS)).kinds["logistic"]
    assert -2 < found.intercepts["rare"] < 0


@pytest.mark.parametrize("right", [True, False])
def test_labels_that_all_agree_leave_a_constant(right: bool) -> None:
    sample = of({"mean_logprob": [-1.0, -2.0, -3.0]}, [right] * 3)
    found = fitted(sample)
    assert found.losses == {} and found.best.weights == {}
    assert np.allclose(found.best.probabilities(sample.finished), 3.5 / 4 if right else 0.5 / 4)


def test_a_constant_signal_does_no_harm() -> None:
    sample = of({"mean_logprob": [-1.0] * 40}, [True, False] * 20)
    assert np.allclose(fitted(sample).best.probabilities(sample.finished), 0.5, atol=0.05)


@pytest.mark.parametrize("kind", ["logistic", "isotonic"])
def test_the_gate_computes_the_same_probability(kind: str) -> None:
    items = draws(500, 0)
    sample = sample_of(items, SIGNALS)
    found: Fitted = fitted(sample).kinds[kind]  # type: ignore[index]
    curve = curve_of(found)
    p = found.probabilities(sample.finished)
    for row, item in enumerate(items[:50]):
        assert abs(curve.probability(StepType(item.step_type), item.readings) - p[row]) < 1e-12
