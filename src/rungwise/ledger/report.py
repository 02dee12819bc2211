"""What do the written steps add up to? Reads the tallies, group by group.

These are kept in each entry's own transaction (see store/tables/): a report looks at no entries,
and takes as long for a thousand as for a hundred million of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from rungwise.ledger.lines import (
    Against,
    Audits,
    Doubts,
    Group,
    Idle,
    Key,
    Line,
    Looked,
    Report,
    Rung,
    Tasks,
)
from rungwise.ledger.tallied import Inside, Sums, Tallied
from rungwise.ledger.times import Taken, read_times
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
    caller: str | None = None,
) -> Report:
    """One line for each group of steps of the days from `since_day` up to `until_day`, both
    included, the largest first; and one for all of them together. Of one caller's steps, or of
    all."""
    read = Tallied(connection, tuple(by), since_day, until_day, caller)
    steps = read.sums(tables.step_tally, ("tier",), (*STEPS, *MONEY))
    rungs = read.sums(
        tables.rung_tally, ("tier", "model"), (*USAGE, *RUNGS), "role not in (?, ?)", *OF_AUDITS
    )
    against: defaultdict[Key, Sums] = defaultdict(dict)
    if "tier" not in by:  # of baselines it is not kept which rung's answers they stand for
        against = read.sums(tables.baseline_tally, ("tier",), BASELINES)
    every = Tallied(connection, (), since_day, until_day, caller)
    taken, every_time = read_times(read, every, by, caller)
    doubts = read.sums(tables.doubt_tally, ("tier", "why"), DOUBTS)
    parts: tuple[Mapping[Key, Sums], ...] = (steps, rungs, against, doubts)
    tasks = _tasks(read, by)
    lines = [
        _line(key, tasks, taken.get(key) or Taken(), *(part.get(key, {}) for part in parts))
        for key in steps
    ]
    total: Mapping[Key, Sums] | None = None if tasks is None else {(): _together(tasks)}
    return Report(
        by=tuple(by),
        all=_line((), total, every_time, *map(_together, parts)),
        lines=tuple(sorted(lines, key=lambda line: (-line.steps, line.key))),
        idle=tuple(_idle(every)) if caller is None else (),
        audits=_audits(every),
    )


STEPS = ("steps", "answered", "labelled", "right", "escalated", "spilled", "recalled")
MONEY = ("cost_nano", "unpriced", "labelled_nano", "right_priced")
TASKS = ("tasks", "labelled", "right", *MONEY)
USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
COUNTS = ("attempts", "released", "abandoned_tokens", "cost_nano", "unpriced", "saved_nano")
RUNGS = (*COUNTS, "engine_s", "joules")
OF_AUDITS = ("audit", "comparison")
DOUBTS = ("drafts", "tokens")
BASELINES = ("answers", "unpriced", "nano", "answered_nano")
IDLE = ("up_s", "busy_s", "idle_joules", "idle_nano", "unpriced_s")


def _tasks(read: Tallied, by: Sequence[Group]) -> Mapping[Key, Sums] | None:
    if {"step_type", "tier"} & set(by):
        return None
    return read.sums(tables.task_tally, (), TASKS)


def _audits(read: Tallied) -> Audits:
    """By `read` of no groups."""
    rungs = read.sums(
        tables.rung_tally,
        ("tier", "model", "role"),
        (*USAGE, *RUNGS),
        "role in (?, ?)",
        *OF_AUDITS,
    )[()]
    found = read.sums(tables.audit_tally, ("tier",), ("audited", "agreed"))[()]
    return Audits(
        audited=sum(row["audited"] for row in found.values()),
        agreed=sum(row["agreed"] for row in found.values()),
        rungs=tuple(_looked(t, m, r, row) for (t, m, r), row in sorted(rungs.items())),
    )


def _looked(tier: str, model: str, role: str, row: Mapping[str, Any]) -> Looked:
    return Looked(
        tier=tier,
        model=model,
        role=role,
        attempts=row["attempts"],
        prompt_tokens=sum(row[part] for part in USAGE[:4]),
        completion_tokens=row["output"] + row["reasoning"],
        cost_nano=row["cost_nano"],
        unpriced=row["unpriced"],
    )


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


def _line(
    key: Key,
    tasks: Mapping[Key, Sums] | None,
    taken: Taken,
    steps: Sums,
    rungs: Sums,
    against: Sums,
    doubts: Sums,
) -> Line:
    return Line(
        key=key,
        **{name: sum(row[name] for row in steps.values()) for name in (*STEPS, *MONEY)},
        answers={t: row["answered"] for (t,), row in steps.items() if t and row["answered"]},
        times=taken.whole,
        first_bytes=taken.first_byte,
        tasks=None if tasks is None else Tasks(**tasks.get(key, {}).get((), {})),
        doubts=tuple(
            Doubts(tier=tier, why=why, drafts=row["drafts"], tokens=row["tokens"])
            for (tier, why), row in sorted(doubts.items())
        ),
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
