"""Are long prompts hard? The baseline that must be beaten."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Scores, Side

__all__ = ["prompt_length", "random_order"]


def prompt_length(known: Side) -> Scores:
    """Characters. Learns nothing."""

    def scores(side: Side) -> Floats:
        return np.array([len(text) for text in side.own_texts], dtype=np.float64)

    return scores


def random_order(known: Side) -> Scores:
    """All alike: sent at random, in expectation."""

    def scores(side: Side) -> Floats:
        return np.zeros(len(side.rows))

    return scores
