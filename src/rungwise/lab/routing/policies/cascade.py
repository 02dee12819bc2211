"""How far do fixed thresholds go? Every rung upwards, each draft judged by its own confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.parts import Part, Side
from rungwise.lab.routing.policies.walk import Walk, Worth

__all__ = ["PureCascade", "climb"]

TRIED = 24
"""Thresholds tried for each rung: quantiles of the known drafts' confidences, and both ends."""
ROUNDS = 2


class PureCascade:
    """For each worth one threshold for each rung, chosen on the known steps: first the best common
    one, then rung by rung. A rung of which nothing can be read is not asked, but for the last."""

    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        tried = _tried(part.known)
        start = [min(len(t) - 1, 0) for t in tried]
        found = []
        for worth in worths:
            start = _chosen(part.known, worth, tried, start)
            bars = np.array([t[place] for t, place in zip(tried, start, strict=True)])
            found.append(climb(part.held, bars))
        return found


def climb(side: Side, bars: Floats) -> Walk:
    """Upwards until a draft's confidence reaches its rung's bar; `bars` is [rungs], and the last
    one is not looked at. A draft that could not be read is refused; a bar of NaN is a rung that is
    not asked."""
    rungs = side.confidence.shape[1]
    accepts = side.confidence >= bars
    accepts[:, -1] = True
    used = ~np.isnan(bars)
    used[-1] = True
    accepts[:, ~used] = False
    answered = np.argmax(accepts, axis=1).astype(np.int64)
    asked = (np.arange(rungs) <= answered[:, None]) & used
    return Walk(asked=asked, answered=answered)


def _tried(known: Side) -> list[Floats]:
    """By rung, thresholds to try, rising; a single NaN where no draft of it can be judged."""
    found = []
    for column in known.confidence.T:
        read = column[~np.isnan(column)]
        if not len(read):
            found.append(np.array([np.nan]))
            continue
        quantiles = np.quantile(read, np.linspace(0, 1, TRIED))
        found.append(np.unique(np.concatenate(([0.0], quantiles, [2.0]))))
    return found


def _chosen(known: Side, worth: Worth, tried: Sequence[Floats], start: Sequence[int]) -> list[int]:
    """Places among `tried`, by coordinate ascent from `start` and from the best common one."""

    def gain(places: Sequence[int]) -> float:
        bars = np.array([t[place] for t, place in zip(tried, places, strict=True)])
        return _gain(known.columns, climb(known, bars), worth)

    longest = max(len(t) for t in tried)
    common = [[min(len(t) - 1, place) for t in tried] for place in range(longest)]
    best = max([list(start), *common], key=gain)
    for _ in range(ROUNDS):
        for rung in range(len(tried) - 1):
            options = [[*best[:rung], p, *best[rung + 1 :]] for p in range(len(tried[rung]))]
            best = max([best, *options], key=gain)
    return best


def _gain(columns: LadderColumns, walk: Walk, worth: Worth) -> float:
    waited = np.nan_to_num(walk.seconds(columns)) if worth.second_usd else 0.0
    found = worth.right_usd * walk.right(columns) - walk.cost(columns) - worth.second_usd * waited
    return float(np.mean(found))
