"""What if a server died over an answer? Nobody knows what it cost: the worst case is counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, insert, or_, select

from rungwise.access.budget import AUDITS, worst
from rungwise.access.settling import Charge, bids_of, settle
from rungwise.access.spending import Place, change
from rungwise.days import DAY_S
from rungwise.store.tables import attempt, entry, lost, reservation, server
from rungwise.types import Attempt, AttemptRole, Bid, Entry, StepType, Usage

__all__ = ["inherit", "revive"]

REASON = "this server died over it: its worst case is counted"


def inherit(
    connection: Connection,
    dead: Sequence[str],
    *,
    local: frozenset[str],
    record: Callable[[Connection, Sequence[Entry]], object],
    at: float,
) -> Sequence[Entry]:
    """Settle what these servers, and such as nobody knows any more, had set aside. An entry of each
    answer that was lost; `record` has then written it.

    An answer whose entry is in the ledger is settled by that. For a day it is known what was set
    aside for the lost ones: see `revive`.
    """
    known = exists().where(server.c.id == reservation.c.server)
    left = select(reservation).where(or_(reservation.c.server.in_(dead), ~known))
    rows = connection.execute(left).all()
    if not rows:
        return ()
    written = _written(connection, [row.id for row in rows])
    buried = [row for row in rows if row.id not in written]
    entries = [_lost(row, at) for row in buried]
    if buried:
        record(connection, entries)
        connection.execute(delete(lost).where(lost.c.at < at - DAY_S))
        connection.execute(insert(lost), [_kept(row) for row in buried])
    charges: dict[str, Sequence[Charge]] = {**written, **{e.id: e.attempts for e in entries}}
    settle(connection, charges, local)  # nothing is left of it where `record` has done so
    return entries


def revive(connection: Connection, id: str) -> None:
    """The server was not dead, and its answer not lost: what was counted for it is set aside again,
    for its true entry to settle. Nothing where it was not counted, or more than a day ago."""
    row = connection.execute(select(lost).where(lost.c.id == id)).first()
    if row is None:
        return
    connection.execute(delete(lost).where(lost.c.id == id))
    connection.execute(insert(reservation).values(server="", **_kept(row)))
    bids = bids_of(row.bids)
    places: list[Place] = [tuple(place) for place in json.loads(row.windows)]
    change(connection, {place: (-worst(bids, place[1]), worst(bids, place[1])) for place in places})


def _kept(row: Row[Any]) -> dict[str, object]:
    """What `lost` and `reservation` have in common."""
    return {column.name: getattr(row, column.name) for column in lost.c}


def _written(connection: Connection, ids: Sequence[str]) -> dict[str, list[Any]]:
    """The attempts of those that are in the ledger."""
    found: dict[str, list[Any]] = {
        id: [] for (id,) in connection.execute(select(entry.c.id).where(entry.c.id.in_(ids)))
    }
    for row in connection.execute(select(attempt).where(attempt.c.entry_id.in_(list(found)))):
        found[row.entry_id].append(row)
    return found


def _lost(row: Row[Any], at: float) -> Entry:
    """Which route and step type it was is not known any more, nor what an audit looked at."""
    audit = row.caller == AUDITS
    paid = (bid for bid in bids_of(row.bids) if bid.nano != 0)
    return Entry(
        id=row.id,
        at=row.at,
        caller=row.caller,
        route="unknown",
        step_type=StepType.OPEN_CHAT,
        plan_why=REASON,
        attempts=tuple(
            _attempt(bid, max(0.0, at - row.at), "audit" if audit else "draft") for bid in paid
        ),
        state="lost",
        first_byte_s=None,
        latency_s=max(0.0, at - row.at),
        audits="unknown" if audit else None,
    )


def _attempt(bid: Bid, until_s: float, role: AttemptRole) -> Attempt:
    return Attempt(
        tier=bid.tier,
        model="unknown",
        state="lost",
        reason=REASON,
        usage=Usage(estimated=True),
        cost_nano=bid.nano,
        started_s=0.0,
        first_piece_s=None,
        ended_s=until_s,
        role=role,
    )
