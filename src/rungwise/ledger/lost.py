"""What if the server was not dead? The entry that counted its answer as lost is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rungwise.ledger.tally import tally
from rungwise.ledger.tasks import strike_task
from rungwise.store.statements import add_rows
from rungwise.types import Entry

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["strike"]


def strike(connection: Connection, entry: Entry) -> None:
    """Strike out a lost entry, and what it added to the tallies. What was said of it stays."""
    from sqlalchemy import delete

    from rungwise.store import tables

    for name, rows in tally([entry]):
        _take_off(connection, tables.TABLES.tables[name], rows)
    strike_task(connection, entry)
    connection.execute(delete(tables.attempt).where(tables.attempt.c.entry_id == entry.id))
    connection.execute(delete(tables.entry).where(tables.entry.c.id == entry.id))


def _take_off(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """What is then 0 throughout is no row: nothing of that group ever happened."""
    from sqlalchemy import delete

    width, columns = len(table.primary_key), tuple(table.columns)
    add_rows(connection, table, [(*row[:width], *(-n for n in row[width:])) for row in rows])
    for row in rows:
        of_it = (column == key for column, key in zip(columns, row[:width], strict=False))
        connection.execute(delete(table).where(*of_it, *(c == 0 for c in columns[width:])))
