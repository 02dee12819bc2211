"""What if answers are kept in a database? They outlive the process; the oldest go first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rungwise.store.sql import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["SqlShelf"]

EACH = 300
"""Bytes that a row takes beside its answer."""
SWEEPS = 32
"""One after each 32nd of the bound that was written: so far it can be passed, by each server."""
SWEEP_S = 60.0
"""And one at the first writing after so long."""


class SqlShelf:
    """See keeping.Shelf. The database is started and stopped by whoever made it."""

    def __init__(
        self,
        store: Store,
        *,
        ttl_s: float,
        most_bytes: int,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._ttl_s, self._most_bytes, self._unix = store, ttl_s, most_bytes, unix
        self._unswept, self._swept_at = 0, float("-inf")

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def get(self, key: str) -> str | None:
        now = self._unix()
        return await self._store.read(lambda connection: _find(connection, key, now))

    async def put(self, key: str, tenant: str, text: str) -> None:
        now, size = self._unix(), EACH + len(text)
        ends, due = now + self._ttl_s, self._due(now, size)

        def job(connection: Connection) -> None:
            _keep(connection, key, tenant, text, at=now, ends_at=ends, size=size)
            if due:
                _sweep(connection, now, self._most_bytes)

        await self._store.write(job)

    def _due(self, now: float, size: int) -> bool:
        self._unswept += size
        due = self._unswept * SWEEPS > self._most_bytes or now - self._swept_at >= SWEEP_S
        if due:
            self._unswept, self._swept_at = 0, now
        return due


def _find(connection: Connection, key: str, now: float) -> str | None:
    from sqlalchemy import select

    from rungwise.store.tables import remembered as kept

    young = select(kept.c.answer).where(kept.c.fingerprint == key, kept.c.ends_at > now)
    found: str | None = connection.execute(young).scalar()
    return found


def _keep(
    connection: Connection,
    key: str,
    tenant: str,
    text: str,
    *,
    at: float,
    ends_at: float,
    size: int,
) -> None:
    """Where two servers keep the same at once, the later one stands."""
    from sqlalchemy.dialects import postgresql, sqlite

    from rungwise.store.tables import remembered as kept

    row = {"tenant": tenant, "at": at, "ends_at": ends_at, "bytes": size, "answer": text}
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    written = insert(kept).values(fingerprint=key, **row)
    connection.execute(written.on_conflict_do_update(index_elements=[kept.c.fingerprint], set_=row))


def _sweep(connection: Connection, now: float, most_bytes: int) -> None:
    """Forget what is too old, and the oldest of what is too much."""
    from sqlalchemy import delete, func, select

    from rungwise.store.tables import remembered as kept

    connection.execute(delete(kept).where(kept.c.ends_at <= now))
    if (connection.execute(select(func.sum(kept.c.bytes))).scalar() or 0) <= most_bytes:
        return
    newest_first = (kept.c.at.desc(), kept.c.fingerprint)
    running = select(
        kept.c.fingerprint, func.sum(kept.c.bytes).over(order_by=newest_first).label("bytes")
    ).subquery()
    beyond = select(running.c.fingerprint).where(running.c.bytes > most_bytes)
    connection.execute(delete(kept).where(kept.c.fingerprint.in_(beyond)))
