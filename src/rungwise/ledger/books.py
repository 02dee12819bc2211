"""What was written down, read back for whoever looks? Figures, series, lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from rungwise.ledger.lines import Group, Report
from rungwise.ledger.listing import Glances, Sought, glances
from rungwise.ledger.reliability import Reliability, reliability
from rungwise.ledger.series import Series, Stretch, latencies, series
from rungwise.store.sql import Store
from rungwise.store.statements import ask
from rungwise.types import Entry, Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Books", "Said"]

MOST_AUDITS = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What became known of an answer after it was given."""

    outcomes: tuple[Outcome, ...]
    """Of every source, newest first."""
    audits: tuple[Entry, ...]
    """Other rungs' looks at it, newest first."""


class Books:
    """Reads in the store's own threads. Everything here raises StoreError."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def report(
        self,
        by: Sequence[Group],
        *,
        since_day: int | None,
        until_day: int | None,
        caller: str | None,
        shape: Callable[[Report], T],
    ) -> T:
        """What `shape` makes, in the reader's thread, of the report on one caller's steps, or on
        all: with a group for each key and day that takes longer than a loop may be held."""
        from rungwise.ledger.report import report

        days = {"since_day": since_day, "until_day": until_day}
        return await self._store.read(
            lambda connection: shape(report(connection, by, **days, caller=caller))
        )

    async def series(self, sought: Stretch) -> Series:
        return await self._store.read(lambda connection: series(connection, sought))

    async def latencies(self, sought: Stretch, shares: Sequence[float]) -> list[list[float | None]]:
        """See series.latencies; may be read beside the series."""
        return await self._store.read(lambda connection: latencies(connection, sought, shares))

    async def glances(self, sought: Sought) -> Glances:
        return await self._store.read(lambda connection: glances(connection, sought))

    async def reliability(self) -> Mapping[str, Reliability]:
        return await self._store.read(reliability)

    async def said(self, entry_id: str) -> Said:
        return await self._store.read(lambda connection: _said(connection, entry_id))


def _said(connection: Connection, entry_id: str) -> Said:
    asked = (
        'select source, "right", at, label, reward, corrected, counted from outcome'
        " where entry_id = ? order by at desc, source"
    )
    outcomes = tuple(map(_outcome, ask(connection, asked, (entry_id,))))
    return Said(outcomes=outcomes, audits=tuple(_audits(connection, entry_id)))


def _outcome(row: tuple[Any, ...]) -> Outcome:
    source, right, at, label, reward, corrected, counted = row
    return Outcome(
        source=source,
        right=bool(right),
        at=at,
        label=label,
        reward=reward,
        corrected=bool(corrected),
        counted=bool(counted),
    )


def _audits(connection: Connection, entry_id: str) -> Sequence[Entry]:
    from sqlalchemy import select

    from rungwise.ledger.rows import attempt_of, entry_of
    from rungwise.store.tables import attempt, entry

    audits = select(entry).where(entry.c.audits == entry_id).order_by(entry.c.at.desc())
    found = []
    for row in connection.execute(audits.limit(MOST_AUDITS)).mappings().all():
        tried = select(attempt).where(attempt.c.entry_id == row["id"]).order_by(attempt.c.rung)
        attempts = tuple(map(attempt_of, connection.execute(tried).mappings()))
        found.append(entry_of(row, attempts))
    return found
