"""Which plans keep within what the caller allows? And if none does, which are the nearest?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rungwise.policy.pays import Prospect, Rung

__all__ = ["Limits", "within"]

Prospects = list[Prospect[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a plan must keep to; None: to nothing."""

    least_right: float | None = None
    nano: float | None = None
    seconds: float | None = None


def within(
    found: Prospects, limits: Limits, rungs: Sequence[Rung[float]]
) -> tuple[Prospects, list[str]]:
    """The plans that keep to the limits, and what to say where none does: then it is those that
    come nearest. Money before time, time before quality. A plan's cost and time are those of all
    its rungs: it may have to climb to its end."""
    told: list[str] = []
    if limits.nano is not None:
        costs = [rung.nano for rung in rungs]
        found, missed = _least(found, lambda p: _sum(costs, p), limits.nano)
        if missed:
            told.append("no plan is expected to cost so little: the cheapest")
    if limits.seconds is not None:
        times = [rung.seconds for rung in rungs]
        found, missed = _least(found, lambda p: _sum(times, p), limits.seconds)
        if missed:
            told.append("no plan is expected to end in time: the quickest")
    if limits.least_right is not None:
        found, missed = _least(found, lambda p: -p.right, -limits.least_right)
        if missed:
            told.append(
                f"no plan is foreseen to be right with p {limits.least_right:g}: the surest"
            )
    return found, told


def _sum(values: Sequence[float], prospect: Prospect[float]) -> float:
    return sum(values[place] for place in prospect.rungs)


def _least(
    found: Prospects, measure: Callable[[Prospect[float]], float], most: float
) -> tuple[Prospects, bool]:
    """Those that measure no more than `most`, else those that measure least, and whether so."""
    measured = [(measure(prospect), prospect) for prospect in found]
    kept = [prospect for value, prospect in measured if value <= most + 1e-12]
    if kept:
        return kept, False
    least = min(value for value, _ in measured)
    return [prospect for value, prospect in measured if value <= least + 1e-12], True
