"""How are readings turned into a probability? A logistic fit, and a rising table on top of it.

z = intercept + offset[step type] + sum of weight x reading. The logistic kind takes the sigmoid of
z, the isotonic kind a table (see lab/calibration/isotonic.py). Which one is used is decided by the
log loss on folds that were held out, within the data that is fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from rungwise.confidence.signals import SIGNALS
from rungwise.lab.calibration.isotonic import Rising, rising
from rungwise.lab.calibration.quality import auroc, log_loss
from rungwise.lab.calibration.readings import Bools, Columns, Floats, Ints, folds

__all__ = ["Fit", "FitKind", "Fitted", "direction", "fit"]

FitKind: TypeAlias = Literal["logistic", "isotonic"]

RIDGE = 1.0
"""Prior precision of an offset (so that thin step types stay near the pool) and of a weight, the
readings having a spread of 1; as much as one or two drafts say."""
FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Readings in, P out (see confidence.calibration.Curve, which holds the same)."""

    weights: Mapping[str, float]
    intercept: float
    intercepts: Mapping[str, float]
    """By step type: what is added to `intercept`."""
    table: Rising | None = None

    def z(self, readings: Columns) -> Floats:
        offsets = [self.intercept + self.intercepts.get(t, 0.0) for t in readings.step_types]
        z = np.asarray(offsets, dtype=np.float64)[readings.type_of]
        for name, weight in self.weights.items():
            z = z + weight * readings.values[:, readings.signals.index(name)]
        return z

    def probabilities(self, readings: Columns) -> Floats:
        """[drafts]; NaN where there is nothing to read."""
        z = self.z(readings)
        p = _sigmoid(z) if self.table is None else self.table.at(z)
        # without weights nothing carries the NaN on
        return np.where(readings.reached, p, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Both kinds, and the log loss of each on held-out folds; none where that cannot be told."""

    kinds: Mapping[FitKind, Fitted]
    losses: Mapping[FitKind, float]

    @property
    def best(self) -> Fitted:
        return self.kinds[min(self.losses, key=lambda kind: self.losses[kind], default="logistic")]


def direction(readings: Columns, right: Bools) -> Floats:
    """[signals]: +1 where a higher value speaks for the draft, -1 where a lower one does.

    For a signal of ours that is known; for any other name the labels tell.
    """
    found = []
    for column, name in enumerate(readings.signals):
        if name in SIGNALS:
            found.append(float(SIGNALS[name].surer))
        else:
            area = auroc(readings.values[:, column], right)
            found.append(-1.0 if area is not None and area < 0.5 else 1.0)
    return np.array(found)


def fit(readings: Columns, right: Bools, group: Ints, rng: np.random.Generator) -> Fit:
    """Both kinds of fit. Every row must hold readings.

    Labels that all agree leave nothing to tell apart: the fit is then a constant.
    """
    towards = direction(readings, right)
    logistic = _logistic(readings, right, towards)
    table = rising(logistic.z(readings), right) if len(right) else None
    kinds: dict[FitKind, Fitted] = {
        "logistic": logistic,
        "isotonic": replace(logistic, table=table),
    }
    return Fit(kinds=kinds, losses=_held_out(readings, right, towards, folds(group, FOLDS, rng)))


def _held_out(readings: Columns, right: Bools, towards: Floats, fold: Ints) -> dict[FitKind, float]:
    """The log loss a draft, each judged by a fit on the other folds."""
    smooth, stepped = np.empty(len(right)), np.empty(len(right))
    for number in range(FOLDS):
        out = fold == number
        if not out.any():
            continue
        if len(np.unique(right[~out])) < 2:
            return {}
        made = _logistic(readings.take(~out), right[~out], towards)
        table = rising(made.z(readings.take(~out)), right[~out])
        z = made.z(readings.take(out))
        smooth[out], stepped[out] = _sigmoid(z), table.at(z)
    if not len(right):
        return {}
    return {"logistic": log_loss(smooth, right), "isotonic": log_loss(stepped, right)}


def _logistic(readings: Columns, right: Bools, towards: Floats) -> Fitted:
    """Ridge logistic regression by Newton's method. A weight that comes out against its signal's
    direction is dropped, the worst first, and the rest fitted again."""
    if len(np.unique(right)) < 2:
        hits = float(right.sum())
        constant = float(np.log((hits + 0.5) / (len(right) - hits + 0.5)))
        return Fitted(weights={}, intercept=constant, intercepts={})
    mean, spread = readings.values.mean(axis=0), readings.values.std(axis=0)
    scale = towards / np.where(spread > 0, spread, 1.0)
    x = (readings.values - mean) * scale
    present = np.unique(readings.type_of)
    offsets = (readings.type_of[:, None] == present[None, :]).astype(np.float64)
    kept = list(range(x.shape[1]))
    while True:
        beta = _newton(np.column_stack((np.ones(len(x)), x[:, kept], offsets)), right)
        contrary = [i for i in range(len(kept)) if beta[1 + i] < 0]
        if not contrary:
            break
        kept.pop(min(contrary, key=lambda i: float(beta[1 + i])))
    weights = beta[1 : 1 + len(kept)] * scale[kept]
    found = beta[1 + len(kept) :].tolist()
    return Fitted(
        weights={readings.signals[i]: w for i, w in zip(kept, weights.tolist(), strict=True)},
        intercept=float(beta[0] - weights @ mean[kept]),
        intercepts={readings.step_types[t]: b for t, b in zip(present, found, strict=True)},
    )


def _newton(x: Floats, right: Bools) -> Floats:
    """The coefficients of the columns of `x`, the first of which is left unpenalised."""
    y = right.astype(np.float64)
    penalty = np.full(x.shape[1], RIDGE)
    penalty[0] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        p = _sigmoid(x @ beta)
        gradient = x.T @ (y - p) - penalty * beta
        hessian = (x * (p * (1 - p))[:, None]).T @ x
        hessian[np.diag_indices_from(hessian)] += penalty
        step = np.linalg.solve(hessian, gradient)
        size = float(np.abs(step).max())
        beta = beta + step * min(1.0, 5.0 / size if size else 1.0)
        if size < 1e-7:
            break
    return np.asarray(beta, dtype=np.float64)


def _sigmoid(z: Floats | Sequence[float]) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -700, None))), dtype=np.float64)
