"""What would a predictor foresee of a simulated task? Stands in for a fitted Difficulty."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rungwise.lab.affinity.conversations import RUNGS, Conversations
from rungwise.policy.reach import Reach, assumed_reach
from rungwise.policy.sketch import Sketch
from rungwise.types import StepType

__all__ = ["Foreseen"]


class Foreseen:
    """See policy.difficulty.Difficulty. Of the chat nothing is looked at: the task that is planned
    just now is known by its number."""

    tiers = RUNGS
    missing: tuple[str, ...] = ()
    name = "simulated"

    def __init__(self, told: Conversations, task: Callable[[], int]) -> None:
        self._told, self._task = told, task
        self._shifts = {
            (RUNGS[k], RUNGS[j]): _shifts(told, k, j)
            for k in range(len(RUNGS))
            for j in range(k + 1, len(RUNGS))
        }

    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]:
        told = self._told.foreseen[self._task()].tolist()
        return dict(zip(RUNGS, told, strict=True))

    def after(self, refused: str, confidence: float, tier: str, probability: float) -> float:
        """Its log odds are shifted as over all tasks, by whether the refused draft was right."""
        log_odds = _log_odds(probability)
        right, wrong = (_p(log_odds + shift) for shift in self._shifts[refused, tier])
        return confidence * right + (1 - confidence) * wrong

    def expected(self, tier: str, step_type: StepType) -> tuple[float | None, float | None]:
        return None, None

    def gate(self, tier: str) -> Reach:
        return assumed_reach()


def _shifts(told: Conversations, low: int, high: int) -> tuple[float, float]:
    below, above = told.right[:, 0, low], told.right[:, 0, high]
    usual = _log_odds(_share(above))
    return _log_odds(_share(above[below])) - usual, _log_odds(_share(above[~below])) - usual


def _share(right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """With half a right and half a wrong one more, so that it is never 0 or 1."""
    return float((right.sum() + 0.5) / (len(right) + 1))


def _log_odds(p: float) -> float:
    return float(np.log(p) - np.log1p(-p))


def _p(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))
