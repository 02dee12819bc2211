"""How is what is said written down? All sayings of one transaction, and what they move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from operator import add
from typing import TYPE_CHECKING, Any, TypeAlias

from rungwise.days import DAY_S, day_of
from rungwise.ledger.rows import attempt_of, entry_of, writable
from rungwise.ledger.sayings import Heard, Saying, believed, weighed
from rungwise.ledger.tally import Row, outcome_rows
from rungwise.ledger.tasks import Key, Task, move_tasks, read_tasks
from rungwise.store.statements import add_rows, ask
from rungwise.types import Entry, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["entries_of", "hear"]

Said: TypeAlias = dict[str, Outcome]
"""What is said of one answer or task, by source."""

_OWN = ("caller", "checker")
"""Sources whose sayings are counted: the others are the server's own."""
_TASK = "task"
"""How the place of a task begins in the table `outcome`, where an answer stands by its id."""


def hear(
    connection: Connection, sayings: Sequence[Saying], most_per_day: int | None
) -> list[Heard]:
    """Write them down, in their order; of one key so many may begin to count in a day, UTC."""
    hearing = _Hearing(connection, sayings, most_per_day)
    heard = [hearing.one(saying) for saying in sayings]
    hearing.write()
    return heard


class _Hearing:
    """What there was before, and what there is now."""

    def __init__(
        self, connection: Connection, sayings: Sequence[Saying], most_per_day: int | None
    ) -> None:
        keys = {(s.by, writable(s.task)) for s in sayings if s.task is not None and s.by}
        self._tasks = {(task.caller, task.id): task for task in read_tasks(connection, keys)}
        self._steps = dict(_only_steps(connection, self._tasks.values()))
        ids = {s.answer for s in sayings if s.answer is not None} | set(self._steps.values())
        self._entries = {entry.id: entry for entry in entries_of(connection, sorted(ids))}
        places = [*self._entries, *(_place(key) for key in self._tasks)]
        self._said = _said(connection, places)
        for entry in self._entries.values():
            if entry.outcome is not None:  # of an entry that came with it
                self._said.setdefault(entry.id, {entry.outcome.source: entry.outcome})
        self._before = dict(self._entries), dict(self._tasks)
        self._most = most_per_day
        self._counted: dict[tuple[str, int], int] = {}
        self._rows: dict[tuple[str, str], Row] = {}
        self._audits: dict[tuple[Any, ...], tuple[int, int]] = {}
        self._connection = connection

    def one(self, saying: Saying) -> Heard:
        if saying.task is not None:
            return self._of_task(saying)
        entry = self._entries.get(saying.answer or "")
        if entry is None or entry.audits is not None or not _may(saying, entry):
            return Heard(known=False)
        return self._of_entry(entry, saying)

    def _of_entry(self, entry: Entry, saying: Saying) -> Heard:
        by = saying.by or entry.caller
        before = self._said.get(entry.id, {}).get(saying.outcome.source)
        now = self._take(entry.id, by, saying.outcome, entry.at)
        if now is None:
            counted = before is not None and before.counted and before.right == saying.outcome.right
            return Heard(counted=counted, entry=entry)
        if now.source == "audit":
            self._audit(entry, before, now)
        said = believed(self._said[entry.id])
        news = said is not None and entry.outcome is None
        entry = self._entries[entry.id] = replace(entry, outcome=said)
        return Heard(changed=True, counted=now.counted, entry=entry, news=news)

    def _of_task(self, saying: Saying) -> Heard:
        key: Key = (saying.by or "", writable(saying.task or ""))
        task = self._tasks.get(key)
        if task is None:
            return Heard(known=False)
        place = _place(key)
        before = self._said.get(place, {}).get(saying.outcome.source)
        now = self._take(place, key[0], saying.outcome, task.last_at)
        if now is not None:
            said = believed(self._said[place])
            self._tasks[key] = replace(task, right=None if said is None else said.right)
        counted = now.counted if now is not None else before is not None and before.counted
        entry = self._entries.get(self._steps.get(key, ""))
        heard = Heard()
        if entry is not None:  # it is as right as its only step
            heard = self._of_entry(entry, replace(saying, task=None))
        return replace(heard, changed=now is not None or heard.changed, counted=counted)

    def _take(self, place: str, by: str, outcome: Outcome, otherwise: float) -> Outcome | None:
        """What is said of it by this source now; None where nothing changes. `otherwise` is when
        it was said, where nobody tells."""
        said = self._said.setdefault(place, {})
        before = said.get(outcome.source)
        day = day_of(otherwise if outcome.at is None else outcome.at)
        new = outcome.counted and not (before is not None and before.counted)
        capped = new and self._most is not None and outcome.source in _OWN
        now = weighed(before, outcome, room=not capped or self._room(by, day))
        if now is None:
            return None
        if capped and now.counted:
            self._counted[by, day] += 1
        said[now.source] = now
        at = otherwise if now.at is None else now.at
        self._rows[place, now.source] = _row(place, at, by, now)
        return now

    def _room(self, by: str, day: int) -> bool:
        if (by, day) not in self._counted:
            self._counted[by, day] = _counted(self._connection, by, day)
        return self._most is None or self._counted[by, day] < self._most

    def _audit(self, entry: Entry, before: Outcome | None, now: Outcome) -> None:
        group = (day_of(entry.at), entry.route, entry.step_type.value, entry.caller)
        key = (*group, entry.tier or "")
        agreed = int(now.right) - int(before is not None and before.right)
        audited, so_far = self._audits.get(key, (0, 0))
        self._audits[key] = (audited + (before is None), so_far + agreed)

    def write(self) -> None:
        from rungwise.store import tables

        connection = self._connection
        for row in self._rows.values():
            ask(connection, _UPSERT, row)
        rows = [(*key, *told) for key, told in self._audits.items()]
        add_rows(connection, tables.audit_tally, rows)
        entries, tasks = self._before
        moved: dict[str, dict[Row, Row]] = {}
        for before in entries.values():
            after = self._entries[before.id].outcome
            if after is before.outcome or after is None:
                continue
            ask(connection, _BELIEVED, (after.right, writable(after.source), before.id))
            for name, added in outcome_rows(before, after):
                _add(moved.setdefault(name, {}), added, len(tables.TABLES.tables[name].primary_key))
        for name, sums in moved.items():
            whole = [(*key, *numbers) for key, numbers in sums.items()]
            add_rows(connection, tables.TABLES.tables[name], whole)
        changed = [(tasks[key], task) for key, task in self._tasks.items() if task != tasks[key]]
        for _, task in changed:
            self._write_task(connection, task)
        move_tasks(connection, changed)

    def _write_task(self, connection: Connection, task: Task) -> None:
        place = _place((task.caller, task.id))
        said = believed(self._said[place])
        if said is not None:
            at = task.last_at if said.at is None else said.at
            told = (said.right, writable(said.source), at, True, task.caller, task.id)
            ask(connection, _TASK_BELIEVED, told)


