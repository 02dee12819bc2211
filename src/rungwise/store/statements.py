"""How is a database asked what every answer asks it? In plain text, and past SQLAlchemy.

SQLAlchemy's own statements, and its way to the driver, cost several times as much. SQLite is asked
directly; on Postgres, where the network takes longer, SQLAlchemy sees to lost connections.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["Row", "add_rows", "ask", "insert_rows"]

Row: TypeAlias = tuple[Any, ...]


def ask(connection: Connection, text: str, values: Row = ()) -> Sequence[Row]:
    """The rows that one statement gives. It has a `?` for each of the values, and no other."""
    if connection.dialect.name == "sqlite":
        return _direct(connection, text, [values])
    return connection.exec_driver_sql(text.replace("?", "%s"), values).fetchall()


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """New rows; each has a value for every column, in the table's order."""
    _run(connection, _insert(table), list(rows))


def add_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Rows of counts, as for `insert_rows`: where one of that key is, its numbers grow by these."""
    _run(connection, _add(table), list(rows))


def _run(connection: Connection, text: str, rows: list[Row]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _direct(connection, text, rows)
    else:
        connection.exec_driver_sql(text.replace("?", "%s"), rows if len(rows) > 1 else rows[0])


def _direct(connection: Connection, text: str, rows: list[Row]) -> Sequence[Row]:
    """Raises what SQLAlchemy would."""
    db = connection.connection.driver_connection
    assert isinstance(db, sqlite3.Connection)
    try:
        if len(rows) == 1:
            return db.execute(text, rows[0]).fetchall()
        db.executemany(text, rows)
        return ()
    except sqlite3.Error as error:
        from sqlalchemy.exc import DBAPIError

        raise DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True) from error


@cache
def _insert(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    return f'insert into "{table.name}" ({names}) values ({marks})'


@cache
def _add(table: Table) -> str:
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    sums = ", ".join(
        f'"{c.name}" = "{table.name}"."{c.name}" + excluded."{c.name}"'
        for c in table.columns
        if not c.primary_key
    )
    return f"{_insert(table)} on conflict ({keys}) do update set {sums}"
