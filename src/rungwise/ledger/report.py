"""What do the written steps add up to? Reads the tallies, group by group.

These are kept in each entry's own transaction (see store/tables.py): a report looks at no entries,
and takes as long for a thousand as for a hundred million of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, func, select

from rungwise.ledger.buckets import seconds_of
from rungwise.ledger.lines import Against, Group, Idle, Key, Line, Report, Rung
from rungwise.store import tables
from rungwise.store.database import Database
from rungwise.store.migrate import check_up_to_date

__all__ = ["read_report", "report"]


def read_report(
    place: Path | str,
    by: Sequence[Group] = ("route",),
    *,
    since_day: int | None = None,
    until_day: int | None = None,
) -> Report:
    """See `report`; of a file or of a database's address, which are only looked at. Raises
    StoreError, also for a ledger of an older release: it holds no tallies yet."""
    with Database(place).looking() as connection:
        check_up_to_date(connection)
        return report(connection, by, since_day=since_day, until_day=until_day)


def report(
    connection: Connection,
    by: Sequence[Group] = ("route",),
    *,
    since_day: int | None = None,
    until_day: int | None = None,
) -> Report:
    """One line for each group of steps of the days from `since_day` up to `until_day`, both
    included, the largest first; and one for all of them together."""
    read = _Tallies(connection, tuple(by), since_day, until_day)
    steps = read.sums(tables.step_tally, ("tier",), (*STEPS, *MONEY))
    rungs = read.sums(tables.rung_tally, ("tier", "model"), (*USAGE, *RUNGS))
    against: defaultdict[Key, Sums] = defaultdict(dict)
    if "tier" not in by:  # of baselines it is not kept which rung's answers they stand for
        against = read.sums(tables.baseline_tally, ("tier",), BASELINES)
    latencies = read.latencies()
    lines = [_line(k, steps[k], rungs[k], against[k], latencies[k]) for k in list(steps)]
    total = _line((), *map(_together, (steps, rungs, against, latencies)))
    return Report(
        by=tuple(by),
        all=total,
        lines=tuple(sorted(lines, key=lambda line: (-line.tasks, line.key))),
        idle=tuple(read.idle()),
    )


STEPS = ("tasks", "answered", "labelled", "right", "escalated", "spilled", "recalled")
MONEY = ("cost_nano", "unpriced", "labelled_nano")
USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
COUNTS = ("attempts", "released", "abandoned_tokens", "cost_nano", "unpriced", "saved_nano")
RUNGS = (*COUNTS, "engine_s", "joules")
BASELINES = ("answers", "unpriced", "nano", "answered_nano")

Inside: TypeAlias = tuple[Any, ...]
"""What a tally is kept by within a group: a tier, a tier and a model, a bucket."""
Sums: TypeAlias = dict[Inside, dict[str, Any]]
"""The sums of a tally's columns in one group."""


class _Tallies:
    """One grouped query for each tally."""

    def __init__(
        self, connection: Connection, by: tuple[Group, ...], since: int | None, until: int | None
    ) -> None:
        self._connection, self._by, self._days = connection, by, (since, until)

    def sums(
        self, table: Table, within: Sequence[str], values: Sequence[str], *where: Any
    ) -> defaultdict[Key, Sums]:
        by = [table.c["caller" if name == "key" else name] for name in self._by]
        inner = [table.c[name] for name in within]
        added = [func.sum(table.c[name]) for name in values]
        asked = select(*by, *inner, *added).where(*self._when(table), *where)
        asked = asked.group_by(*by, *inner)
        groups: defaultdict[Key, Sums] = defaultdict(dict)
        for row in self._connection.execute(asked):
            key = tuple(str(value) for value in row[: len(by)])
            numbers = map(_plain, row[-len(values) :])
            groups[key][tuple(row[len(by) : -len(values)])] = dict(
                zip(values, numbers, strict=True)
            )
        return groups

    def latencies(self) -> defaultdict[Key, Sums]:
        """Nothing where they would have to be known by caller and by kind of work at once."""
        by_key = "key" in self._by
        if by_key and {"route", "step_type"} & set(self._by):
            return defaultdict(dict)
        table = tables.latency_tally
        view = table.c.route == "" if by_key else table.c.caller == ""
        return self.sums(table, ("bucket",), ("answers",), view)

    def idle(self) -> Iterable[Idle]:
        t = tables.idle_tally
        numbers = (t.c.up_s, t.c.busy_s, t.c.idle_joules, t.c.idle_nano, t.c.unpriced_s)
        asked = select(t.c.tier, *map(func.sum, numbers)).where(*self._when(t))
        for row in self._connection.execute(asked.group_by(t.c.tier).order_by(t.c.tier)):
            tier, up_s, busy_s, joules, nano, unpriced_s = tuple(row)
            yield Idle(
                tier=tier,
                up_s=up_s,
                busy_s=busy_s,
                joules=joules,
                nano=int(nano),
                unpriced_s=unpriced_s,
            )

    def _when(self, table: Table) -> list[Any]:
        since, until = self._days
        bounds = [] if since is None else [table.c.day >= since]
        return bounds if until is None else [*bounds, table.c.day <= until]


def _together(groups: Mapping[Key, Sums]) -> Sums:
    """The sums of all groups."""
    total: defaultdict[Inside, Counter[str]] = defaultdict(Counter)
    for sums in groups.values():
        for inside, numbers in sums.items():
            total[inside].update(numbers)
    return {inside: dict(numbers) for inside, numbers in total.items()}


def _line(key: Key, steps: Sums, rungs: Sums, against: Sums, latencies: Sums) -> Line:
    counted = sorted((bucket, row["answers"]) for (bucket,), row in latencies.items())
    return Line(
        key=key,
        **{name: sum(row[name] for row in steps.values()) for name in (*STEPS, *MONEY)},
        answers={t: row["answered"] for (t,), row in steps.items() if t and row["answered"]},
        p50_s=_percentile(counted, 0.50),
        p95_s=_percentile(counted, 0.95),
        rungs=tuple(_rung(tier, model, row) for (tier, model), row in sorted(rungs.items())),
        against={
            tier: Against(
                answers=row["answers"] - row["unpriced"],
                nano=row["nano"],
                cost_nano=row["answered_nano"],
            )
            for (tier,), row in against.items()
        },
    )


def _rung(tier: str, model: str, row: Mapping[str, Any]) -> Rung:
    return Rung(
        tier=tier,
        model=model,
        prompt_tokens=sum(row[part] for part in USAGE[:4]),
        cached_tokens=row["cache_read"],
        completion_tokens=row["output"] + row["reasoning"],
        engine_s=row["engine_s"],
        joules=row["joules"],
        **{name: row[name] for name in COUNTS},
    )


def _plain(value: Any) -> int | float:
    """Postgres sums integers to a Decimal."""
    return value if isinstance(value, float) else int(value)


def _percentile(counted: Sequence[tuple[int, int]], share: float) -> float | None:
    """By nearest rank over the buckets, in order: within 1 % (see ledger/buckets.py)."""
    total = sum(answers for _, answers in counted)
    below = 0
    for bucket, answers in counted:
        below += answers
        if below >= share * total:
            return seconds_of(bucket)
    return None
