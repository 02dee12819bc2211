"""How are many rows written fast? Plain text for the driver, made once for each table and database.

For what every answer writes: SQLAlchemy's own statements cost several times as much there.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["add_rows", "insert_rows"]


def insert_rows(connection: Connection, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
    """New rows; each has a value for every column, in the table's order."""
    _run(connection, _insert(table, connection.dialect.name), rows)


def add_rows(connection: Connection, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
    """Rows of counts, as for `insert_rows`: where one of that key is, its numbers grow by these."""
    _run(connection, _add(table, connection.dialect.name), rows)


def _run(connection: Connection, text: str, rows: Iterable[tuple[object, ...]]) -> None:
    many = list(rows)
    if len(many) == 1:
        connection.exec_driver_sql(text, many[0])
    elif many:
        connection.exec_driver_sql(text, many)


@cache
def _insert(table: Table, dialect: str) -> str:
    mark = "?" if dialect == "sqlite" else "%s"
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join(mark for _ in table.columns)
    return f'insert into "{table.name}" ({names}) values ({marks})'


@cache
def _add(table: Table, dialect: str) -> str:
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    sums = ", ".join(
        f'"{c.name}" = "{table.name}"."{c.name}" + excluded."{c.name}"'
        for c in table.columns
        if not c.primary_key
    )
    return f"{_insert(table, dialect)} on conflict ({keys}) do update set {sums}"
