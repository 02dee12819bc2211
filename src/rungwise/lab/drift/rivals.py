"""What could call a fall sooner? A CUSUM and a fixed window, tuned to the same run between alarms.

Both take the accuracy of the calm ones for the true one. They are tuned where that is so: by
simulation at the true accuracy, to the average run that the detector promises. What they do with an
estimate is measured beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Cusum", "Window", "tuned"]

Bits = NDArray[np.bool_]
_CALIBRATING, _HALVINGS = 200, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Cusum:
    """Page, Biometrika 41 (1954): the likelihood ratio of a fall of that size, never below 0."""

    usual: float
    fall: float
    limit: float

    def run(self, stream: Bits) -> int | None:
        """After how many observations it calls; None: not in this stream."""
        usual = min(max(self.usual, 0.02), 0.995)
        fallen = max(usual - self.fall, 0.01)
        right, wrong = math.log(fallen / usual), math.log((1 - fallen) / (1 - usual))
        level = 0.0
        for place, x in enumerate(stream.tolist(), start=1):
            level = max(0.0, level + (right if x else wrong))
            if level >= self.limit:
                return place
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A z-test of the last `size` observations, at each of them."""

    usual: float
    size: int
    limit: float

    def run(self, stream: Bits) -> int | None:
        if len(stream) < self.size:
            return None
        sums = np.concatenate([[0], np.cumsum(stream)])
        means = (sums[self.size :] - sums[: -self.size]) / self.size
        usual = min(max(self.usual, 0.02), 0.995)
        z = (usual - means) / math.sqrt(usual * (1 - usual) / self.size)
        over = np.flatnonzero(z >= self.limit)
        return int(over[0]) + self.size if len(over) else None


def tuned(
    make: Callable[[float], Cusum | Window], accuracy: float, every: int, seed: int
) -> Cusum | Window:
    """The one whose average run at the true accuracy is `every`, by simulation: streams are cut
    off after six times as many, which hides 0.3 % of the runs."""
    drawn = np.random.default_rng(seed)
    streams = [drawn.random(6 * every) < accuracy for _ in range(_CALIBRATING)]
    low, high = 0.5, 12.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        runs = [make(middle).run(stream) or 6 * every for stream in streams]
        low, high = (middle, high) if np.mean(runs) < every else (low, middle)
    return make(high)
