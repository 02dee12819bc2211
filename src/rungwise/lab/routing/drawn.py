"""What is there to draw of a recorded ladder? Its rungs, and curves of right answers by cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.routing.counted import OURS, SHOWN
from rungwise.lab.routing.curves import LEVELS, hull
from rungwise.lab.routing.evaluate import SetFigures
from rungwise.lab.routing.report import NAMES, ends

__all__ = ["Line", "Picture", "picture_of"]

FACTOR = 20
"""A ladder whose ends differ by more than this is drawn on a logarithmic axis."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Line:
    name: str
    usd: Floats
    """For 1,000 steps."""
    right: Floats
    """Shares."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    title: str
    lines: tuple[Line, ...]
    band: tuple[Floats, Floats, Floats] | None
    """Of ours: dollars, and the ends of the 95 % interval."""
    rungs: Line
    """A point for each rung alone; its name is not told."""
    rung_names: tuple[str, ...]
    hull: Line
    logarithmic: bool


def picture_of(found: SetFigures) -> Picture:
    at = ends(found)
    span = at.high_cost - at.low_cost

    def usd(level: Floats) -> Floats:
        return np.asarray((at.low_cost + level * span) * 1e3)

    lines = tuple(
        Line(name=NAMES[name], usd=usd(LEVELS), right=found.right(name)) for name in found.policies
    )
    band = None
    if OURS in found.policies:
        told = [found.figures[f"curves.{OURS}.{level:g}"] for level in SHOWN]
        low, high = np.array([e.low for e in told]), np.array([e.high for e in told])
        band = (usd(np.array(SHOWN)), low, high)
    cost, right = found.columns.cost.mean(axis=0) * 1e3, found.columns.right.mean(axis=0)
    chain = hull(cost, right)
    along = usd(LEVELS)
    return Picture(
        title=f"{found.name} ({len(found.columns)} steps)",
        lines=lines,
        band=band,
        rungs=Line(name="rungs alone", usd=cost, right=right),
        rung_names=found.columns.tiers,
        hull=Line(
            name="hull of the rungs alone",
            usd=along,
            right=np.interp(along, cost[chain], right[chain]),
        ),
        logarithmic=at.low_cost > 0 and at.high_cost / at.low_cost > FACTOR,
    )
