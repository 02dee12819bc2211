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
    """Sums over the days from `since` up to `until`, both included, by group."""

    def __init__(
        self, connection: Connection, by: tuple[Group, ...], since: int | None, until: int | None
    ) -> None:
        self._connection, self._by, self._days = connection, by, (since, until)

    def sums(
        self, table: Table, within: Sequence[str], values: Sequence[str], *where: Any
    ) -> defaultdict[Key, Sums]:
        by = [table.c["caller" if name == "key" else name] for name in self._by]
        inner = [table.c[name] for name in within]
        added = [func.sum(table.c[name]) for name in values]
        asked = select(*by, *inner, *added).where(*self.when(table), *where)
        asked = asked.group_by(*by, *inner)
        groups: defaultdict[Key, Sums] = defaultdict(dict)
        for row in self._connection.execute(asked):
            key = tuple(str(value) for value in row[: len(by)])
            numbers = map(_plain, row[-len(values) :])
            groups[key][tuple(row[len(by) : -len(values)])] = dict(
                zip(values, numbers, strict=True)
            )
        return groups

    def when(self, table: Table) -> list[Any]:
        since, until = self._days
        bounds = [] if since is None else [table.c.day >= since]
        return bounds if until is None else [*bounds, table.c.day <= until]


def _plain(value: Any) -> int | float:
    """Postgres sums integers to a Decimal."""
    return value if isinstance(value, float) else int(value)
