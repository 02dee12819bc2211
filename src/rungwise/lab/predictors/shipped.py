"""How good is what `rungwise train-router` fits? The very same, forecast by forecast."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Scores, Side

__all__ = ["shipped"]


def shipped(known: Side) -> Scores:
    """Words and traits by halves, calibrated out of fold: see lab/training/fit.py."""
    from rungwise.lab.training.fit import fit

    difficulty = fit([known.examples[row] for row in known.rows], ("weak", "strong"))

    def scores(side: Side) -> Floats:
        told = (
            difficulty.forecast(side.examples[row].sketch, side.examples[row].step_type)
            for row in side.rows
        )
        return np.array([p["strong"] - p["weak"] for p in told])

    return scores
