"""Do hashed words tell as much as real ones? On the sketch, which is all that a server keeps."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Scores, Side, gains
from rungwise.lab.predictors.columns import basis_of
from rungwise.lab.predictors.logistic import LinearFit, fit_linear

__all__ = ["hashed_direct", "hashed_words", "naive_bayes"]


def hashed_words(known: Side) -> Scores:
    """Words, pairs and traits: P(right) of either model, and their difference."""
    basis = basis_of(known.columns, known.matrix, known.rows)
    features = basis.of(known.columns, known.matrix, known.rows)
    weak, strong = (fit_linear(features, known.right[:, tier], known.weight) for tier in (0, 1))

    def scores(side: Side) -> Floats:
        told = basis.of(side.columns, side.matrix, side.rows)
        return gains(weak.of(told), strong.of(told))

    return scores


def hashed_direct(known: Side) -> Scores:
    """The same features, fitted on "the strong one is right and the weak one wrong" itself."""
    basis = basis_of(known.columns, known.matrix, known.rows)
    features = basis.of(known.columns, known.matrix, known.rows)
    fitted = fit_linear(features, (known.gain > 0).astype(np.float64), known.weight)

    def scores(side: Side) -> Floats:
        return fitted.of(basis.of(side.columns, side.matrix, side.rows))

    return scores


def naive_bayes(known: Side) -> Scores:
    """Buckets by their log-count ratio between right and wrong, then logistic regression: NBSVM
    (Wang and Manning, ACL 2012)."""
    basis = basis_of(known.columns, known.matrix, known.rows)
    there = (known.matrix[known.rows][:, basis.buckets] > 0).astype(np.float64)
    fitted: list[tuple[Floats, LinearFit]] = []
    for tier in (0, 1):
        right = known.right[:, tier]
        yes, no = 1 + there.T @ right, 1 + there.T @ (1 - right)
        ratio = np.log((yes / yes.sum()) / (no / no.sum()))
        scaled = there.multiply(ratio).tocsr()
        fitted.append((ratio, fit_linear(scaled, right, known.weight, freedom=0.1)))

    def scores(side: Side) -> Floats:
        told = (side.matrix[side.rows][:, basis.buckets] > 0).astype(np.float64)
        weak, strong = (fit.of(told.multiply(ratio).tocsr()) for ratio, fit in fitted)
        return gains(weak, strong)

    return scores
