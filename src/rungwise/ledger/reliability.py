"""Are released drafts as often right as their confidences say? Counted from the newest outcomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from rungwise.counted import wilson
from rungwise.store.statements import ask

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["BINS", "NEWEST", "Bin", "Reliability", "reliability", "summed_up"]

BINS, NEWEST = 10, 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Drafts with neighbouring confidences, from `low` to `high`."""

    count: int
    right: int
    said: float
    """The mean confidence."""
    low: float
    high: float

    @property
    def share(self) -> float:
        """How many of them were right."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Of one rung. What a gate let go says nothing of the drafts that it kept."""

    bins: tuple[Bin, ...]
    """By rising confidence, of about equal counts; the same confidence is never parted."""
    since: float
    """When the oldest of them came, in Unix seconds."""

    @property
    def labelled(self) -> int:
        return sum(one.count for one in self.bins)

    @property
    def error(self) -> float:
        """The expected calibration error: mean |said - share right| over bins, by their counts."""
        gaps = (one.count * abs(one.said - one.share) for one in self.bins)
        return sum(gaps) / self.labelled


def reliability(connection: Connection, newest: int = NEWEST) -> Mapping[str, Reliability]:
    """By tier, of the drafts with a confidence among so many of the newest entries that have an
    outcome; a tier without any is not there."""
    found: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
    since: dict[str, float] = {}
    least = _least(connection, newest)
    for right in (False, True) if least is not None else ():
        for at, tier, confidence in ask(connection, _DRAFTS, (right, least)):
            found[tier].append((confidence, right))
            since[tier] = min(at, since.get(tier, at))
    return {tier: summed_up(told, since[tier]) for tier, told in sorted(found.items())}


_DRAFTS = """
select e.at, a.tier, a.probability from entry e join attempt a on a.entry_id = e.id
where e.outcome_right = ? and e.at >= ? and coalesce(e.audits, '') = ''
and a.role = 'draft' and a.state = 'released' and a.probability is not null
"""


def _least(connection: Connection, newest: int) -> float | None:
    """When the last of so many labelled entries came; None where there is none."""
    asked = "select at from entry where outcome_right = ? order by at desc limit ?"
    times: list[tuple[Any, ...]] = []
    for right in (False, True):
        times += ask(connection, asked, (right, newest))
    return sorted((at for (at,) in times), reverse=True)[:newest][-1] if times else None


def summed_up(told: Sequence[tuple[float, bool]], since: float) -> Reliability:
    """`told` are confidences, and whether each draft was right; one at the least."""
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    below = 0
    for _, same in groupby(sorted(told), key=itemgetter(0)):
        drafts = list(same)
        middle = 2 * below + len(drafts)  # twice their middle rank
        bins[min(middle * BINS // (2 * len(told)), BINS - 1)] += drafts
        below += len(drafts)
    return Reliability(bins=tuple(_bin(bins[place]) for place in sorted(bins)), since=since)


def _bin(told: Sequence[tuple[float, bool]]) -> Bin:
    return Bin(
        count=len(told),
        right=sum(right for _, right in told),
        said=sum(confidence for confidence, _ in told) / len(told),
        low=told[0][0],
        high=told[-1][0],
    )
