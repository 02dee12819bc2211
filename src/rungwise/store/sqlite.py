"""What does SQLite need to be asked well? WAL, one writer at a time, and patience with others."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from rungwise.errors import StoreError
from rungwise.store.place import read_only
from rungwise.store.statements import ask

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Sqlite"]

_BUSY_MS = 5000
_CACHE_KIB = 32_768
_LOG_PAGES = 4000
"""Of 4 KiB, before they are copied to their place: most answers change the same few pages."""


class Sqlite:
    """See database.Kind. A commit outlives this process; a power cut may cost the last moments
    (synchronous = normal)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def writer(self) -> Engine:
        from sqlalchemy import NullPool, create_engine, event

        self._path.parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            "sqlite://", creator=self._open, poolclass=NullPool, hide_parameters=True
        )
        # at once, and not with the first write: what a job reads first stays true
        event.listen(engine, "begin", lambda connection: ask(connection, "begin immediate"))
        return engine

    def reader(self, pool: int) -> Engine:
        from sqlalchemy import QueuePool, create_engine, event

        engine = create_engine(
            "sqlite://",
            creator=lambda: self._open(read=True),
            poolclass=QueuePool,
            pool_size=pool,
            max_overflow=0,
            hide_parameters=True,
        )
        event.listen(engine, "begin", lambda connection: ask(connection, "begin"))
        return engine

    def looker(self) -> Engine:
        from sqlalchemy import NullPool, create_engine, event

        if not self._path.exists():
            raise StoreError("no ledger there; name the file of the server's ledger.path")
        engine = create_engine(
            "sqlite://",
            creator=lambda: read_only(self._path),
            poolclass=NullPool,
            hide_parameters=True,
        )
        event.listen(engine, "begin", lambda connection: ask(connection, "begin"))
        return engine

    def begin(self, connection: Connection) -> int | None:
        return None

    def committed(self, connection: Connection, receipt: int) -> bool:
        raise NotImplementedError("a file is not lost between its commit and the word of it")

    def passing(self, error: BaseException) -> bool:
        return False

    def busy(self, error: BaseException) -> bool:
        return str(getattr(error, "sqlite_errorname", None)).startswith("SQLITE_BUSY")

    def lost(self, error: BaseException) -> bool:
        return False

    def _open(self, read: bool = False) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        try:
            db.execute(f"pragma busy_timeout = {_BUSY_MS}")
            if read:
                db.execute("pragma query_only = on")
            else:
                db.execute("pragma journal_mode = wal")
                db.execute("pragma synchronous = normal")
                db.execute(f"pragma cache_size = -{_CACHE_KIB}")
                db.execute(f"pragma wal_autocheckpoint = {_LOG_PAGES}")
        except BaseException:
            db.close()
            raise
        return db