def entries_of(connection: Connection, ids: Sequence[str]) -> Iterator[Entry]:
    """Those of them that there are, with their attempts."""
    from sqlalchemy import select

    from rungwise.store.tables import attempt, entry

    if not ids:
        return
    tried: dict[str, list[Any]] = {}
    asked = select(attempt).where(attempt.c.entry_id.in_(ids))
    for row in connection.execute(asked.order_by(attempt.c.entry_id, attempt.c.rung)).mappings():
        tried.setdefault(row["entry_id"], []).append(attempt_of(row))
    for row in connection.execute(select(entry).where(entry.c.id.in_(ids))).mappings():
        yield entry_of(row, tuple(tried.get(row["id"], ())))


_UPSERT = (
    'insert into outcome (entry_id, source, at, caller, "right", label, reward, corrected,'
    " correction, counted) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " on conflict (entry_id, source) do update set at = excluded.at, caller = excluded.caller,"
    ' "right" = excluded."right", label = excluded.label, reward = excluded.reward,'
    " corrected = excluded.corrected, correction = excluded.correction, counted = excluded.counted"
    " returning entry_id"
)
_BELIEVED = "update entry set outcome_right = ?, outcome_source = ? where id = ? returning id"
_ONLY_STEP = (  # back from its time, along the index of tasks: others may have many of that name
    "select id from entry where task = ? and at <= ? and coalesce(caller, '') = ?"
    " and audits is null order by at desc limit 1"
)
_TASK_BELIEVED = (
    'update task set "right" = ?, source = ?, said_at = ?, counted = ? where caller = ? and id = ?'
    " returning id"
)


def _may(saying: Saying, entry: Entry) -> bool:
    return saying.of_any or saying.by == entry.caller


def _place(key: Key) -> str:
    """Names of callers and of tasks have no such character in them that divides them here."""
    return f"{_TASK}\n{key[0]}\n{key[1]}"


def _row(place: str, at: float, by: str, said: Outcome) -> Row:
    label = None if said.label is None else writable(said.label)
    correction = None if said.correction is None else writable(said.correction)
    told = (said.right, label, said.reward, said.corrected, correction, said.counted)
    return (place, writable(said.source), at, by, *told)


def _said(connection: Connection, places: Sequence[str]) -> dict[str, Said]:
    if not places:
        return {}
    marks = ", ".join("?" for _ in places)
    text = (
        'select entry_id, source, "right", label, reward, corrected, correction, counted, at'
        f" from outcome where entry_id in ({marks})"
    )
    found: dict[str, Said] = {}
    for place, source, right, label, reward, corrected, correction, counted, at in ask(
        connection, text, tuple(places)
    ):
        found.setdefault(place, {})[source] = Outcome(
            right=bool(right),
            source=source,
            at=at,
            label=label,
            reward=reward,
            corrected=bool(corrected),
            correction=correction,
            counted=bool(counted),
        )
    return found


def _only_steps(connection: Connection, tasks: Iterable[Task]) -> Iterator[tuple[Key, str]]:
    """The step of each task that has one alone."""
    for task in tasks:
        if task.steps == 1:
            for (id,) in ask(connection, _ONLY_STEP, (task.id, task.last_at, task.caller)):
                yield (task.caller, task.id), str(id)


def _counted(connection: Connection, by: str, day: int) -> int:
    text = (
        "select count(*) from outcome where caller = ? and at >= ? and at < ? and counted"
        " and source in ('caller', 'checker')"
    )
    ((count,),) = ask(connection, text, (by, day * float(DAY_S), (day + 1) * float(DAY_S)))
    return int(count)


def _add(sums: dict[Row, Row], rows: Iterable[Row], width: int) -> None:
    for row in rows:
        key, numbers = row[:width], row[width:]
        before = sums.get(key)
        sums[key] = numbers if before is None else tuple(map(add, before, numbers))
