"""What do the written steps add up to? Reads the tallies, group by group.

These are kept in each entry's own transaction (see store/tables.py): a report looks at no entries,
and takes as long for a thousand as for a hundred million of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from rungwise.ledger.buckets import seconds_of
from rungwise.ledger.lines import Against, Group, Idle, Key, Line, Report, Rung
from rungwise.ledger.tallied import Inside, Sums, Tallied
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
    read = Tallied(connection, tuple(by), since_day, until_day)
    steps = read.sums(tables.step_tally, ("tier",), (*STEPS, *MONEY))
    rungs = read.sums(tables.rung_tally, ("tier", "model"), (*USAGE, *RUNGS))
    against: defaultdict[Key, Sums] = defaultdict(dict)
    if "tier" not in by:  # of baselines it is not kept which rung's answers they stand for
        against = read.sums(tables.baseline_tally, ("tier",), BASELINES)
    latencies = _latencies(read, by)
    lines = [_line(k, steps[k], rungs[k], against[k], latencies[k]) for k in list(steps)]
    total = _line((), *map(_together, (steps, rungs, against, latencies)))
    return Report(
        by=tuple(by),
        all=total,
        lines=tuple(sorted(lines, key=lambda line: (-line.tasks, line.key))),
        idle=tuple(_idle(Tallied(connection, (), since_day, until_day))),
    )


STEPS = ("tasks", "answered", "labelled", "right", "escalated", "spilled", "recalled")
MONEY = ("cost_nano", "unpriced", "labelled_nano")
USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
COUNTS = ("attempts", "released", "abandoned_tokens", "cost_nano", "unpriced", "saved_nano")
RUNGS = (*COUNTS, "engine_s", "joules")
BASELINES = ("answers", "unpriced", "nano", "answered_nano")
IDLE = ("up_s", "busy_s", "idle_joules", "idle_nano", "unpriced_s")


def _latencies(read: Tallied, by: Sequence[Group]) -> defaultdict[Key, Sums]:
    """Nothing where they would have to be known by caller and by kind of work at once."""
    by_key = "key" in by
    if by_key and {"route", "step_type"} & set(by):
        return defaultdict(dict)
    table = tables.latency_tally
    view = table.c.route == "" if by_key else table.c.caller == ""
    return read.sums(table, ("bucket",), ("answers",), view)


def _idle(read: Tallied) -> Iterable[Idle]:
    """By `read` of no groups."""
    sums = read.sums(tables.idle_tally, ("tier",), IDLE)[()]
    for (tier,), row in sorted(sums.items()):
        yield Idle(
            tier=tier,
            up_s=row["up_s"],
            busy_s=row["busy_s"],
            joules=row["idle_joules"],
            nano=row["idle_nano"],
            unpriced_s=row["unpriced_s"],
        )


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


def _percentile(counted: Sequence[tuple[int, int]], share: float) -> float | None:
    """By nearest rank over the buckets, in order: within 1 % (see ledger/buckets.py)."""
    total = sum(answers for _, answers in counted)
    below = 0
    for bucket, answers in counted:
        below += answers
        if below >= share * total:
            return seconds_of(bucket)
    return None
