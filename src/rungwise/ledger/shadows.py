"""How would the shadow have done? Its plans beside the live ones, group by group, from the tallies.

Where its plan leads to the draft that was given here, its cost and its outcome are recorded. Else
its first rung that nobody asked is estimated: the draft by its rung's price for the tokens of the
answer that was given (a rung without one: by the mean of its drafts in the same days), and the rung
above it by the share of its judged drafts that were refused in these days. What these days do not
tell makes a step unknown, never free. Whether an estimated answer would have been right nobody
knows; a recorded one is the answer that was given, and as right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from rungwise.counted import wilson
from rungwise.ledger.lines import Group, Key
from rungwise.ledger.tallied import Sums, Tallied
from rungwise.store import tables
from rungwise.store.database import Database
from rungwise.store.migrate import check_up_to_date

__all__ = ["ShadowLine", "ShadowReport", "read_shadows", "shadows"]

COUNTS = ("steps", "same", "lower", "higher")
LABELS = ("labelled", "right")
NANO = ("live_nano", "known_nano", "unpriced", "rest_nano", "rest_unpriced")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowLine:
    """One group of steps that one router planned in the shadow."""

    key: Key
    router: str
    steps: int = 0
    same: int = 0
    lower: int = 0
    higher: int = 0
    """By where it would have started; of the rest it cannot be told."""
    recorded: int = 0
    """Steps where it would have led to the very draft that was given."""
    recorded_nano: int = 0
    """What the shadow would have cost for these, and below what they did cost."""
    recorded_live_nano: int = 0
    recorded_labelled: int = 0
    recorded_right: int = 0
    """Of both, the shadow and what was done: it is the same draft."""
    estimated: int = 0
    estimated_nano: int = 0
    estimated_live_nano: int = 0

    @property
    def unknown(self) -> int:
        """Steps whose cost nobody can tell: not answered, or without a price."""
        return self.steps - self.recorded - self.estimated

    @property
    def recorded_share(self) -> float | None:
        """Of the steps that its cost is told of."""
        told = self.recorded + self.estimated
        return self.recorded / told if told else None

    @property
    def recorded_saved(self) -> float | None:
        """The share of these steps' cost that it would not have spent; below 0 where more."""
        return _saved(self.recorded_nano, self.recorded_live_nano)

    @property
    def estimated_saved(self) -> float | None:
        """As `recorded_saved`."""
        return _saved(self.estimated_nano, self.estimated_live_nano)

    @property
    def accuracy(self) -> float | None:
        """Of the recorded steps with an outcome: the shadow's, and that of what was done."""
        counted = self.recorded_labelled
        return self.recorded_right / counted if counted else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        counted = self.recorded_labelled
        return wilson(self.recorded_right, counted) if counted else None


