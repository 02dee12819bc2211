"""How much of the strong model's lead does a score recover, and at which share of calls to it?

Of RouteLLM (arXiv 2406.18665, section 4). With the share c of steps that have the highest scores
sent to the strong model and the rest to the weak one, the performance gap recovered is

    PGR(c) = (accuracy(c) - accuracy(weak)) / (accuracy(strong) - accuracy(weak))

APGR is the mean of PGR over c from 0 to 1, CPT(x) the least c at which PGR reaches x. RouteLLM has
the mean of ten shares; here it is the integral, exactly: PGR is known at every number of steps, and
between two of them the next one is sent with a probability (a trapezium for each step). Steps of
equal score are sent in random order, in expectation: on a chord, not in the order of the file, so
that a score without any information has an APGR of exactly 1/2.

Where the scores come from several fits (one for each fold), each step is only compared with those
of its own fold, and the share c is sent of every fold: another fit has another level, and the
fit that a strong group was held back from has a low one. Pooled as they are, such scores order the
folds against what is true of them (Airola et al., CSDA 55, 2011).

`score` is any order (higher: rather to the strong one), `weak` and `strong` say of each step
whether that model is right (0 or 1, or a share of tries), and `weight` how often it counts: the
multiplicity of a row in a bootstrap's resample. All are [steps].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rungwise.lab.calibration.readings import Floats, Ints

__all__ = ["NoGap", "Order", "Ranking", "apgr", "cpt", "oracle_score", "ranking"]

THOUSANDTHS = np.linspace(0, 1, 1001)


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
class Order:
    """Steps in falling order of one fit's scores."""

    steps: Ints
    """Their places."""
    ends: Ints
    """[distinct scores], where in `steps` those of each score end."""
    gain: Floats
    """[steps], in order: strong - weak."""

    def counted(self, weight: Floats) -> tuple[Floats, Floats]:
        """Calls to the strong model, and right answers that are gained by them: from 0 to all."""
        w = weight[self.steps]
        calls = np.concatenate(([0.0], np.cumsum(w)[self.ends - 1]))
        gained = np.concatenate(([0.0], np.cumsum(w * self.gain)[self.ends - 1]))
        return calls, gained


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """One order for each fold: sorted once, counted under as many weights as wanted."""

    orders: tuple[Order, ...]
    count: int
    """Steps in all."""

    def apgr(self, weight: ArrayLike | None = None) -> float:
        counted = self._counted(weight)
        gap = sum(float(gained[-1]) for _, gained in counted)
        return sum(float(np.trapezoid(gained, calls)) for calls, gained in counted) / gap

    def cpt(self, share: float, weight: ArrayLike | None = None) -> float:
        calls, recovered = self.curve(weight)
        reached = int(np.argmax(recovered >= share - 1e-12))
        if reached == 0:
            return 0.0
        x0, x1 = calls[reached - 1], calls[reached]
        y0, y1 = recovered[reached - 1], recovered[reached]
        return float(min(x1, x0 + (x1 - x0) * (share - y0) / (y1 - y0)))

    def curve(self, weight: ArrayLike | None = None) -> tuple[Floats, Floats]:
        """PGR by share of calls: the corners of a line from (0, 0) to (1, 1); of several folds at
        every thousandth. Raises NoGap."""
        counted = self._counted(weight)
        if len(counted) == 1:
            ((calls, gained),) = counted
        else:
            calls = THOUSANDTHS
            gained = np.sum([np.interp(calls, *one) for one in counted], axis=0)
        return calls, gained / gained[-1]

    def _counted(self, weight: ArrayLike | None) -> list[tuple[Floats, Floats]]:
        """By fold: shares of its calls, and what is gained by them."""
        w = np.ones(self.count) if weight is None else np.asarray(weight, dtype=np.float64)
        counted = [order.counted(w) for order in self.orders]
        shares = [(calls / calls[-1], gained) for calls, gained in counted if calls[-1] > 0]
        if sum(float(gained[-1]) for _, gained in shares) <= 1e-9:
            raise NoGap("the strong model is not better than the weak one on these steps")
        return shares


def ranking(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, fold: ArrayLike | None = None
) -> Ranking:
    """`fold`, [steps], says whose scores may be compared; without, all may be. Raises ValueError
    for a score that is not a number, or for lengths that differ."""
    scores, gain = np.asarray(score, dtype=np.float64), oracle_score(weak, strong)
    if scores.shape != gain.shape or scores.ndim != 1:
        raise ValueError("score, weak and strong must be of one length")
    if np.isnan(scores).any():
        raise ValueError("a score is not a number")
    of = np.zeros(len(scores)) if fold is None else np.asarray(fold)
    orders = (_order(np.flatnonzero(of == one), scores, gain) for one in np.unique(of))
    return Ranking(orders=tuple(orders), count=len(scores))


def _order(steps: Ints, scores: Floats, gain: Floats) -> Order:
    ranked = steps[np.argsort(-scores[steps], kind="stable")]
    told = scores[ranked]
    ends = np.append(np.flatnonzero(told[1:] != told[:-1]) + 1, len(told))
    return Order(steps=ranked, ends=ends, gain=gain[ranked])
