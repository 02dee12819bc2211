"""Where is every answered step written down? SQLite in WAL mode, one writer thread."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from rungwise.errors import StoreError
from rungwise.ledger.rows import (
    INSERT_ATTEMPT,
    INSERT_ENTRY,
    attempt_of,
    attempt_row,
    entry_of,
    entry_row,
)
from rungwise.ledger.schema import open_file
from rungwise.types import Attempt, Entry, Outcome

__all__ = ["SqliteLedger", "check_file", "read_entries"]

_T = TypeVar("_T")


class SqliteLedger:
    """An entry is written when `record` returns, and outlives this process; a power cut may cost
    the last moments (WAL, synchronous = normal). Prompts and answers are not stored; a reason may
    quote an upstream's error or name a property that breaks a schema.

    Writes that arrive together share one transaction, so that the disk is asked once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: ThreadPoolExecutor | None = None
        self._db: sqlite3.Connection | None = None
        self._waiting: list[tuple[Entry, asyncio.Future[None]]] = []
        self._flushing: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Open or make the file, and bring an older one up to date. Raises StoreError naming it."""
        if self._writer is not None:
            return
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._db = await self._on_writer(lambda: open_file(self._path))

    async def stop(self) -> None:
        if self._writer is None:
            return
        if self._db is not None:
            await self._on_writer(self._db.close)
        self._writer.shutdown()
        self._writer = self._db = None

    async def record(self, entry: Entry) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        if len(self._waiting) == 1:
            self._flushing = asyncio.ensure_future(self._flush())
        await done

    async def settle(self, entry_id: str, outcome: Outcome) -> bool:
        def write() -> bool:
            assert self._db is not None
            with self._db:
                changed = self._db.execute(
                    "update entry set outcome_right = ?, outcome_source = ? where id = ?",
                    (outcome.right, outcome.source, entry_id),
                )
            return changed.rowcount == 1

        return await self._on_writer(write)

    async def find(self, entry_id: str) -> Entry | None:
        def read() -> Entry | None:
            assert self._db is not None
            row = self._db.execute("select * from entry where id = ?", (entry_id,)).fetchone()
            if row is None:
                return None
            attempts = "select * from attempt where entry_id = ? order by rung"
            return entry_of(row, tuple(map(attempt_of, self._db.execute(attempts, (entry_id,)))))

        return await self._on_writer(read)

    async def _flush(self) -> None:
        """Write what is waiting, in one transaction; what arrives meanwhile goes with the next."""
        while self._waiting:
            batch = list(self._waiting)
            fault = await self._write_all([entry for entry, _ in batch])
            if fault is not None and len(batch) > 1:
                # one entry that cannot be written must not take its neighbours with it
                faults = [await self._write_all([entry]) for entry, _ in batch]
            else:
                faults = [fault] * len(batch)
            del self._waiting[: len(batch)]
            for (_, done), fault in zip(batch, faults, strict=True):
                if done.cancelled():
                    continue
                if fault is None:
                    done.set_result(None)
                else:
                    done.set_exception(fault)

    async def _write_all(self, entries: list[Entry]) -> StoreError | None:
        """All or none of them."""
        try:
            await self._on_writer(partial(self._write, entries))
        except StoreError as error:
            return error
        return None

    def _write(self, entries: list[Entry]) -> None:
        assert self._db is not None
        with self._db:
            self._db.executemany(INSERT_ENTRY, [entry_row(entry) for entry in entries])
            self._db.executemany(
                INSERT_ATTEMPT,
                [
                    attempt_row(entry.id, rung, attempt)
                    for entry in entries
                    for rung, attempt in enumerate(entry.attempts)
                ],
            )

    async def _on_writer(self, work: Callable[[], _T]) -> _T:
        if self._writer is None:
            raise StoreError(f"{self._path}: the ledger is not open")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, work)
        except Exception as error:  # also a value that SQLite cannot hold
            raise StoreError(f"{self._path}: {error}") from error


def read_entries(path: Path, *, since: float = 0.0) -> Iterator[Entry]:
    """Every entry since a Unix time, oldest first. Raises StoreError."""
    if not path.exists():
        raise StoreError(f"{path}: no ledger there; name the file of the server's ledger.path")
    try:
        with closing(_read_only(path)) as db:
            db.row_factory = sqlite3.Row
            attempts: dict[str, list[Attempt]] = {}
            rows = "select a.* from attempt a join entry e on e.id = a.entry_id where e.at >= ?"
            for row in db.execute(rows + " order by a.entry_id, a.rung", (since,)):
                attempts.setdefault(row["entry_id"], []).append(attempt_of(row))
            for row in db.execute("select * from entry where at >= ? order by at", (since,)):
                yield entry_of(row, tuple(attempts.get(row["id"], ())))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def check_file(path: Path) -> None:
    """Whether a ledger can be kept there, or made. Looks, and changes nothing. Raises StoreError
    for what stands against it."""
    mend = "correct ledger.path"
    try:
        if not path.exists():
            folder = next(parent for parent in path.absolute().parents if parent.exists())
            if not folder.is_dir():
                raise StoreError(f"{path}: {folder} is no folder; {mend}")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise StoreError(f"{path}: cannot be made in {folder}; {mend} or the permissions")
            return
        if not path.is_file():
            raise StoreError(f"{path}: is no file; {mend}")
        # its folder too: SQLite keeps what is not written yet in files beside it
        if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
            raise StoreError(f"{path}: cannot be written; {mend} or the permissions")
        with closing(_read_only(path, "&immutable=1")) as db:
            db.execute("select count(*) from sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: {error}; {mend}") from None


def _read_only(path: Path, more: str = "") -> sqlite3.Connection:
    """A name may hold what means something in an address."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{more}", uri=True)
