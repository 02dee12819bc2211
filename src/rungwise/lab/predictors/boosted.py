"""Do plain traits tell? Gradient-boosted trees, on each model's answers or on the gain itself."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Scores, Side, gains
from rungwise.lab.predictors.trees import FEWEST, RATE, TREES, fit_trees

__all__ = ["boosted_direct", "boosted_gain", "boosted_on_disagreement", "boosted_traits"]

DISAGREEMENT = 3.0
"""Weight of a step that one model got right and the other wrong."""


def boosted_traits(known: Side) -> Scores:
    """P(right) of either model, and their difference."""
    return _either(known, known.weight)


def boosted_on_disagreement(known: Side) -> Scores:
    """The same, where steps on which the models differ weigh more."""
    return _either(known, np.where(known.gain == 0, 1.0, DISAGREEMENT))


def _either(known: Side, weight: Floats) -> Scores:
    inputs = known.columns.inputs[known.rows]
    weak, strong = (fit_trees(inputs, known.right[:, tier], weight, seed=0) for tier in (0, 1))

    def scores(side: Side) -> Floats:
        told = side.columns.inputs[side.rows]
        return gains(weak.of(told), strong.of(told))

    return scores


def boosted_direct(known: Side) -> Scores:
    """Fitted on "the strong one is right and the weak one wrong" itself."""
    target = (known.gain > 0).astype(np.float64)
    fitted = fit_trees(known.columns.inputs[known.rows], target, known.weight, seed=0)

    def scores(side: Side) -> Floats:
        return fitted.of(side.columns.inputs[side.rows])

    return scores


def boosted_gain(known: Side) -> Scores:
    """Fitted on right(strong) - right(weak), by squared error."""
    from sklearn.ensemble import GradientBoostingRegressor

    model = GradientBoostingRegressor(
        n_estimators=TREES,
        learning_rate=RATE,
        max_depth=3,
        min_samples_leaf=max(5, min(FEWEST, len(known.rows) // 40)),
        subsample=0.5,
        max_features=0.3,
        random_state=0,
    )
    model.fit(known.columns.inputs[known.rows], known.gain)

    def scores(side: Side) -> Floats:
        return np.asarray(model.predict(side.columns.inputs[side.rows]), dtype=np.float64)

    return scores
