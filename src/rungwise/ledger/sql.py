"""Where is every answered step written down? SQLite in WAL mode, one writer thread."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

from rungwise.errors import StoreError
from rungwise.types import (
    Attempt,
    Confidence,
    Entry,
    Outcome,
    Reading,
    StepType,
    Usage,
)

__all__ = ["SqliteLedger", "read_entries"]

_T = TypeVar("_T")

_SCHEMA = """
create table if not exists entry (
    id          text primary key,
    at          real not null,
    caller      text not null,
    route       text not null,
    step_type   text not null,
    plan_why    text not null,
    state       text not null,
    tier        text,
    stream      integer not null,
    first_byte_s real,
    latency_s   real not null,
    cost_nano   integer,
    outcome_right  integer,
    outcome_source text
);
create index if not exists entry_at on entry (at);
create table if not exists attempt (
    entry_id    text not null references entry (id),
    rung        integer not null,
    tier        text not null,
    model       text not null,
    state       text not null,
    reason      text not null,
    fault       text,
    started_s   real not null,
    first_piece_s real,
    ended_s     real not null,
    input       integer not null,
    cache_read  integer not null,
    cache_write_5m integer not null,
    cache_write_1h integer not null,
    output      integer not null,
    reasoning   integer not null,
    estimated   integer not null,
    cost_nano   integer,
    engine_s    real,
    probability real,
    calibration text,
    readings    text not null,
    primary key (entry_id, rung)
);
"""

_USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


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
        """Open or make the file. Raises StoreError naming it."""
        if self._writer is not None:
            return
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._db = await self._on_writer(lambda: _open(self._path))

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
            self._db.executemany(_INSERT_ENTRY, [_entry_row(entry) for entry in entries])
            self._db.executemany(
                _INSERT_ATTEMPT,
                [
                    _attempt_row(entry.id, rung, attempt)
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


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, check_same_thread=False)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = normal")
    db.execute("pragma busy_timeout = 5000")
    db.executescript(_SCHEMA)
    return db


_INSERT_ENTRY = (
    "insert into entry (id, at, caller, route, step_type, plan_why, state, tier, stream,"
    " first_byte_s, latency_s, cost_nano, outcome_right, outcome_source)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ATTEMPT = (
    "insert into attempt (entry_id, rung, tier, model, state, reason, fault, started_s,"
    " first_piece_s, ended_s, input, cache_read, cache_write_5m, cache_write_1h, output,"
    " reasoning, estimated, cost_nano, engine_s, probability, calibration, readings)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _entry_row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.at,
        entry.caller,
        entry.route,
        entry.step_type.value,
        entry.plan_why,
        entry.state,
        entry.tier,
        entry.stream,
        entry.first_byte_s,
        entry.latency_s,
        entry.cost_nano,
        entry.outcome.right if entry.outcome else None,
        entry.outcome.source if entry.outcome else None,
    )


def _attempt_row(entry_id: str, rung: int, attempt: Attempt) -> tuple[object, ...]:
    usage = asdict(attempt.usage)
    return (
        entry_id,
        rung,
        attempt.tier,
        attempt.model,
        attempt.state,
        attempt.reason,
        attempt.fault,
        attempt.started_s,
        attempt.first_piece_s,
        attempt.ended_s,
        *(usage[part] for part in _USAGE),
        usage["estimated"],
        attempt.cost_nano,
        attempt.engine_s,
        attempt.confidence.probability if attempt.confidence else None,
        attempt.confidence.calibration if attempt.confidence else None,
        json.dumps({reading.signal: reading.value for reading in attempt.readings}),
    )


def read_entries(path: Path, *, since: float = 0.0) -> Iterator[Entry]:
    """Every entry since a Unix time, oldest first. Raises StoreError."""
    if not path.exists():
        raise StoreError(f"{path}: no ledger there; name the file of the server's ledger.path")
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            attempts: dict[str, list[Attempt]] = {}
            rows = "select a.* from attempt a join entry e on e.id = a.entry_id where e.at >= ?"
            for row in db.execute(rows + " order by a.entry_id, a.rung", (since,)):
                attempts.setdefault(row["entry_id"], []).append(_attempt(row))
            for row in db.execute("select * from entry where at >= ? order by at", (since,)):
                yield _entry(row, tuple(attempts.get(row["id"], ())))
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


def _entry(row: sqlite3.Row, attempts: tuple[Attempt, ...]) -> Entry:
    right = row["outcome_right"]
    return Entry(
        id=row["id"],
        at=row["at"],
        caller=row["caller"],
        route=row["route"],
        step_type=StepType(row["step_type"]),
        plan_why=row["plan_why"],
        attempts=attempts,
        state=row["state"],
        first_byte_s=row["first_byte_s"],
        latency_s=row["latency_s"],
        stream=bool(row["stream"]),
        outcome=None
        if right is None
        else Outcome(right=bool(right), source=row["outcome_source"] or "caller"),
    )


def _attempt(row: sqlite3.Row) -> Attempt:
    known = row["probability"] is not None
    return Attempt(
        tier=row["tier"],
        model=row["model"],
        state=row["state"],
        reason=row["reason"],
        fault=row["fault"],
        usage=Usage(**{part: row[part] for part in _USAGE}, estimated=bool(row["estimated"])),
        cost_nano=row["cost_nano"],
        started_s=row["started_s"],
        first_piece_s=row["first_piece_s"],
        ended_s=row["ended_s"],
        readings=tuple(
            Reading(signal=name, value=value) for name, value in json.loads(row["readings"]).items()
        ),
        confidence=Confidence(probability=row["probability"], calibration=row["calibration"])
        if known
        else None,
        engine_s=row["engine_s"],
    )
