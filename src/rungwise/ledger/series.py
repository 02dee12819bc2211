"""How did it go, over the last hours or days? Sums of equal stretches of time, oldest first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rungwise.days import day_of
from rungwise.ledger.buckets import COARSE, SLOT_S, ranked, seconds_of, slot_of
from rungwise.store.statements import ask

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["WINDOWS", "Series", "SeriesWindow", "Stretch", "latencies", "series"]

SeriesWindow: TypeAlias = Literal["3h", "1d", "2w"]
WINDOWS: Mapping[SeriesWindow, tuple[int, int]] = {"3h": (1, 36), "1d": (3, 96), "2w": (12, 336)}
"""How many slots a stretch has, and how many stretches are told."""

_SUMS = (
    "steps",
    "answered",
    "escalated",
    "labelled",
    '"right"',
    "cost_nano",
    "unpriced",
    "abandoned_tokens",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What is asked for: stretches of `slots` slots each, the last one that of `now`."""

    window: SeriesWindow
    now: float
    route: str | None = None
    caller: str | None = None
    """None, as for the route, is all of them."""

    @property
    def slots(self) -> int:
        return WINDOWS[self.window][0]

    @property
    def count(self) -> int:
        return WINDOWS[self.window][1]

    @property
    def first(self) -> int:
        """The first slot."""
        last = slot_of(self.now) // self.slots
        return (last - self.count + 1) * self.slots

    @property
    def at(self) -> Sequence[int]:
        """The Unix seconds at which each of them begins."""
        step = self.slots * SLOT_S
        begin = self.first * SLOT_S
        return range(begin, begin + self.count * step, step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Columns of one number for each stretch."""

    steps: Sequence[int]
    answered: Sequence[int]
    escalated: Sequence[int]
    labelled: Sequence[int]
    right: Sequence[int]
    cost_nano: Sequence[int]
    unpriced: Sequence[int]
    abandoned_tokens: Sequence[int]
    answers: Mapping[str, Sequence[int]]
    """Answered steps by the rung that answered."""
    routes: Sequence[str]
    """Those that occur on the days of the window, whichever is asked for."""


def series(connection: Connection, sought: Stretch) -> Series:
    """Reads the slot tallies in the order of their key, so that two weeks of them are added up
    without being sorted."""
    columns = [[0] * sought.count for _ in _SUMS]
    answers: defaultdict[str, list[int]] = defaultdict(lambda: [0] * sought.count)
    for slot, tier, *sums in _slots(connection, sought):
        place = (slot - sought.first) // sought.slots
        for column, added in zip(columns, sums, strict=True):
            column[place] += int(added)
        if tier and sums[1]:
            answers[tier][place] += int(sums[1])
    named = {name.strip('"'): column for name, column in zip(_SUMS, columns, strict=True)}
    return Series(
        **named, answers=dict(sorted(answers.items())), routes=_routes(connection, sought)
    )


def latencies(
    connection: Connection, sought: Stretch, shares: Sequence[float]
) -> list[list[float | None]]:
    """For each share the percentile of each stretch's answered steps, in seconds, by nearest rank
    over coarse buckets: within 12.3 %. Of all callers: it is not kept by caller."""
    counted: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for place, bucket, answers in _buckets(connection, sought):
        counted[int(place)][bucket] += int(answers)
    places = range(sought.first // sought.slots, sought.first // sought.slots + sought.count)
    return [[_percentile(counted.get(place, {}), share) for place in places] for share in shares]


def _slots(connection: Connection, sought: Stretch) -> Sequence[tuple[Any, ...]]:
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    where, values = _where(sought, ("route", sought.route), ("caller", sought.caller))
    asked = f"select slot, tier, {sums} from slot_tally where {where} group by slot, tier"
    return ask(connection, asked, values)


def _buckets(connection: Connection, sought: Stretch) -> Sequence[tuple[Any, ...]]:
    where, values = _where(sought, ("route", sought.route))
    each = f"select slot, bucket, sum(answers) as n from slot_latency where {where}"
    asked = (
        f"select slot / {sought.slots}, bucket, sum(n)"
        f" from ({each} group by slot, bucket) as each group by slot / {sought.slots}, bucket"
    )
    return ask(connection, asked, values)


def _where(sought: Stretch, *filters: tuple[str, str | None]) -> tuple[str, tuple[Any, ...]]:
    end = sought.first + sought.count * sought.slots
    named = [(name, value) for name, value in filters if value is not None]
    told = " and ".join(["slot >= ? and slot < ?", *(f"{name} = ?" for name, _ in named)])
    return told, (sought.first, end, *(value for _, value in named))


def _routes(connection: Connection, sought: Stretch) -> list[str]:
    values: tuple[Any, ...] = (day_of(sought.first * SLOT_S),)
    asked = "select distinct route from step_tally where day >= ?"
    if sought.caller is not None:
        asked, values = f"{asked} and caller = ?", (*values, sought.caller)
    return sorted(route for (route,) in ask(connection, asked, values))


def _percentile(counted: Mapping[int, int], share: float) -> float | None:
    buckets = sorted(counted)
    bucket = ranked(buckets, [counted[bucket] for bucket in buckets], share)
    if bucket is None:
        return None
    middle = bucket * COARSE + COARSE // 2  # begins in the middle of the coarse one
    return math.sqrt(seconds_of(middle - 1) * seconds_of(middle))
