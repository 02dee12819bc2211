"""How are alarms kept in the ledger's database? Each function is a job for `store.Store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rungwise.types import Alarm, AlarmKind

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

__all__ = ["end_alarm", "find_alarm", "newest", "still_on", "write_alarms"]


def write_alarms(connection: Connection, alarms: Sequence[Alarm], server: str) -> None:
    """Each as it is now, whether it was written before or not. One that another has ended stays
    ended."""
    from sqlalchemy import func, insert, update

    from rungwise.store.tables import alarm as table

    for alarm in alarms:
        changed = {
            "why": alarm.why,
            "demotes": alarm.demotes,
            "ended_at": func.coalesce(table.c.ended_at, alarm.ended_at),
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
                    demotes=alarm.demotes,
                    server=server,
                )
            )


def still_on(connection: Connection) -> list[Alarm]:
    """All that are not over, of every server of this ledger, oldest first."""
    from sqlalchemy import select

    from rungwise.store.tables import alarm

    on = select(alarm).where(alarm.c.ended_at.is_(None)).order_by(alarm.c.began_at, alarm.c.id)
    return [_alarm_of(row) for row in connection.execute(on).mappings()]


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
        connection.execute(update(alarm).where(alarm.c.id == id).values(ended_at=ended))
    return found


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
