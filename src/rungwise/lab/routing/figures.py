"""How much of the strong model's lead does a score recover, and at which share of calls to it?

Of RouteLLM (arXiv 2406.18665, section 4). With the share c of steps that have the highest scores
sent to the strong model and the rest to the weak one, the performance gap recovered is

    PGR(c) = (accuracy(c) - accuracy(weak)) / (accuracy(strong) - accuracy(weak))

APGR is the mean of PGR over c from 0 to 1, CPT(x) the least c at which PGR reaches x. RouteLLM has
the mean of ten shares; here it is the integral, exactly: PGR is known at every number of steps, and
between two of them the next one is sent with a probability (a trapezium for each step). Steps of
equal score are sent in random order, in expectation: on a chord, not in the order of the file, so
that a score without any information has an APGR of exactly 1/2.

`score` is any order (higher: rather to the strong one), `weak` and `strong` say of each step
whether that model is right (0 or 1, or a share of tries), and `weight` how often it counts: the
multiplicity of a row in a bootstrap's resample. All are [steps].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rungwise.lab.calibration.readings import Floats, Ints

__all__ = ["NoGap", "Ranking", "apgr", "cpt", "oracle_score", "ranking"]


class NoGap(ValueError):
    """The strong model is no better than the weak one on these steps: nothing to recover."""


def apgr(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, weight: ArrayLike | None = None
) -> float:
    """The mean of PGR over the share of calls to the strong model. Raises NoGap."""
    return ranking(score, weak, strong).apgr(weight)


def cpt(
    score: ArrayLike,
    weak: ArrayLike,
    strong: ArrayLike,
    share: float,
    weight: ArrayLike | None = None,
) -> float:
    """The least share of calls to the strong model that recovers `share` (0 to 1) of the gap.

    Raises NoGap.
    """
    return ranking(score, weak, strong).cpt(share, weight)


def oracle_score(weak: ArrayLike, strong: ArrayLike) -> Floats:
    """The best order there is: first where only the strong one is right, last where only the weak
    one is."""
    return np.asarray(strong, dtype=np.float64) - np.asarray(weak, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Steps in falling order of a score: sorted once, counted under as many weights as wanted."""

    order: Ints
    """[steps], places of the steps."""
    ends: Ints
    """[distinct scores], where in `order` the steps of each score end."""
    gain: Floats
    """[steps], in order: strong - weak."""

    def apgr(self, weight: ArrayLike | None = None) -> float:
        calls, recovered = self.curve(weight)
        return float(np.trapezoid(recovered, calls))

    def cpt(self, share: float, weight: ArrayLike | None = None) -> float:
        calls, recovered = self.curve(weight)
        reached = int(np.argmax(recovered >= share - 1e-12))
        if reached == 0:
            return 0.0
        x0, x1 = calls[reached - 1], calls[reached]
        y0, y1 = recovered[reached - 1], recovered[reached]
        return float(min(x1, x0 + (x1 - x0) * (share - y0) / (y1 - y0)))

    def curve(self, weight: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """PGR by share of calls: the corners of a line from (0, 0) to (1, 1). Raises NoGap."""
        w = np.ones(len(self.order)) if weight is None else np.asarray(weight)[self.order]
        calls = np.concatenate(([0.0], np.cumsum(w)[self.ends - 1]))
        gained = np.concatenate(([0.0], np.cumsum(w * self.gain)[self.ends - 1]))
        if calls[-1] <= 0 or gained[-1] <= 1e-9:
            raise NoGap("the strong model is not better than the weak one on these steps")
        return calls / calls[-1], gained / gained[-1]


def ranking(score: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> Ranking:
    """Raises ValueError for a score that is not a number, or for lengths that differ."""
    scores, gain = np.asarray(score, dtype=np.float64), oracle_score(weak, strong)
    if scores.shape != gain.shape or scores.ndim != 1:
        raise ValueError("score, weak and strong must be of one length")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]) + 1, len(ranked))
    return Ranking(order=order, ends=ends, gain=gain[order])
