"""How are the tallies read? One grouped query for each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table, func, select

from rungwise.ledger.lines import Group, Key

__all__ = ["Inside", "Sums", "Tallied"]

Inside: TypeAlias = tuple[Any, ...]
"""What a tally is kept by within a group: a tier, a tier and a model, a bucket."""
Sums: TypeAlias = dict[Inside, dict[str, Any]]
"""The sums of a tally's columns in one group."""


class Tallied:
    """Sums over the days from `since` up to `until`, both included, by group; of one caller's
    steps, or of all."""

    def __init__(
        self,
        connection: Connection,
        by: tuple[Group, ...],
        since: int | None,
        until: int | None,
        caller: str | None = None,
    ) -> None:
        self._connection, self._by, self._days = connection, by, (since, until)
        self._caller = caller

    def sums(
        self, table: Table, within: Sequence[str], values: Sequence[str], *where: Any
    ) -> defaultdict[Key, Sums]:
        groups: defaultdict[Key, Sums] = defaultdict(dict)
        width = len(self._by)
        for row in self.rows(table, within, values, *where):
            key = tuple(str(value) for value in row[:width])
            numbers = map(_plain, row[-len(values) :])
            groups[key][tuple(row[width : -len(values)])] = dict(zip(values, numbers, strict=True))
        return groups

    def rows(
        self, table: Table, within: Sequence[str], values: Sequence[str], *where: Any
    ) -> Sequence[Sequence[Any]]:
        """The same as the database gives it: the group, then what it is kept by, then the sums."""
        by = [table.c["caller" if name == "key" else name] for name in self._by]
        inner = [table.c[name] for name in within]
        added = [func.sum(table.c[name]) for name in values]
        asked = select(*by, *inner, *added).where(*self.when(table), *where)
        return self._connection.execute(asked.group_by(*by, *inner)).fetchall()

    def when(self, table: Table) -> list[Any]:
        since, until = self._days
        bounds: list[Any] = [] if since is None else [table.c.day >= since]
        if self._caller is not None and "caller" in table.c:
            bounds.append(table.c.caller == self._caller)
        return bounds if until is None else [*bounds, table.c.day <= until]


def _plain(value: Any) -> int | float:
    """Postgres sums integers to a Decimal."""
    return value if isinstance(value, float) else int(value)
