"""What do the steps of one task add up to? A row for each task, and the tally that reports read.

A task belongs to the day and the route of its first step that was written. A step that names no
task is one of its own: see ledger/tally.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import add, sub
from typing import TYPE_CHECKING, Any, TypeAlias

from rungwise.days import day_of
from rungwise.ledger.rows import writable
from rungwise.store.statements import add_rows, ask
from rungwise.types import Entry

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Key", "Task", "move_tasks", "note_tasks", "read_tasks", "strike_task"]

Key: TypeAlias = tuple[str, str]
"""Whose it is, and what they call it."""

_TOGETHER = 100
"""Rows of one statement."""
_COLUMNS = 'caller, id, day, route, steps, cost_nano, unpriced, "right", counted, last_at'


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """As far as it is counted."""

    caller: str
    id: str
    day: int
    route: str
    steps: int
    cost_nano: int
    unpriced: int
    right: bool | None = None
    """What is believed of it, and counts."""
    last_at: float = 0.0

    @property
    def counts(self) -> tuple[int, ...]:
        """Its part of task_tally's numbers; nothing, where all its steps were struck out."""
        labelled = self.right is not None
        right, priced = self.right is True, not self.unpriced
        cost = self.cost_nano if priced else 0
        if not self.steps:
            return (0,) * 7
        return (1, labelled, right, cost, not priced, labelled * cost, right and priced)


@dataclass(slots=True)
class _Grown:
    day: int
    route: str
    first_at: float
    last_at: float
    steps: int = 0
    cost_nano: int = 0
    unpriced: int = 0


def note_tasks(connection: Connection, entries: Iterable[Entry]) -> None:
    """Add steps to the tasks that they name, also to the tally."""
    found: dict[Key, _Grown] = {}
    for entry in entries:
        if entry.task is not None and entry.audits is None:
            _grow(found, (entry.caller, writable(entry.task)), entry)
    if not found:
        return
    moved = []
    for after in _written(connection, found):
        grown = found[after.caller, after.id]
        before = replace(
            after,
            steps=after.steps - grown.steps,
            cost_nano=after.cost_nano - grown.cost_nano,
            unpriced=after.unpriced - grown.unpriced,
        )
        moved.append((before, after))
    move_tasks(connection, moved)


def strike_task(connection: Connection, entry: Entry) -> None:
    """Take an entry off its task. What is said of the task stays, for the entry that replaces it;
    a task of no steps of which nothing is said is none."""
    if entry.task is None or entry.audits is not None:
        return
    key = (entry.caller, writable(entry.task))
    cost = entry.cost_nano
    text = (
        "update task set steps = steps - 1, cost_nano = cost_nano - ?, unpriced = unpriced - ?"
        f" where caller = ? and id = ? returning {_COLUMNS}"
    )
    for row in ask(connection, text, (cost or 0, int(cost is None), *key)):
        after = _task(row)
        before = replace(
            after,
            steps=after.steps + 1,
            cost_nano=after.cost_nano + (cost or 0),
            unpriced=after.unpriced + (cost is None),
        )
        move_tasks(connection, [(before, after)])
    gone = 'delete from task where caller = ? and id = ? and steps = 0 and "right" is null'
    ask(connection, f"{gone} returning id", key)
    ask(connection, "delete from task_tally where tasks = 0 returning day")


def move_tasks(connection: Connection, moved: Iterable[tuple[Task, Task]]) -> None:
    """Tasks as they were and as they are now, into the tally."""
    from rungwise.store.tables import task_tally

    added: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for before, after in moved:
        key, more = (after.day, after.route, after.caller), map(sub, after.counts, before.counts)
        added[key] = tuple(map(add, added.get(key, (0,) * 7), more))
    add_rows(connection, task_tally, [(*key, *told) for key, told in added.items() if any(told)])


def read_tasks(connection: Connection, keys: Iterable[Key]) -> Iterator[Task]:
    """Those of them that there are."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    for caller, id in keys:
        named[caller].append(id)
    for caller, ids in named.items():
        marks = ", ".join("?" for _ in ids)
        text = f"select {_COLUMNS} from task where caller = ? and id in ({marks})"
        yield from map(_task, ask(connection, text, (caller, *ids)))


def _grow(found: dict[Key, _Grown], key: Key, entry: Entry) -> None:
    at, cost = entry.at, entry.cost_nano
    task = found.setdefault(key, _Grown(day_of(at), entry.route, at, at))
    task.first_at, task.last_at = min(task.first_at, at), max(task.last_at, at)
    task.steps += 1
    task.cost_nano += cost or 0
    task.unpriced += cost is None


def _written(connection: Connection, found: dict[Key, _Grown]) -> Iterator[Task]:
    rows = [
        (*key, t.day, t.route, t.first_at, t.last_at, t.steps, t.cost_nano, t.unpriced)
        for key, t in found.items()
    ]
    for first in range(0, len(rows), _TOGETHER):
        some = rows[first : first + _TOGETHER]
        values = tuple(value for row in some for value in row)
        yield from map(_task, ask(connection, _upsert(len(some)), values))


def _upsert(rows: int) -> str:
    marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * rows)
    first, last = ("task.first_at", "excluded.first_at"), ("task.last_at", "excluded.last_at")
    sums = ", ".join(f"{c} = task.{c} + excluded.{c}" for c in ("steps", "cost_nano", "unpriced"))
    return (
        "insert into task (caller, id, day, route, first_at, last_at, steps, cost_nano, unpriced)"
        f" values {marks} on conflict (caller, id) do update set {sums},"
        f" first_at = {_case('<', *first)}, last_at = {_case('>', *last)} returning {_COLUMNS}"
    )


def _case(which: str, one: str, other: str) -> str:
    """The less or the greater of both: the databases have other functions for it."""
    return f"case when {one} {which} {other} then {one} else {other} end"


def _task(row: Sequence[Any]) -> Task:
    caller, id, day, route, steps, cost_nano, unpriced, right, counted, last_at = row
    return Task(
        caller=caller,
        id=id,
        day=day,
        route=route,
        steps=steps,
        cost_nano=cost_nano,
        unpriced=unpriced,
        right=bool(right) if right is not None and counted else None,
        last_at=last_at,
    )
