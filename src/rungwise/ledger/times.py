"""How long did answers take, and their first bytes? Percentiles from counts in buckets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from rungwise.ledger.buckets import ranked, seconds_of
from rungwise.ledger.lines import Group, Key, Times
from rungwise.ledger.tallied import Tallied
from rungwise.store import tables

__all__ = ["Taken", "read_times"]


@dataclass(frozen=True, slots=True)
class Taken:
    """Of one group: how many answers ended, and began, in each of the buckets, which rise."""

    buckets: Sequence[int] = ()
    ended: Sequence[int] = ()
    begun: Sequence[int] = ()

    @property
    def whole(self) -> Times:
        return _percentiles(self.buckets, self.ended)

    @property
    def first_byte(self) -> Times:
        return _percentiles(self.buckets, self.begun)


def read_times(
    read: Tallied, together: Tallied, by: Sequence[Group], caller: str | None
) -> tuple[Mapping[Key, Taken], Taken]:
    """Of each group, and of all of them together, which `together` reads. Of no group where they
    would have to be known by caller and by kind of work at once."""
    by_caller = "key" in by or caller is not None
    if by_caller and {"route", "step_type"} & set(by):
        return {}, _read(together, 0, caller is not None).get((), Taken())
    groups = _read(read, len(by), by_caller)
    return groups, _together(groups.values())


def _read(read: Tallied, width: int, by_caller: bool) -> Mapping[Key, Taken]:
    """In groups of so many names. Answers are counted twice: see store/tables/tallies.py."""
    view = "route = ''" if by_caller else "caller = ''"
    rows = read.rows(tables.time_tally, ("bucket",), ("answers", "first_bytes"), view)
    groups: dict[Key, Taken] = {}
    for key, own in groupby(rows, itemgetter(slice(width))):
        *_, buckets, ended, begun = zip(*own, strict=True)
        groups[tuple(map(str, key))] = Taken(
            buckets, tuple(map(int, ended)), tuple(map(int, begun))
        )
    return groups


def _together(groups: Iterable[Taken]) -> Taken:
    sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for group in groups:
        for bucket, ended, begun in zip(group.buckets, group.ended, group.begun, strict=True):
            both = sums[bucket]
            both[0] += ended
            both[1] += begun
    buckets = sorted(sums)
    return Taken(buckets, *([sums[bucket][i] for bucket in buckets] for i in (0, 1)))


def _percentiles(buckets: Sequence[int], counts: Sequence[int]) -> Times:
    """Within 1 %: see ledger/buckets.py."""
    found = (ranked(buckets, counts, share) for share in (0.50, 0.95, 0.99))
    p50, p95, p99 = (None if bucket is None else seconds_of(bucket) for bucket in found)
    return Times(p50_s=p50, p95_s=p95, p99_s=p99)
