"""How long did answers take, and their first bytes? Percentiles from counts in buckets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rungwise.ledger.buckets import seconds_of
from rungwise.ledger.lines import Group, Key, Times
from rungwise.ledger.tallied import Tallied
from rungwise.store import tables

__all__ = ["Taken", "read_times"]

_Counts: TypeAlias = dict[int, int]
"""How many there are of each bucket."""


@dataclass(slots=True)
class Taken:
    """Of one group."""

    ended: _Counts = field(default_factory=dict)
    begun: _Counts = field(default_factory=dict)

    @property
    def whole(self) -> Times:
        return _percentiles(self.ended)

    @property
    def first_byte(self) -> Times:
        return _percentiles(self.begun)


def read_times(
    read: Tallied, by: Sequence[Group], caller: str | None
) -> tuple[Mapping[Key, Taken], Taken]:
    """Of each group, and of all of them together. Nothing where they would have to be known by
    caller and by kind of work at once."""
    groups: defaultdict[Key, Taken] = defaultdict(Taken)
    every, table = Taken(), tables.time_tally
    by_caller = "key" in by or caller is not None
    if by_caller and {"route", "step_type"} & set(by):
        return groups, every
    view = table.c.route == "" if by_caller else table.c.caller == ""
    width, last, group = len(by), None, every
    for row in read.rows(table, ("bucket",), ("answers", "first_bytes"), view):
        key, (bucket, ended, begun) = row[:width], row[width:]
        if key != last:
            last, group = key, groups[tuple(map(str, key))]
        if ended:
            group.ended[bucket] = int(ended)
        if begun:
            group.begun[bucket] = int(begun)
    for group in groups.values():
        _add(every.ended, group.ended)
        _add(every.begun, group.begun)
    return groups, every


def _add(counts: _Counts, more: _Counts) -> None:
    for bucket, answers in more.items():
        counts[bucket] = counts.get(bucket, 0) + answers


def _percentiles(counts: _Counts) -> Times:
    counted = sorted(counts.items())
    return Times(
        p50_s=_percentile(counted, 0.50),
        p95_s=_percentile(counted, 0.95),
        p99_s=_percentile(counted, 0.99),
    )


def _percentile(counted: Sequence[tuple[int, int]], share: float) -> float | None:
    """By nearest rank over the buckets, in order: within 1 % (see ledger/buckets.py)."""
    total = sum(answers for _, answers in counted)
    below = 0
    for bucket, answers in counted:
        below += answers
        if below >= share * total:
            return seconds_of(bucket)
    return None
