"""How would the shadow have done? Its plans beside the live ones, group by group, from the tallies.

Where its plan leads to the draft that was given here, its cost and its outcome are recorded. Else
its first rung that nobody asked is estimated: the draft by its rung's price for the tokens of the
answer that was given (a rung without one: by the mean of its drafts in the same days), and the rung
above it by the share of its drafts that were refused in these days. Whether its answer would have
been right nobody knows.
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

COUNTS = ("tasks", "same", "lower", "higher", "labelled", "right")
NANO = ("live_nano", "known_nano", "unpriced", "rest_nano")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowLine:
    """One group of steps that one router planned in the shadow."""

    key: Key
    router: str
    tasks: int = 0
    same: int = 0
    lower: int = 0
    higher: int = 0
    """By where it would have started; of the rest it cannot be told."""
    labelled: int = 0
    right: int = 0
    recorded: int = 0
    recorded_nano: int = 0
    recorded_live_nano: int = 0
    recorded_labelled: int = 0
    recorded_right: int = 0
    """Of steps where it would have led to the same draft: of others its outcome is not known."""
    estimated: int = 0
    estimated_nano: int = 0
    estimated_live_nano: int = 0

    @property
    def unknown(self) -> int:
        """Steps whose cost nobody can tell: not answered, or without a price."""
        return self.tasks - self.recorded - self.estimated

    @property
    def live_nano(self) -> int:
        """What the steps did cost that the shadow's cost is told of."""
        return self.recorded_live_nano + self.estimated_live_nano

    @property
    def nano(self) -> int:
        """What the shadow would have cost for these."""
        return self.recorded_nano + self.estimated_nano

    @property
    def recorded_share(self) -> float | None:
        """Of the steps that its cost is told of."""
        told = self.recorded + self.estimated
        return self.recorded / told if told else None

    @property
    def saved(self) -> float | None:
        """The share of the live cost that it would not have spent; below 0 where more."""
        return 1 - self.nano / self.live_nano if self.live_nano else None

    @property
    def accuracy(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.labelled) if self.labelled else None

    @property
    def shadow_accuracy(self) -> float | None:
        return self.recorded_right / self.recorded_labelled if self.recorded_labelled else None

    @property
    def shadow_interval(self) -> tuple[float, float] | None:
        counted = self.recorded_labelled
        return wilson(self.recorded_right, counted) if counted else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowReport:
    by: tuple[Group, ...]
    all: tuple[ShadowLine, ...]
    """One for each router that planned in the shadow."""
    lines: tuple[ShadowLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """One rung's drafts in these days."""

    nano: float | None
    refused: float


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
    usual = _usual(Tallied(connection, (), since_day, until_day))
    read = Tallied(connection, tuple(by), since_day, until_day)
    groups = read.sums(tables.shadow_tally, ("router", "basis", "tier"), (*COUNTS, *NANO))
    lines = [line for key, sums in groups.items() for line in _lines(key, sums, usual)]
    return ShadowReport(
        by=tuple(by),
        all=tuple(_together(lines)),
        lines=tuple(sorted(lines, key=lambda line: (-line.tasks, line.key, line.router))),
    )


def _usual(read: Tallied) -> dict[str, _Usual]:
    table, numbers = tables.rung_tally, ("attempts", "released", "abandoned", "cost_nano")
    drafts = table.c.role == "draft"
    sums = read.sums(table, ("tier",), (*numbers, "unpriced"), drafts)[()]
    return {tier: _of_drafts(row) for (tier,), row in sums.items()}


def _of_drafts(row: Mapping[str, Any]) -> _Usual:
    priced = row["attempts"] - row["unpriced"]
    judged = row["released"] + row["abandoned"]
    return _Usual(
        nano=row["cost_nano"] / priced if priced else None,
        refused=row["abandoned"] / judged if judged else 0.0,
    )


def _lines(key: Key, sums: Sums, usual: Mapping[str, _Usual]) -> Iterator[ShadowLine]:
    found: dict[str, ShadowLine] = {}
    for (router, basis, tier), row in sums.items():
        counted = ShadowLine(key=key, router=router, **{name: row[name] for name in COUNTS})
        line = _plus(found.get(router), counted)
        found[router] = _priced(line, basis, row, usual.get(tier, _Usual(nano=None, refused=0.0)))
    yield from found.values()


def _priced(line: ShadowLine, basis: str, row: Mapping[str, Any], usual: _Usual) -> ShadowLine:
    if basis == "recorded":
        return replace(
            line,
            recorded=line.recorded + row["tasks"],
            recorded_nano=line.recorded_nano + row["known_nano"],
            recorded_live_nano=line.recorded_live_nano + row["live_nano"],
            recorded_labelled=line.recorded_labelled + row["labelled"],
            recorded_right=line.recorded_right + row["right"],
        )
    if basis != "estimated" or (row["unpriced"] and usual.nano is None):
        return line
    own = row["unpriced"] * (usual.nano or 0.0)
    nano = row["known_nano"] + round(own + usual.refused * row["rest_nano"])
    return replace(
        line,
        estimated=line.estimated + row["tasks"],
        estimated_nano=line.estimated_nano + nano,
        estimated_live_nano=line.estimated_live_nano + row["live_nano"],
    )


def _together(lines: Sequence[ShadowLine]) -> Iterator[ShadowLine]:
    """The sums of all groups, by router."""
    found: dict[str, ShadowLine] = {}
    for line in lines:
        found[line.router] = _plus(found.get(line.router), replace(line, key=()))
    yield from sorted(found.values(), key=lambda line: (-line.tasks, line.router))


def _plus(one: ShadowLine | None, other: ShadowLine) -> ShadowLine:
    if one is None:
        return other
    return replace(other, **{name: getattr(one, name) + getattr(other, name) for name in _NUMBERS})


_NUMBERS = tuple(name for name in ShadowLine.__dataclass_fields__ if name not in ("key", "router"))
