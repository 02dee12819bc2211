"""Do the words of a step say how hard it is? Logistic regression on hashed words and traits."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.columns import votes

__all__ = ["LinearFit", "constant", "fit_linear"]

FREEDOM = 0.3
"""sklearn's C, the inverse of the ridge."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearFit:
    weights: Floats
    """[features]"""
    intercept: float

    def of(self, features: Any) -> Floats:
        """[rows], logits."""
        return np.asarray(features @ self.weights + self.intercept)


def fit_linear(features: Any, right: Floats, weight: Floats, freedom: float = FREEDOM) -> LinearFit:
    """On a matrix of [rows, features]. Labels of one kind only give a constant."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    rows, labels, weights = votes(right, weight)
    if labels.all() or not labels.any():
        return LinearFit(weights=np.zeros(features.shape[1]), intercept=constant(right, weight))
    model = LogisticRegression(C=freedom, tol=1e-3, max_iter=200)
    with warnings.catch_warnings(), threadpool_limits(1):  # so small that threads only wait
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features[rows], labels, sample_weight=weights)
    return LinearFit(weights=model.coef_[0], intercept=float(model.intercept_[0]))


def constant(right: Floats, weight: Floats) -> float:
    """The logit of the share that is right, with half a step of either kind added."""
    hits = float(weight @ right)
    return float(np.log((hits + 0.5) / (float(weight.sum()) - hits + 0.5)))
