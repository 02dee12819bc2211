"""What was spent in a window, and what is set aside? The rows behind the caps.

One transaction writes at a time (see store.Store): between reading what is left and setting
something aside no other server comes in, on SQLite and on Postgres.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from sqlalchemy import Connection

from rungwise.access.budget import Room
from rungwise.access.windows import ends_at, starts_at
from rungwise.store.statements import add_rows, ask
from rungwise.store.tables import spending
from rungwise.types import Caller, Cap

__all__ = ["Place", "change", "place_of", "rooms", "taken"]

Place: TypeAlias = tuple[str, str, str, int]
"""A row of `spending`: caller, of, window, starts_at."""


def place_of(caller: Caller, cap: Cap, at: float) -> Place:
    return caller.name, cap.of, cap.window, starts_at(cap.window, at)


def rooms(used: Mapping[Place, int], caller: Caller, at: float) -> Mapping[Place, list[Room]]:
    """What every cap of the caller still allows, by the row that counts for it. `used` is what was
    taken there."""
    found: dict[Place, list[Room]] = {}
    for cap in caller.caps:
        place = place_of(caller, cap, at)
        left = cap.nano - used.get(place, 0)
        room = Room(cap=cap, left=left, ends_at=ends_at(cap.window, at))
        found.setdefault(place, []).append(room)
    return found


def taken(connection: Connection, places: Iterable[Place]) -> dict[Place, int]:
    """What was spent or is set aside there, where there is anything."""
    found = ((place, ask(connection, _TAKEN, place)) for place in places)
    return {place: rows[0][0] for place, rows in found if rows}


_TAKEN = (
    'select spent + reserved from spending where caller = ? and "of" = ? and "window" = ?'
    " and starts_at = ?"
)


def change(connection: Connection, changes: Mapping[Place, tuple[int, int]]) -> None:
    """Add to what was spent and to what is set aside."""
    add_rows(connection, spending, ((*place, *more) for place, more in changes.items()))
