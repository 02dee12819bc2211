"""How are alarms kept in the ledger's database? Each function is a job for `store.Store`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from rungwise.types import Alarm, AlarmKind

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = [
    "OWNER",
    "Looked",
    "end_alarm",
    "find_alarm",
    "look",
    "newest",
    "still_on",
    "write_alarms",
]

NONE: Mapping[str, str] = MappingProxyType({})
OWNER = "owner"
"""Who ended an alarm, where it was no server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What stands in the table now."""

    on: Sequence[Alarm]
    states: Mapping[str, str]
    """By the id of one that is on: what has to be known to watch it."""
    others: frozenset[str]
    """Ids of those that are on and that another server began, which still runs."""
    seen_to: frozenset[str]
    """Of the ids that were asked for: those that their owner ended."""


def write_alarms(
    connection: Connection, alarms: Sequence[Alarm], server: str, states: Mapping[str, str] = NONE
) -> None:
    """Each as it is now, whether it was written before or not. One that another has ended stays
    ended. `states`: by id, what has to be known to watch it."""
    from sqlalchemy import func, insert, update

    from rungwise.store.tables import alarm as table

    for alarm in alarms:
        changed = {
            "why": alarm.why,
            "demotes": alarm.demotes,
            "state": states.get(alarm.id) if alarm.ended_at is None else None,
            "ended_at": func.coalesce(table.c.ended_at, alarm.ended_at),
            "ended_by": func.coalesce(table.c.ended_by, _ender(alarm, server)),
        }
        known = connection.execute(update(table).where(table.c.id == alarm.id).values(changed))
        if known.rowcount == 0:
            connection.execute(
                insert(table).values(
                    id=alarm.id,
                    kind=alarm.kind,
                    about=alarm.about,
                    why=alarm.why,
                    began_at=alarm.began_at,
                    ended_at=alarm.ended_at,
                    ended_by=_ender(alarm, server),
                    demotes=alarm.demotes,
                    server=server,
                    state=states.get(alarm.id),
                )
            )


def still_on(connection: Connection) -> list[Alarm]:
    """All that are not over, of every server of this ledger, oldest first."""
    return [_alarm_of(row) for row in _rows_on(connection)]


def look(connection: Connection, server: str, known: Collection[str]) -> Looked:
    """What is on, as `server` sees it, and what became of the alarms it knows by these ids."""
    from sqlalchemy import select

    from rungwise.store.tables import alarm
    from rungwise.store.tables import server as sign

    others = (
        select(alarm.c.id)
        .join(sign, sign.c.id == alarm.c.server)
        .where(alarm.c.ended_at.is_(None), sign.c.id != server)
    )
    seen_to = select(alarm.c.id).where(alarm.c.id.in_(known), alarm.c.ended_by == OWNER)
    rows = _rows_on(connection)
    return Looked(
        on=[_alarm_of(row) for row in rows],
        states={row["id"]: row["state"] for row in rows if row["state"] is not None},
        others=frozenset(connection.execute(others).scalars()),
        seen_to=frozenset(connection.execute(seen_to).scalars()),
    )


def newest(connection: Connection, limit: int, before: float | None = None) -> list[Alarm]:
    """The last that began, newest first; of those before a Unix time where one is given."""
    from sqlalchemy import select

    from rungwise.store.tables import alarm

    found = select(alarm).order_by(alarm.c.began_at.desc(), alarm.c.id).limit(limit)
    if before is not None:
        found = found.where(alarm.c.began_at < before)
    return [_alarm_of(row) for row in connection.execute(found).mappings()]


def find_alarm(connection: Connection, id: str) -> Alarm | None:
    from sqlalchemy import select

    from rungwise.store.tables import alarm

    found = connection.execute(select(alarm).where(alarm.c.id == id)).mappings().first()
    return None if found is None else _alarm_of(found)


def end_alarm(connection: Connection, id: str, at: float) -> Alarm | None:
    """End it, as its owner says: the alarm as it was before; None where there is none of that
    id."""
    from sqlalchemy import func, update

    from rungwise.store.tables import alarm

    found = find_alarm(connection, id)
    if found is not None:
        ended = func.coalesce(alarm.c.ended_at, max(at, found.began_at))
        by = func.coalesce(alarm.c.ended_by, OWNER)
        mine = update(alarm).where(alarm.c.id == id)
        connection.execute(mine.values(ended_at=ended, ended_by=by, state=None))
    return found


def _rows_on(connection: Connection) -> Sequence[RowMapping]:
    from sqlalchemy import select

    from rungwise.store.tables import alarm

    on = select(alarm).where(alarm.c.ended_at.is_(None)).order_by(alarm.c.began_at, alarm.c.id)
    return connection.execute(on).mappings().all()


def _ender(alarm: Alarm, server: str) -> str | None:
    return None if alarm.ended_at is None else server


def _alarm_of(row: RowMapping) -> Alarm:
    return Alarm(
        id=row["id"],
        kind=cast(AlarmKind, row["kind"]),
        about=row["about"],
        why=row["why"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
        demotes=row["demotes"],
    )
