"""What quality does a policy give for what it costs? Curves over its settings, and between them.

A policy has settings (a threshold, or what a right answer is worth); each gives a mean cost and a
share of right answers. Between two neighbouring settings the curve is straight: whoever tosses a
coin for each step gets any point of that line. No setting is left out because it came out badly on
the steps it is measured on. Below its cheapest setting a curve leads to the cheapest rung alone,
above its dearest one it is level: nobody has to spend more.

The axis of costs runs from the cheapest rung alone (0) to the dearest rung alone (1). With two
rungs of fixed prices and a policy that asks one of them, that is the share of calls to the strong
one, and `recovered` and `reached` are RouteLLM's APGR and CPT (see lab/routing/figures.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.routing.figures import NoGap

__all__ = ["LEVELS", "Curve", "Ends", "NoAxis", "Sweep", "ends_of", "hull"]

LEVELS = np.unique(np.concatenate((np.linspace(0, 1, 201), np.geomspace(1e-4, 1, 201))))
"""Where two curves are compared, in shares of the axis of costs: closer where costs are low, since
a ladder's rungs mostly differ by factors."""


class NoAxis(ValueError):
    """The highest rung is not dearer than the lowest: nothing is saved by asking the lowest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """The two ends of the axis: the cheapest and the dearest rung alone."""

    low_cost: float
    high_cost: float
    low_right: float
    high_right: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """From the cheapest rung alone on, rising in cost."""

    cost: Floats
    """Shares of the axis; may pass 1 where a policy pays for several rungs."""
    right: Floats
    ends: Ends

    def at(self, levels: Floats) -> Floats:
        """The share of right answers at these costs."""
        return np.asarray(np.interp(levels, self.cost, self.right), dtype=np.float64)

    def recovered(self) -> float:
        """The mean over the axis of the share of the gap that is recovered. Raises NoGap."""
        return float(np.trapezoid(self._gap(LEVELS), LEVELS))

    def reached(self, share: float) -> float | None:
        """The least cost at which this share of the gap is recovered; None: at none. Raises
        NoGap."""
        costs = np.append(self.cost[self.cost <= 1], 1.0)
        gaps = self._gap(costs)
        found = np.flatnonzero(gaps >= share - 1e-12)
        if not len(found):
            return None
        place = int(found[0])
        if place == 0:
            return float(costs[0])
        rise = gaps[place] - gaps[place - 1]
        part = (share - gaps[place - 1]) / rise
        return float(costs[place - 1] + part * (costs[place] - costs[place - 1]))

    def over(self, other: Curve) -> float:
        """The mean over the axis of how much higher this curve lies: an area, in shares of right
        answers."""
        return float(np.trapezoid(self.at(LEVELS) - other.at(LEVELS), LEVELS))

    def _gap(self, levels: Floats) -> Floats:
        gap = self.ends.high_right - self.ends.low_right
        if gap <= 1e-12:
            raise NoGap("the dearest rung is not better than the cheapest one on these steps")
        return np.asarray((self.at(levels) - self.ends.low_right) / gap, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """What every setting of a policy costs and how many answers are right, by group of steps that
    always have one weight."""

    settings: tuple[float, ...]
    cost: Floats
    """[settings, groups], US dollars, of all their steps together."""
    right: Floats
    """[settings, groups], right answers among them; or a sum of probabilities."""
    count: Floats
    """[groups], steps."""
    first: Ints
    """[groups], the place of one step of each."""

    def means(self, weight: Floats) -> tuple[Floats, Floats]:
        """Of each setting, the mean cost and the share of right answers. `weight` is [steps]."""
        own = weight[self.first]
        total = own @ self.count
        return self.cost @ own / total, self.right @ own / total

    def curve(self, weight: Floats, ends: Ends) -> Curve:
        cost, right = self.means(weight)
        share = (cost - ends.low_cost) / (ends.high_cost - ends.low_cost)
        share, right = np.append(0.0, share), np.append(ends.low_right, right)
        order = np.lexsort((right, share))
        return Curve(cost=share[order], right=right[order], ends=ends)


def ends_of(cost: Floats, right: Floats, weight: Floats) -> Ends:
    """Of [steps, rungs], lowest first, under these weights. Raises NoAxis."""
    total = weight.sum()
    costs, rights = weight @ cost / total, weight @ right / total
    if costs[-1] <= costs[0]:
        raise NoAxis("the highest rung is not dearer than the lowest; order the ladder by cost")
    return Ends(
        low_cost=float(costs[0]),
        high_cost=float(costs[-1]),
        low_right=float(rights[0]),
        high_right=float(rights[-1]),
    )


def hull(cost: Floats, right: Floats) -> Ints:
    """The points that no mixture of others beats, in rising cost: the upper convex hull, from the
    cheapest to the best one (Andrew's monotone chain)."""
    chain: list[int] = []
    for point in np.lexsort((-right, cost)).tolist():
        if chain and right[point] <= right[chain[-1]]:
            continue
        while len(chain) > 1 and _below(cost, right, chain[-2], chain[-1], point):
            chain.pop()
        chain.append(point)
    return np.array(chain, dtype=np.int64)


def _below(cost: Floats, right: Floats, a: int, b: int, c: int) -> bool:
    """Whether b lies on or under the line from a to c."""
    rise = (right[c] - right[a]) * (cost[b] - cost[a])
    return bool((right[b] - right[a]) * (cost[c] - cost[a]) <= rise)
