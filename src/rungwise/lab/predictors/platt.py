"""What do the logits of two predictors mean as a probability? Mixed and scaled, out of fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.policy.difficulty import LEAST_P

__all__ = ["Mixed", "fit_mix", "log_loss", "logit", "platt", "sigmoid"]

PRIOR = 2.0
"""How much a slope of 1 and an intercept of 0 weigh, in squared logits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixed:
    intercept: float
    of_words: float
    of_trees: float
    held: Floats
    """[rows], P out of fold."""
    validated: dict[str, float]


def fit_mix(both: Floats, right: Floats, weight: Floats) -> Mixed:
    """`both` is [rows, 2]: the logits of words and of trees, out of fold, of which each counts by
    half: a share that is chosen by its log loss did no better on groups of neither side. The two
    numbers that are fitted here are fitted on the rows that the figures are counted on."""
    mixed = both.mean(axis=1)
    intercept, slope = platt(mixed, right, weight)
    if slope < 0:  # worse than nothing: then nothing, but the share that is right
        intercept, slope = platt(np.zeros(len(mixed)), right, weight)[0], 0.0
    p = np.clip(sigmoid(intercept + slope * mixed), LEAST_P, 1 - LEAST_P)
    alone = np.full(len(p), float(weight @ right / weight.sum()))
    return Mixed(
        intercept=intercept,
        of_words=slope / 2,
        of_trees=slope / 2,
        held=p,
        validated={
            "log_loss": round(log_loss(p, right, weight), 6),
            "log_loss_of_share": round(log_loss(alone, right, weight), 6),
            "auroc": round(_auroc(p, right, weight), 6),
            "labels": float(len(p)),
        },
    )


def platt(z: Floats, right: Floats, weight: Floats, prior: float = PRIOR) -> tuple[float, float]:
    """Intercept and slope of P(right) over z by Newton's steps, drawn a little to 0 and 1."""
    at, wanted = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    x = np.column_stack((np.ones(len(z)), z))
    for _ in range(50):
        p = sigmoid(x @ at)
        slope = x.T @ (weight * (p - right)) + prior * (at - wanted)
        bend = (x * (weight * p * (1 - p))[:, None]).T @ x + prior * np.eye(2)
        step = np.linalg.solve(bend, slope)
        at = at - np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    return float(at[0]), float(at[1])


def sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -500, 500))))


def logit(p: Floats) -> Floats:
    bounded = np.clip(p, LEAST_P, 1 - LEAST_P)
    return np.asarray(np.log(bounded / (1 - bounded)))


def log_loss(p: Floats, right: Floats, weight: Floats) -> float:
    """Nats for each step."""
    bounded = np.clip(p, 1e-9, 1 - 1e-9)
    each = right * np.log(bounded) + (1 - right) * np.log(1 - bounded)
    return float(-(weight @ each) / weight.sum())


def _auroc(p: Floats, right: Floats, weight: Floats) -> float:
    """P(a right one is surer than a wrong one), ties by half; 1/2 where there is one kind only."""
    order = np.argsort(p, kind="stable")
    _, ends = np.unique(p[order], return_index=True)
    yes = np.add.reduceat((weight * right)[order], ends)
    no = np.add.reduceat((weight * (1 - right))[order], ends)
    pairs = float(yes.sum() * no.sum())
    below = np.cumsum(no) - no / 2
    return float(yes @ below / pairs) if pairs > 0 else 0.5
