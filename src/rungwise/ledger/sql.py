"""Where is every answered step written down, and what it adds up to? In the store."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rungwise.errors import StoreError
from rungwise.ledger.hearing import entries_of, hear
from rungwise.ledger.lost import strike
from rungwise.ledger.rows import attempt_of, attempt_row, entry_of, entry_row
from rungwise.ledger.sayings import Heard, Saying
from rungwise.ledger.tally import tally
from rungwise.ledger.tasks import note_tasks
from rungwise.store.database import Database, Fault
from rungwise.store.sql import Store
from rungwise.store.statements import add_rows, insert_rows
from rungwise.types import Entry, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SqlLedger", "SqliteLedger", "read_entries"]


TOGETHER = 100
"""Sayings of one transaction."""


def nothing(connection: Connection, entries: Sequence[Entry]) -> None:
    """No money was set aside for these."""


def nobody(connection: Connection, entry_id: str) -> None:
    """No money was counted for this one."""


def unseen(heard: Sequence[Heard]) -> None:
    """Nobody asks what of a list was written before it failed."""


class SqlLedger:
    """An entry is written when `record` returns, and outlives this process. Prompts and answers
    are not in it; a reason may quote an upstream's error or name a property that breaks a schema.
    (The same database may keep answers beside it: see access/repeats.py and cache/sql.py.)

    With the entries go, in their own transaction, what they add to the tallies that reports are
    read from, and what `settle` does with the money that was set aside for them. Entries that
    arrive together are added up together. The store is started and stopped by whoever made it.

    An entry of a server that was thought dead replaces the one that counted its answer as lost:
    `revive` then sets aside again what was counted for it.
    """

    def __init__(
        self,
        store: Store,
        *,
        settle: Callable[[Connection, Sequence[Entry]], None] = nothing,
        revive: Callable[[Connection, str], None] = nobody,
        models: Mapping[str, str] | None = None,
        most_per_day: int | None = None,
    ) -> None:
        """`models` as in `tally`; of what one key says in a day, UTC, so much counts at most."""
        self._most_per_day = most_per_day
        self._store, self._settle, self._revive = store, settle, revive
        self._models = models or {}
        self._begun, self._over = 0, asyncio.Event()
        self._listening = asyncio.Lock()

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """What was to be recorded, or heard, is, while those are still there who are told of it, or
        hear that it cannot be."""
        while self._begun:
            self._over.clear()
            await self._over.wait()

    async def record(self, entry: Entry) -> None:
        with self._waited_for():
            await self._write(entry)

    @contextmanager
    def _waited_for(self) -> Iterator[None]:
        self._begun += 1
        try:
            yield
        finally:
            self._begun -= 1
            if not self._begun:
                self._over.set()

    async def _write(self, entry: Entry) -> None:
        try:
            await self._store.write_together(self._insert, entry)
        except Fault:
            raise
        except StoreError:
            if not await self._store.write(partial(self._replace_lost, entry=entry)):
                raise

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        (heard,) = await self.hear([Saying(answer=entry_id, outcome=outcome, of_any=True)])
        return heard.entry

    async def hear(
        self, sayings: Sequence[Saying], see: Callable[[Sequence[Heard]], object] = unseen
    ) -> Sequence[Heard]:
        """Write down what is said, in its order, and move the tallies by it: what became of each.
        All of it or nothing, where there are no more than `TOGETHER`; others are written in parts,
        and of all lists one part at a time, so that an answer in between waits for one of them at
        most. `see` is given each part once it is committed: a later one may fail. To say it again
        changes nothing. Raises StoreError."""
        ends: list[Heard] = []
        with self._waited_for():
            for first in range(0, len(sayings), TOGETHER):
                heard = await self._hear_part(tuple(sayings[first : first + TOGETHER]))
                see(heard)
                ends += heard
        return ends

    async def _hear_part(self, part: tuple[Saying, ...]) -> list[Heard]:
        if len(part) == 1:
            return [await self._store.write_together(self._hear, part[0])]
        async with self._listening:
            return await self._store.write(partial(self._hear, sayings=part))

    def _hear(self, connection: Connection, sayings: Sequence[Saying]) -> list[Heard]:
        return hear(connection, sayings, self._most_per_day)

    async def find(self, entry_id: str) -> Entry | None:
        return await self._store.read(lambda connection: _find(connection, entry_id))

    async def note_idle(
        self,
        day: int,
        tier: str,
        *,
        up_s: float,
        busy_s: float,
        idle_joules: float,
        idle_nano: int | None,
    ) -> None:
        """So much longer an engine was up and busy, since 1970 in days; what the rest of the time
        used and cost, None where it has no price. Raises StoreError."""
        from rungwise.store.tables import idle_tally

        unpriced_s = 0.0 if idle_nano is not None else up_s - busy_s
        row = (day, tier, up_s, busy_s, idle_joules, idle_nano or 0, unpriced_s)
        await self._store.write(lambda connection: add_rows(connection, idle_tally, [row]))

    def insert(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Write them within a transaction of somebody else's."""
        from rungwise.store import tables

        insert_rows(connection, tables.entry, map(entry_row, entries))
        insert_rows(
            connection,
            tables.attempt,
            (
                attempt_row(entry.id, rung, attempt)
                for entry in entries
                for rung, attempt in enumerate(entry.attempts)
            ),
        )
        for name, rows in tally(entries, self._models):
            add_rows(connection, tables.TABLES.tables[name], rows)
        note_tasks(connection, entries)
        self._settle(connection, entries)

    def _insert(self, connection: Connection, entries: Sequence[Entry]) -> Sequence[None]:
        self.insert(connection, entries)
        return [None] * len(entries)

    def _replace_lost(self, connection: Connection, entry: Entry) -> bool:
        """False where the entry was not counted as lost."""
        lost = _find(connection, entry.id)
        if lost is None or lost.state != "lost" or entry.state == "lost":
            return False
        strike(connection, lost)
        self._revive(connection, entry.id)
        self.insert(connection, [replace(entry, outcome=lost.outcome)])
        return True


