"""What goes with a forecast? Other tiers' right drafts, confidences, tokens and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.platt import logit, platt
from rungwise.policy.difficulty_file import Link, Logistic, Spread, Usual
from rungwise.types import StepType

if TYPE_CHECKING:
    from rungwise.lab.training.fit import Example

__all__ = ["links_of", "spread_of", "usual_of"]

LEAST_BOTH = 30
"""Steps with labels of both tiers, without which one's draft says nothing of the other's."""
LEAST_SURE = 200
"""Drafts with a confidence, without which their spread is assumed and not counted."""
IN_BIN = 100
MOST_BINS = 5
POOLED = 10.0
"""As many drafts of the whole tier are added to each bin's."""
LEAST_USUAL = 10
BARS = (*(round(0.05 * k, 2) for k in range(19)), 0.92, 0.94, 0.96, 0.98, 0.99, 1.0)


def links_of(
    tiers: Sequence[str], foreseen: Floats, right: Floats, weight: Floats
) -> tuple[Link, ...]:
    """For each tier and each above it; [steps, tiers] are P out of fold and P(right), NaN where
    unknown."""
    found = []
    for low, refused in enumerate(tiers):
        for high in range(low + 1, len(tiers)):
            rows = ~np.isnan(right[:, low]) & ~np.isnan(right[:, high])
            if int(rows.sum()) < LEAST_BOTH:
                continue
            z, below, above = logit(foreseen[rows, high]), right[rows, low], right[rows, high]
            given = [
                Logistic(intercept=round(intercept, 6), slope=round(slope, 6))
                for share in (below, 1 - below)
                for intercept, slope in (platt(z, above, weight[rows] * share),)
            ]
            found.append(
                Link(
                    refused=refused,
                    tier=tiers[high],
                    right=given[0],
                    wrong=given[1],
                    count=int(rows.sum()),
                )
            )
    return tuple(found)


def spread_of(sure: Floats, foreseen: Floats, right: Floats) -> Spread | None:
    """Of one tier's drafts, [steps] each, NaN where unknown. None: too few."""
    known = ~np.isnan(sure) & ~np.isnan(foreseen) & ~np.isnan(right)
    sure, foreseen, right = sure[known], foreseen[known], right[known]
    count = len(sure)
    if count < LEAST_SURE or min(right.sum(), (1 - right).sum()) < POOLED:
        return None
    bins = np.array_split(np.argsort(foreseen, kind="stable"), min(MOST_BINS, count // IN_BIN))
    middles = [round(float(foreseen[rows].mean()), 6) for rows in bins]
    if len(set(middles)) < len(middles):
        bins, middles = [np.arange(count)], [round(float(foreseen.mean()), 6)]
    reached = sure[:, None] >= np.array(BARS)
    tables = []
    for share in (right, 1 - right):
        pooled = share @ reached / share.sum()
        tables.append(
            tuple(
                tuple(
                    np.round(
                        (share[rows] @ reached[rows] + POOLED * pooled)
                        / (share[rows].sum() + POOLED),
                        6,
                    ).tolist()
                )
                for rows in bins
            )
        )
    return Spread(
        probability=tuple(middles), bars=BARS, of_right=tables[0], of_wrong=tables[1], count=count
    )


def usual_of(examples: Sequence[Example], tier: str) -> dict[StepType | Literal["all"], Usual]:
    """Means over the drafts of this tier, of all and of each step type with enough of them."""
    drafts = [e for e in examples if tier in e.tokens or tier in e.seconds]
    kinds: dict[StepType | Literal["all"], list[Example]] = {"all": drafts} if drafts else {}
    for kind in StepType:
        own = [example for example in drafts if example.step_type == kind]
        if len(own) >= LEAST_USUAL:
            kinds[kind] = own
    return {
        kind: Usual(
            tokens=_mean([e.tokens[tier] for e in own if tier in e.tokens]),
            seconds=_mean([e.seconds[tier] for e in own if tier in e.seconds]),
            count=len(own),
        )
        for kind, own in kinds.items()
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 6) if values else None
