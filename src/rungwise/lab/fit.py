"""How are readings turned into a calibration? A logistic fit, and a threshold that keeps a promise.

The threshold is picked by Learn-then-Test (Angelopoulos et al., arXiv 2110.01052) with fixed
sequence testing: thresholds are tried from the strictest down, each against the exact binomial
p-value of "the share of all steps that are accepted and wrong is above max_loss", until the first
that cannot be rejected. The last one that was holds with the stated confidence, for steps drawn
as the labelled ones were. Fitting and testing use different halves of the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rungwise.lab.intervals import binomial_cdf
from rungwise.types import StepType

__all__ = ["Labelled", "Logistic", "auroc", "expected_calibration_error", "fit", "threshold"]

Floats = NDArray[np.float64]
RIDGE = 1.0
"""Prior precision on a step type's own intercept, in data points: thin types stay near the pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """One draft with its readings and whether it was right."""

    step_type: StepType
    readings: Mapping[str, float]
    right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    signals: tuple[str, ...]
    weights: tuple[float, ...]
    intercept: float
    intercepts: Mapping[StepType, float]

    def probabilities(self, data: Sequence[Labelled]) -> Floats:
        z = np.array([self.intercept + self.intercepts.get(d.step_type, 0.0) for d in data])
        for name, weight in zip(self.signals, self.weights, strict=True):
            z = z + weight * np.array([d.readings[name] for d in data])
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -500, 500))), dtype=np.float64)


def fit(data: Sequence[Labelled], signals: Sequence[str]) -> Logistic:
    """Ridge logistic regression by Newton's method; signals with a negative weight are left out.

    Raises ValueError when all labels agree: there is nothing to tell apart.
    """
    if len({d.right for d in data}) < 2:
        raise ValueError("all labels agree, so there is nothing to learn; add other examples")
    types = sorted({d.step_type for d in data})
    kept = list(signals)
    while True:
        solution = _newton(data, kept, types)
        negative = [i for i in range(len(kept)) if solution[1 + i] < 0]
        if not negative:
            break
        kept.pop(min(negative, key=lambda i: float(solution[1 + i])))
    found = dict(zip(kept, solution[1 : 1 + len(kept)].tolist(), strict=True))
    return Logistic(
        signals=tuple(signals),
        weights=tuple(found.get(name, 0.0) for name in signals),
        intercept=float(solution[0]),
        intercepts=dict(zip(types, solution[1 + len(kept) :].tolist(), strict=True)),
    )


def _newton(data: Sequence[Labelled], signals: Sequence[str], types: Sequence[StepType]) -> Floats:
    columns = [np.ones(len(data))]
    columns += [np.array([d.readings[name] for d in data]) for name in signals]
    columns += [np.array([float(d.step_type == t) for d in data]) for t in types]
    x = np.stack(columns, axis=1)
    y = np.array([float(d.right) for d in data])
    penalty = np.array([1e-6] + [1e-3] * len(signals) + [RIDGE] * len(types))
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (y - p) - penalty * beta
        hessian = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        beta = beta + step * min(1.0, 5.0 / float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-8:
            break
    return np.asarray(beta, dtype=np.float64)


def threshold(
    probabilities: Floats, right: Sequence[bool], *, max_loss: float, confidence: float
) -> float | None:
    """The lowest threshold that keeps "accepted and wrong" at or under `max_loss` of all steps.

    None when not even the strictest threshold can be shown to keep it.
    """
    wrong = ~np.asarray(right, dtype=bool)
    count, found = len(wrong), None
    for candidate in np.linspace(0.995, 0.005, 199):
        losses = int(np.sum(wrong & (probabilities >= candidate)))
        if binomial_cdf(losses, count, max_loss) > 1 - confidence:
            break
        found = float(candidate)
    return found


def auroc(values: Sequence[float] | Floats, right: Sequence[bool]) -> float | None:
    """P(a right draft's value is above a wrong one's), ties count half; None without both."""
    scores, labels = np.asarray(values, dtype=np.float64), np.asarray(right, dtype=bool)
    positives, negatives = int(labels.sum()), int((~labels).sum())
    if not positives or not negatives:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2.0)[inverse]
    rank_sum = float(ranks[labels].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def expected_calibration_error(
    probabilities: Floats, right: Sequence[bool], bins: int = 10
) -> float:
    """Mean |confidence - accuracy| over equal-count bins, weighted by their size."""
    order = np.argsort(probabilities, kind="stable")
    labels = np.asarray(right, dtype=np.float64)
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(probabilities[p].mean() - labels[p].mean()) * len(p) for p in parts]
    return float(sum(gaps) / len(order))
