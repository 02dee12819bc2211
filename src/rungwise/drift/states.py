"""What did the detectors know before the restart? Read strictly from the ledger's database."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rungwise.errors import StoreError
from rungwise.store.sql import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["States", "keep_rows", "kept_row", "parsed", "written"]

logger = logging.getLogger(__name__)

T = TypeVar("T")
FORMAT = 1


class States:
    """Each state is a dataclass of plain values, kept under a name. Nothing here raises: what
    cannot be read, or is of another format, is forgotten, and the log says so."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._found: Mapping[str, str] = {}
        self.known = False
        """Whether it could be read since the start: until then nothing is to be written over it."""

    async def read(self) -> bool:
        """Look up all that is kept now. False where that cannot be: call it again."""
        try:
            self._found = await self._store.read(_all)
        except StoreError as error:
            logger.warning("what is usual cannot be looked up: %s", error)
            return False
        self.known = True
        return True

    def of(self, name: str, kind: type[T]) -> T | None:
        """The one of that name."""
        return parsed(name, self._found.get(name), kind)

    def holds(self, name: str, state: Any) -> bool:
        """Whether it was written down as it is."""
        return self._found.get(name) == written(state)

    async def keep(self, states: Mapping[str, Any], at: float) -> bool:
        """Write these dataclasses under their names. False where that cannot be."""
        rows = {name: written(state) for name, state in states.items()}
        try:
            await self._store.write(lambda connection: keep_rows(connection, rows, at))
        except StoreError as error:
            logger.warning("what is usual is written down later: %s", error)
            return False
        self._found = {**self._found, **rows}
        return True


def written(state: Any) -> str:
    """A dataclass of plain values, as text."""
    return json.dumps([FORMAT, asdict(state)])


def parsed(name: str, told: str | None, kind: type[T]) -> T | None:
    """The same from its text; None where that is no such state, which the log says."""
    if told is None:
        return None
    try:
        format, state = _parsed(told)
        if format != FORMAT:
            raise ValueError(f"format {format!r:.20}, and this server reads {FORMAT}")
        return TypeAdapter(kind).validate_python(state)
    except (ValueError, RecursionError) as error:
        why = "not such a state" if isinstance(error, ValidationError) else error
        logger.warning("what %s had learned is forgotten: %s", name, why)
        return None


def _parsed(told: str) -> tuple[object, object]:
    found = json.loads(told, parse_constant=_refuse)
    if not isinstance(found, list) or len(found) != 2:
        raise ValueError("not such a state")
    _check(found)
    return found[0], found[1]


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _check(value: object) -> None:
    """JSON can tell a number that no float can hold."""
    match value:
        case float() if not math.isfinite(value):
            raise ValueError("a number is too large")
        case list():
            for item in value:
                _check(item)
        case dict():
            for item in value.values():
                _check(item)


def _all(connection: Connection) -> dict[str, str]:
    from sqlalchemy import select

    from rungwise.store.tables import drift_state as table

    found = connection.execute(select(table.c.detector, table.c.state))
    return {row.detector: row.state for row in found}


def kept_row(connection: Connection, name: str) -> str | None:
    """The text that is kept under a name."""
    from sqlalchemy import select

    from rungwise.store.tables import drift_state as table

    return connection.execute(select(table.c.state).where(table.c.detector == name)).scalar()


def keep_rows(connection: Connection, rows: Mapping[str, str], at: float) -> None:
    """Texts, each under its name."""
    from sqlalchemy import insert, update

    from rungwise.store.tables import drift_state as table

    for name, state in rows.items():
        mine = table.c.detector == name
        changed = connection.execute(update(table).where(mine).values(at=at, state=state))
        if changed.rowcount == 0:
            connection.execute(insert(table).values(detector=name, at=at, state=state))
