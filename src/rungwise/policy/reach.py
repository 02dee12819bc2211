"""How probable is it that a draft will be sure enough, given the P that was foreseen for it?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["STRENGTH", "Reach", "assumed_reach"]

Array: TypeAlias = NDArray[np.float64]
N = TypeVar("N", float, Array)
"""One chat, or many at once."""

STRENGTH = 3.0
"""Of the Beta distribution that is assumed where nothing was recorded: at P = 1/2 a right draft is
surer than a wrong one in four cases of five, as with an 8B model's own log-probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reach:
    """Tables over the foreseen P and the bar, linear in between, flat outside."""

    probability: Sequence[float]
    """[bins], rising."""
    bars: Sequence[float]
    """[bars], rising from 0 to 1."""
    of_right: Sequence[Sequence[float]]
    of_wrong: Sequence[Sequence[float]]
    """[bins][bars]: P(confidence >= bar) of drafts that are right, and of those that are wrong."""

    def chance(self, bar: N, probability: N) -> N:
        """P(the draft's confidence is at least `bar`)."""
        right, wrong = self._at((self.of_right, self.of_wrong), bar, probability)
        return probability * right + (1.0 - probability) * wrong

    def right(self, bar: N, probability: N) -> N:
        """P(its confidence is at least `bar`, and the draft is right)."""
        (right,) = self._at((self.of_right,), bar, probability)
        return probability * right

    def _at(self, tables: Sequence[Sequence[Sequence[float]]], bar: N, probability: N) -> list[N]:
        """What each table has there; 0 for a bar above 1."""
        if isinstance(bar, float) and isinstance(probability, float):
            return self._one(tables, bar, probability)
        many = np.asarray(bar), np.asarray(probability)
        return [self._many(table, *many) for table in tables]

    def _one(
        self, tables: Sequence[Sequence[Sequence[float]]], bar: float, probability: float
    ) -> list[float]:
        if bar > 1.0:
            return [0.0] * len(tables)
        row, down = _between(self.probability, probability)
        column, along = _between(self.bars, bar)
        found = []
        for table in tables:
            told = table[row][column] * (1 - along) + table[row][column + 1] * along
            if down:
                below = table[row + 1]
                lower = below[column] * (1 - along) + below[column + 1] * along
                told = told * (1 - down) + lower * down
            found.append(told)
        return found

    def _many(self, table: Sequence[Sequence[float]], bar: Array, probability: Array) -> Array:
        bar, probability = np.broadcast_arrays(bar, probability)
        by_bin = np.array([np.interp(bar.ravel(), self.bars, row) for row in table])
        place = np.interp(
            probability.ravel(), self.probability, np.arange(len(self.probability), dtype=float)
        )
        low = np.minimum(place.astype(np.int64), max(0, len(table) - 2))
        high = np.minimum(low + 1, len(table) - 1)
        each, down = np.arange(len(place)), place - low
        found = by_bin[low, each] * (1 - down) + by_bin[high, each] * down
        return np.asarray(np.where(bar > 1, 0.0, found.reshape(bar.shape)))


def _between(points: Sequence[float], x: float) -> tuple[int, float]:
    """Behind which point x lies, and which share of the way to the next; flat outside."""
    last = len(points) - 1
    above = bisect_right(points, x)
    if above == 0 or not last:
        return 0, 0.0
    if above > last:
        return last - 1, 1.0
    low = points[above - 1]
    return above - 1, (x - low) / (points[above] - low)


@cache
def assumed_reach() -> Reach:
    """Confidences spread as Beta(P s, (1 - P) s) with s = STRENGTH: their mean is P, and they mean
    what they say. By sums over logit(v), in which the density is smooth."""
    middles = np.linspace(0.02, 0.98, 25)
    bars = np.linspace(0.0, 1.0, 41)
    z = np.linspace(-60.0, 60.0, 12001)
    v = 1 / (1 + np.exp(-z))
    of_right: list[tuple[float, ...]] = []
    of_wrong: list[tuple[float, ...]] = []
    for p in middles:
        mass = np.exp(p * STRENGTH * -np.logaddexp(0, -z) - (1 - p) * STRENGTH * np.logaddexp(0, z))
        for table, share in ((of_right, mass * v), (of_wrong, mass * (1 - v))):
            below = np.cumsum(share) / share.sum()
            row = 1 - np.interp(bars, v, below, left=0.0, right=1.0)
            row[0], row[-1] = 1.0, 0.0
            table.append(tuple(row.tolist()))
    return Reach(
        probability=tuple(middles.tolist()),
        bars=tuple(bars.tolist()),
        of_right=tuple(of_right),
        of_wrong=tuple(of_wrong),
    )
