"""What do tests of budgets share? A purse with its ledger on one database, and its books."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, select

from rungwise.access.lease import Lease, server_id
from rungwise.access.purse import StoredPurse
from rungwise.ledger.sql import SqlLedger
from rungwise.store.sql import Store
from rungwise.store.tables import attempt, entry, reservation, spending
from rungwise.types import Attempt, Bid, Caller, Cap, Entry, StepType, Usage

AT = 1_795_000_000.0
LOCAL = frozenset({"local"})


class Account:
    """One server's purse and ledger."""

    def __init__(self, store: Store, *, id: str | None = None, **settings: Any) -> None:
        self.store = store
        self.now = 0.0
        self.shown: list[Entry] = []
        """What it found lost."""
        self.lease = Lease(
            store, id or server_id(), unix=lambda: AT + self.now, now=lambda: self.now
        )
        self.purse = StoredPurse(
            store,
            self.lease,
            local=LOCAL,
            record=SqlLedger(store).insert,
            show=self.shown.append,
            unix=lambda: AT,
            **settings,
        )
        self.ledger = SqlLedger(store, settle=self.purse.settle, revive=self.purse.revive)

    async def books(self) -> dict[tuple[str, str, str], tuple[int, int]]:
        """What is spent and what is set aside, by caller, kind and window."""

        def read(connection: Connection) -> dict[tuple[str, str, str], tuple[int, int]]:
            rows = connection.execute(select(spending)).all()
            return {(r.caller, r.of, r.window): (r.spent, r.reserved) for r in rows}

        return await self.store.read(read)

    async def open(self) -> list[str]:
        """The answers that something is set aside for."""
        return await self.store.read(
            lambda c: list(c.scalars(select(reservation.c.id).order_by(reservation.c.id)))
        )

    async def entries(self) -> list[tuple[str, str]]:
        return await self.store.read(
            lambda c: [(r.id, r.state) for r in c.execute(select(entry).order_by(entry.c.id))]
        )

    async def costs(self) -> list[int | None]:
        return await self.store.read(
            lambda c: list(c.scalars(select(attempt.c.cost_nano).order_by(attempt.c.rung)))
        )


@asynccontextmanager
async def account(url: str, **settings: Any) -> AsyncIterator[Account]:
    store = Store(url)
    await store.start()
    made = Account(store, **settings)
    await made.purse.start()
    try:
        yield made
    finally:
        await made.purse.stop()
        await store.stop()


def capped(nano: int, *, name: str = "ci", escalation: int | None = None) -> Caller:
    caps = [Cap(nano=nano, window="month")]
    if escalation is not None:
        caps.append(Cap(nano=escalation, window="day", of="escalation"))
    return Caller(name=name, caps=tuple(caps))


def bids(*nanos: int | None, first: str = "local") -> list[Bid]:
    """`local`, tier1, tier2...; or from tier0 on."""
    return [
        Bid(
            tier=first if place == 0 else f"tier{place}",
            nano=nano,
            escalation=place > 0,
        )
        for place, nano in enumerate(nanos)
    ]


def tried(tier: str, nano: int | None, **more: Any) -> Attempt:
    told: dict[str, Any] = {
        "model": "m",
        "state": "released",
        "reason": "",
        "usage": Usage(),
        "started_s": 0.0,
        "first_piece_s": None,
        "ended_s": 1.0,
    }
    return Attempt(tier=tier, cost_nano=nano, **{**told, **more})


def ended(id: str, attempts: Sequence[Attempt], *, caller: str = "ci") -> Entry:
    return Entry(
        id=id,
        at=AT,
        caller=caller,
        route="auto",
        step_type=StepType.OPEN_CHAT,
        plan_why="",
        attempts=tuple(attempts),
        state="answered",
        first_byte_s=0.5,
        latency_s=1.0,
    )
