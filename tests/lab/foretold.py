"""Recorded ladders of a few made-up steps, and somebody who foresees them by their words."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.columns import LadderColumns, ladder_columns
from rungwise.lab.ladders.costs import priced
from rungwise.lab.ladders.rows import RecordedLadder, Result, Row
from rungwise.policy.sketch import Sketch
from rungwise.types import StepType

COSTS = (0.0001, 0.001, 0.01)
RATES: Mapping[str, tuple[float, float, float]] = {
    "classification": (0.95, 0.97, 0.98),
    "planning": (0.3, 0.9, 0.97),
    "multi_step_reasoning": (0.1, 0.4, 0.9),
}


def ladder(steps: int = 300, seed: int = 0, rungs: int = 3, *, read: bool = True) -> RecordedLadder:
    """By step type as probably right as RATES says; drafts of all rungs but the last are read, and
    the surer the likelier they are right."""
    rng = random.Random(seed)
    rows = []
    for number in range(steps):
        step_type = list(RATES)[number % 3]
        tiers = {}
        for rung in range(rungs):
            right = rng.random() < RATES[step_type][rung + 3 - rungs]
            sure = -abs(rng.gauss(0.1 if right else 1.0, 0.4))
            last = rung == rungs - 1
            tiers[f"t{rung + 1}"] = Result(
                correct=right,
                cost_usd=COSTS[rung + 3 - rungs],
                latency_ms=50.0 + rung + number % 10,
                readings={} if last or not read else {"mean_logprob": sure},
            )
        rows.append(
            Row(
                id=f"s{number}",
                group=f"{step_type}/{number % 30}",
                step_type=step_type,
                prompt=f"step {number} of {step_type}, {seed}",
                tiers=tiers,
            )
        )
    return RecordedLadder(
        name="made", tiers=tuple(rows[0].tiers), rows=tuple(rows), source="made.x"
    )


def columns(steps: int = 300, seed: int = 0, rungs: int = 3, *, read: bool = True) -> LadderColumns:
    return ladder_columns(priced(ladder(steps, seed, rungs, read=read)))


class TwoPoints:
    """A draft's confidence is .95 or .05, as calibrated ones can be."""

    def chance(self, bar: Floats, probability: Floats) -> Floats:
        high = np.clip((probability - 0.05) / 0.9, 0, 1)
        return np.where(bar <= 0.05, 1.0, np.where(bar <= 0.95, high, 0.0))

    def right(self, bar: Floats, probability: Floats) -> Floats:
        high = np.clip((probability - 0.05) / 0.9, 0, 1)
        return np.where(bar <= 0.05, probability, np.where(bar <= 0.95, 0.95 * high, 0.0))


class ByType:
    """Foresees the share of right answers among the steps of the same type that it knows."""

    def __init__(self, known: LadderColumns, sure: Floats) -> None:
        kinds = known.kinds()
        self._rates = {
            kind: known.right[[k == kind for k in kinds]].mean(axis=0) for kind in set(kinds)
        }
        self._tiers = known.tiers
        self._over_all = known.right.mean(axis=0)

    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]:
        rates = self._rates.get(step_type, self._over_all)
        return dict(zip(self._tiers, rates.tolist(), strict=True))

    def after(self, refused: str, confidence: float, tier: str, probability: Floats) -> Floats:
        return np.asarray(probability * (0.99 + 0.01 * confidence))

    def gate(self, tier: str) -> TwoPoints:
        return TwoPoints()
