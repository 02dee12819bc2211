"""How are the tallies read? One grouped query for each of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Table

from rungwise.ledger.lines import Group, Key
from rungwise.store.statements import Row, ask

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
        self,
        table: Table,
        within: Sequence[str],
        values: Sequence[str],
        where: str = "",
        *given: str,
    ) -> defaultdict[Key, Sums]:
        groups: defaultdict[Key, Sums] = defaultdict(dict)
        width = len(self._by)
        for row in self.rows(table, within, values, where, *given):
            key = tuple(str(value) for value in row[:width])
            numbers = map(_plain, row[-len(values) :])
            groups[key][row[width : -len(values)]] = dict(zip(values, numbers, strict=True))
        return groups

    def rows(
        self,
        table: Table,
        within: Sequence[str],
        values: Sequence[str],
        where: str = "",
        *given: str,
    ) -> Sequence[Row]:
        """The same as the database gives it: the group, then what it is kept by, then the sums; in
        the order of the first two. `where` has a `?` for each value that is `given`."""
        by = ("caller" if name == "key" else name for name in self._by)
        named = ", ".join(_quoted([*by, *within]))
        summed = ", ".join(f"sum({value})" for value in _quoted(values))
        bounds, limits = self._bounds(table)
        wheres = " and ".join([*bounds, where] if where else bounds)
        text = f"select {f'{named}, ' if named else ''}{summed} from {table.name}"
        text += f" where {wheres}" if wheres else ""
        text += f" group by {named} order by {named}" if named else ""
        return ask(self._connection, text, (*limits, *given))

    def _bounds(self, table: Table) -> tuple[list[str], Row]:
        (since, until), caller = self._days, self._caller if "caller" in table.c else None
        asked = {"day >= ?": since, "day <= ?": until, "caller = ?": caller}
        told = {text: value for text, value in asked.items() if value is not None}
        return list(told), tuple(told.values())


def _quoted(names: Iterable[str]) -> list[str]:
    """`right` is a word of SQL."""
    return [f'"{name}"' for name in names]


def _plain(value: Any) -> int | float:
    """Postgres sums integers to a Decimal."""
    return value if isinstance(value, float) else int(value)
