"""Can a store be kept there? Looked at before serving, and nothing is changed by looking."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from rungwise.errors import StoreError
from rungwise.store.place import path_of, read_only, url_of

__all__ = ["check_file", "check_place"]


def check_place(place: str | Path) -> None:
    """Whether a store can be kept in that file, or at that address of Postgres. Raises StoreError
    for what stands against it."""
    path = path_of(url_of(place))
    if path is not None:
        check_file(path)
        return
    from rungwise.store.database import Database

    with Database(place).looking() as connection:
        made = connection.dialect.has_table(connection, "alembic_version")
        may = "select has_schema_privilege(current_schema(), 'create')"
        if not made and not connection.exec_driver_sql(may).scalar_one():
            raise StoreError("no tables may be made there: grant create on the schema to this user")


def check_file(path: Path) -> None:
    """Whether a store can be kept there, or made. Raises StoreError for what stands against it."""
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
        with closing(read_only(path, "&immutable=1")) as db:
            db.execute("select count(*) from sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: {error}; {mend}") from None
