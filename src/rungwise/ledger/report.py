"""What do the written steps add up to? Reads the tallies, group by group.

These are kept in each entry's own transaction (see store/tables.py): a report looks at no entries,
and takes as long for a thousand as for a hundred million of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.ledger.buckets import seconds_of
from rungwise.ledger.lines import Against, Group, Idle, Key, Line, Report, Rung

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

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
    from rungwise.store.database import Database
    from rungwise.store.migrate import check_up_to_date

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
    lines = sorted(read.lines(), key=lambda line: (-line.tasks, line.key))
    total = _Tallies(connection, (), since_day, until_day).lines()
    return Report(
        by=tuple(by),
        all=next(iter(total), Line(key=())),
        lines=tuple(lines),
        idle=tuple(read.idle()),
    )


class _Tallies:
    """One grouped query for each tally."""

    def __init__(
        self, connection: Connection, by: tuple[Group, ...], since: int | None, until: int | None
    ) -> None:
        self._connection, self._by, self._days = connection, by, (since, until)

    def lines(self) -> list[Line]:
        from rungwise.store import tables

        counts = ("tasks", "answered", "labelled", "right", "escalated", "spilled", "recalled")
        steps = self._sums(
            tables.step_tally, ("tier",), (*counts, "cost_nano", "unpriced", "labelled_nano")
        )
        rungs, against = self._rungs(), self._against()
        latencies = self._latencies()
        return [
            Line(
                key=key,
                **{
                    name: sum(row[name] for row in rows)
                    for name in (*counts, "cost_nano", "unpriced", "labelled_nano")
                },
                answers={r["tier"]: r["answered"] for r in rows if r["tier"] and r["answered"]},
                p50_s=_percentile(latencies[key], 0.50),
                p95_s=_percentile(latencies[key], 0.95),
                rungs=tuple(rungs[key]),
                against=against[key],
            )
            for key, rows in steps.items()
        ]

    def idle(self) -> Iterable[Idle]:
        from sqlalchemy import func, select

        from rungwise.store.tables import idle_tally as t

        sums = [func.sum(c) for c in (t.c.up_s, t.c.busy_s, t.c.idle_joules, t.c.idle_nano)]
        asked = select(t.c.tier, *sums, func.sum(t.c.unpriced_s)).where(*self._when(t))
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

    def _rungs(self) -> Mapping[Key, list[Rung]]:
        from rungwise.store.tables import rung_tally

        usage = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
        counts = ("attempts", "released", "abandoned_tokens", "cost_nano", "unpriced", "saved_nano")
        found = self._sums(rung_tally, ("tier", "model"), (*usage, *counts, "engine_s", "joules"))
        rungs: dict[Key, list[Rung]] = defaultdict(list)
        for key, rows in found.items():
            for row in rows:
                rungs[key].append(
                    Rung(
                        tier=row["tier"],
                        model=row["model"],
                        prompt_tokens=sum(row[part] for part in usage[:4]),
                        cached_tokens=row["cache_read"],
                        completion_tokens=row["output"] + row["reasoning"],
                        engine_s=row["engine_s"],
                        joules=row["joules"],
                        **{name: row[name] for name in counts},
                    )
                )
        return rungs

    def _against(self) -> Mapping[Key, dict[str, Against]]:
        from rungwise.store.tables import baseline_tally

        values = ("answers", "unpriced", "nano", "answered_nano")
        against: dict[Key, dict[str, Against]] = defaultdict(dict)
        for key, rows in self._sums(baseline_tally, ("tier",), values).items():
            for row in rows:
                against[key][row["tier"]] = Against(
                    answers=row["answers"] - row["unpriced"],
                    nano=row["nano"],
                    cost_nano=row["answered_nano"],
                )
        return against

    def _latencies(self) -> Mapping[Key, list[tuple[int, int]]]:
        from rungwise.store.tables import latency_tally

        found = self._sums(latency_tally, ("bucket",), ("answers",))
        counted: dict[Key, list[tuple[int, int]]] = defaultdict(list)
        for key, rows in found.items():
            counted[key] = sorted((row["bucket"], row["answers"]) for row in rows)
        return counted

    def _sums(
        self, table: Table, within: Sequence[str], values: Sequence[str]
    ) -> Mapping[Key, list[Mapping[str, Any]]]:
        """The sums of some columns, by group and by the columns `within` it."""
        from sqlalchemy import func, select

        by = [table.c["caller" if name == "key" else name] for name in self._by]
        inner = [table.c[name] for name in within]
        sums = [func.sum(table.c[name]).label(name) for name in values]
        asked = select(*by, *inner, *sums).where(*self._when(table)).group_by(*by, *inner)
        groups: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
        for row in self._connection.execute(asked):
            key = tuple(str(value) for value in row[: len(by)])
            numbers = {
                name: _plain(value) for name, value in zip(values, row[-len(values) :], strict=True)
            }
            inside = dict(zip(within, row[len(by) :], strict=False))
            groups[key].append(inside | numbers)
        return groups

    def _when(self, table: Table) -> list[Any]:
        since, until = self._days
        bounds = [] if since is None else [table.c.day >= since]
        return bounds if until is None else [*bounds, table.c.day <= until]


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
