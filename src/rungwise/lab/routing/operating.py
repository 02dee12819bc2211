"""What do the steps of one setting look like? Right, cost, waiting, and whose drafts they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.policies.walk import Walk

__all__ = ["Operating", "operating"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operating:
    """One setting on all steps, ready to be counted under any weights."""

    tiers: tuple[str, ...]
    cost: Floats
    right: Floats
    answered: Ints
    waited: Floats | None
    """[steps], seconds, rising; None where some latency was not recorded."""
    order: Ints
    """Which steps `waited` belong to."""

    def figures(self, weight: Floats) -> dict[str, float]:
        """Per step, but for `cost_per_right_usd`, which is the whole bill over the right answers;
        the same names whatever the weights are."""
        total = float(weight.sum())
        cost, right = float(self.cost @ weight), float(self.right @ weight)
        share = np.bincount(self.answered, weight, minlength=len(self.tiers)) / total
        return {
            "accuracy": right / total,
            "cost_usd": cost / total,
            "cost_per_right_usd": cost / right if right else float("nan"),
            "latency_p50_s": self.percentile(weight, 0.5),
            "latency_p95_s": self.percentile(weight, 0.95),
            **{f"share.{name}": float(s) for name, s in zip(self.tiers, share, strict=True)},
        }

    def percentile(self, weight: Floats, share: float) -> float:
        """The least time that at least this share of the steps do not exceed; NaN unrecorded."""
        if self.waited is None:
            return float("nan")
        counted = np.cumsum(weight[self.order])
        place = np.searchsorted(counted, share * counted[-1] - 1e-9)
        return float(self.waited[min(int(place), len(counted) - 1)])


def operating(walk: Walk, columns: LadderColumns) -> Operating:
    seconds = walk.seconds(columns)
    order = np.argsort(seconds, kind="stable").astype(np.int64)
    return Operating(
        tiers=columns.tiers,
        cost=walk.cost(columns),
        right=walk.right(columns),
        answered=walk.answered,
        waited=None if np.isnan(seconds).any() else seconds[order],
        order=order,
    )