class SqliteLedger(SqlLedger):
    """A ledger with a file of its own, started and stopped with it."""

    def __init__(self, path: Path) -> None:
        super().__init__(Store(path))

    async def start(self) -> None:
        await self._store.start()

    async def stop(self) -> None:
        await super().stop()
        await self._store.stop()


def _find(connection: Connection, entry_id: str) -> Entry | None:
    return next(entries_of(connection, [entry_id]), None)


def read_entries(
    place: str | Path, *, since: float = 0.0, until: float = math.inf, audits: bool = False
) -> Iterator[Entry]:
    """Every step from one Unix time up to, and without, another, oldest first, from a file or an
    address of Postgres, which are only looked at: an older one is read as it is. With `audits` also
    the looks at them. However many there are, a few thousand at most are held at once. Raises
    StoreError."""
    with Database(place).looking() as connection:
        for entry in _entries(connection, since, until):
            if audits or entry.audits is None:
                yield entry


def _entries(connection: Connection, since: float, until: float) -> Iterator[Entry]:
    """Two rows of results side by side, in the same order: no more than a few are held at once."""
    from sqlalchemy import text

    many = connection.execution_options(yield_per=1000)
    then = {"since": since, "until": min(until, sys.float_info.max)}
    entries = text("select * from entry where at >= :since and at < :until order by at, id")
    attempts = text(
        "select a.* from attempt a join entry e on e.id = a.entry_id"
        " where e.at >= :since and e.at < :until order by e.at, e.id, a.rung"
    )
    tried = groupby(many.execute(attempts, then).mappings(), key=_of_entry)
    owner, theirs = next(tried, (None, iter(())))
    for row in many.execute(entries, then).mappings():
        if row["id"] != owner:
            yield entry_of(row, ())
            continue
        yield entry_of(row, tuple(map(attempt_of, theirs)))
        owner, theirs = next(tried, (None, iter(())))


def _of_entry(row: Any) -> str:
    return str(row["entry_id"])