def _saved(nano: int, live: int) -> float | None:
    return 1 - nano / live if live else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    by: tuple[Group, ...]
    all: tuple[ShadowLine, ...]
    """One for each router that planned in the shadow."""
    lines: tuple[ShadowLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """One rung's drafts in these days; None is "nobody knows"."""

    nano: float | None = None
    refused: float | None = None
    """The share of those that were judged."""


NONE = _Usual()


def read_shadows(
    place: Path | str,
    by: Sequence[Group] = ("route",),
    *,
    since_day: int | None = None,
    until_day: int | None = None,
) -> ShadowReport:
    """See `shadows`; place and errors as for read_report."""
    with Database(place).looking() as connection:
        check_up_to_date(connection)
        return shadows(connection, by, since_day=since_day, until_day=until_day)


def shadows(
    connection: Connection,
    by: Sequence[Group] = ("route",),
    *,
    since_day: int | None = None,
    until_day: int | None = None,
) -> ShadowReport:
    """Groups and days as for `report`; not by tier."""
    values = (*COUNTS, *LABELS, *NANO)
    usual = _usual(Tallied(connection, (), since_day, until_day))
    read = Tallied(connection, tuple(by), since_day, until_day)
    groups = read.sums(tables.shadow_tally, ("router", "basis", "tier", "beyond"), values)
    lines = [line for key, sums in groups.items() for line in _lines(key, sums, usual)]
    return ShadowReport(
        by=tuple(by),
        all=tuple(_together(lines)),
        lines=tuple(sorted(lines, key=lambda line: (-line.steps, line.key, line.router))),
    )


def _usual(read: Tallied) -> dict[str, _Usual]:
    values = ("attempts", "cost_nano", "unpriced")
    costs = read.sums(tables.rung_tally, ("tier",), values, "role = 'draft'")[()]
    refusals = read.sums(tables.judged_tally, ("tier",), ("judged", "refused"))[()]
    return {tier: _of_drafts(row, refusals.get((tier,))) for (tier,), row in costs.items()}


def _of_drafts(costs: Mapping[str, Any], refusals: Mapping[str, Any] | None) -> _Usual:
    priced = costs["attempts"] - costs["unpriced"]
    judged = refusals["judged"] if refusals is not None else 0
    return _Usual(
        nano=costs["cost_nano"] / priced if priced else None,
        refused=refusals["refused"] / judged if refusals is not None and judged else None,
    )


def _lines(key: Key, sums: Sums, usual: Mapping[str, _Usual]) -> Iterator[ShadowLine]:
    found: dict[str, ShadowLine] = {}
    for (router, basis, tier, beyond), row in sums.items():
        counted = ShadowLine(key=key, router=router, **{name: row[name] for name in COUNTS})
        line = _plus(found.get(router), counted)
        if basis == "recorded":
            line = _recorded(line, row)
        elif basis == "estimated":
            above = usual.get(beyond, NONE) if beyond else None
            line = _estimated(line, row, usual.get(tier, NONE), above)
        found[router] = line
    yield from found.values()


def _recorded(line: ShadowLine, row: Mapping[str, Any]) -> ShadowLine:
    return replace(
        line,
        recorded=line.recorded + row["steps"],
        recorded_nano=line.recorded_nano + row["known_nano"],
        recorded_live_nano=line.recorded_live_nano + row["live_nano"],
        recorded_labelled=line.recorded_labelled + row["labelled"],
        recorded_right=line.recorded_right + row["right"],
    )


def _estimated(
    line: ShadowLine, row: Mapping[str, Any], own: _Usual, above: _Usual | None
) -> ShadowLine:
    """With the row's steps, unless something about them is not known in these days; `above` is
    where a refusal would lead."""
    nano = _filled(row["known_nano"], row["unpriced"], own.nano)
    rest: float | None = 0.0
    if above is not None and own.refused != 0:
        beyond = _filled(row["rest_nano"], row["rest_unpriced"], above.nano)
        rest = None if beyond is None or own.refused is None else own.refused * beyond
    if nano is None or rest is None:
        return line
    return replace(
        line,
        estimated=line.estimated + row["steps"],
        estimated_nano=line.estimated_nano + round(nano + rest),
        estimated_live_nano=line.estimated_live_nano + row["live_nano"],
    )


def _filled(nano: int, unpriced: int, mean: float | None) -> float | None:
    """A sum, and the mean for each draft that is not in it."""
    if not unpriced:
        return nano
    return None if mean is None else nano + unpriced * mean


def _together(lines: Sequence[ShadowLine]) -> Iterator[ShadowLine]:
    """The sums of all groups, by router."""
    found: dict[str, ShadowLine] = {}
    for line in lines:
        found[line.router] = _plus(found.get(line.router), replace(line, key=()))
    yield from sorted(found.values(), key=lambda line: (-line.steps, line.router))


def _plus(one: ShadowLine | None, other: ShadowLine) -> ShadowLine:
    if one is None:
        return other
    return replace(other, **{name: getattr(one, name) + getattr(other, name) for name in _NUMBERS})


_NUMBERS = tuple(name for name in ShadowLine.__dataclass_fields__ if name not in ("key", "router"))
