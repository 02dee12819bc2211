"""How long did answers take, and their first bytes? Percentiles from counts in buckets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from rungwise.ledger.buckets import ranked, seconds_of
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
    read: Tallied, together: Tallied, by: Sequence[Group], caller: str | None
) -> tuple[Mapping[Key, Taken], Taken]:
    """Of each group, and of all of them together, which `together` reads. Of no group where they
    would have to be known by caller and by kind of work at once."""
    by_caller = "key" in by or caller is not None
    if by_caller and {"route", "step_type"} & set(by):
        return {}, _read(together, 0, caller is not None).get((), Taken())
    groups, every = _read(read, len(by), by_caller), Taken()
    for group in groups.values():
        _add(every.ended, group.ended)
        _add(every.begun, group.begun)
    return groups, every


def _read(read: Tallied, width: int, by_caller: bool) -> Mapping[Key, Taken]:
    """In groups of so many names. Answers are counted twice: see store/tables/tallies.py."""
    groups: defaultdict[Key, Taken] = defaultdict(Taken)
    table = tables.time_tally
    view = table.c.route == "" if by_caller else table.c.caller == ""
    last, group = None, Taken()
    for row in read.rows(table, ("bucket",), ("answers", "first_bytes"), view):
        key, (bucket, ended, begun) = row[:width], row[width:]
        if key != last:
            last, group = key, groups[tuple(map(str, key))]
        if ended:
            group.ended[bucket] = int(ended)
        if begun:
            group.begun[bucket] = int(begun)
    return groups


def _add(counts: _Counts, more: _Counts) -> None:
    for bucket, answers in more.items():
        counts[bucket] = counts.get(bucket, 0) + answers


def _percentiles(counts: _Counts) -> Times:
    """Within 1 %: see ledger/buckets.py."""
    found = (ranked(counts, share) for share in (0.50, 0.95, 0.99))
    p50, p95, p99 = (None if bucket is None else seconds_of(bucket) for bucket in found)
    return Times(p50_s=p50, p95_s=p95, p99_s=p99)
