"""May this be paid for? The worst case is set aside before anything is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection

from rungwise.access.budget import affordable, worst
from rungwise.access.inheritance import inherit, revive
from rungwise.access.lease import RENEW_S, Lease
from rungwise.access.settling import bids_text, settle
from rungwise.access.spending import Place, change, place_of, rooms, taken
from rungwise.errors import StoreError
from rungwise.store.database import Fault
from rungwise.store.sql import Store
from rungwise.store.statements import insert_rows
from rungwise.store.tables import reservation
from rungwise.types import Attempt, Bid, Caller, Entry, Grant

__all__ = ["StoredPurse"]

logger = logging.getLogger(__name__)

LOST = "nothing can be written down just now, so nothing is paid for"
MANY = 10_000
"""Reservations of unknown fate, and entries that could not be written, to be put in order later."""


def unwatched(entry: Entry) -> None:
    """Nobody reads what was lost with a server."""


class StoredPurse:
    """See contracts.Purse. Caps are kept in the table `spending`, one row for each caller, kind and
    window: what was spent in it, and what is set aside. A cap counts from when it is set.

    What an answer set aside is a row of `reservation` until its entry is in the ledger: whoever
    writes entries calls `settle` in the same transaction. What a server leaves behind when it dies
    is counted at its worst case, by an entry of the state `lost` that `record` writes. Once it is
    committed `show` is given it, at the one server that wrote it.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        *,
        local: frozenset[str],
        record: Callable[[Connection, Sequence[Entry]], object],
        show: Callable[[Entry], object] = unwatched,
        unknown: Literal["allow", "refuse"] = "allow",
        when_lost: Literal["local", "refuse"] = "local",
        unix: Callable[[], float] = time.time,
        every_s: float = RENEW_S,
    ) -> None:
        """`local` are the rungs of this machine."""
        self._store, self._lease, self._local, self._record = store, lease, local, record
        self._show = show
        self._refuse_unknown, self._when_lost = unknown == "refuse", when_lost
        self._unix, self._every_s = unix, every_s
        self._doubtful: dict[str, tuple[Attempt, ...]] = {}
        """What could not be written, or perhaps could: what is set aside for these ids becomes
        what these attempts cost."""
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Put in order what dead servers left. Raises StoreError."""
        await self.put_in_order()
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait((self._keeping,))
        self._keeping = None
        try:
            await self._mend()
            await self._lease.end()
        except StoreError as error:
            logger.error("left in disorder, for the next start: %s", error)

    async def reserve(
        self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
    ) -> Grant:
        if all(bid.nano == 0 for bid in bids):
            return await self._free(bids)
        ask = _Ask(id, caller, bids, most_nano, self._unix())
        try:
            return await self._store.write_together(self._set_aside, ask)
        except StoreError as error:
            if isinstance(error, Fault):  # it may have been committed, and the word of it lost
                self._doubt(id, ())
            return self._lost(bids)

    def settle(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """What was set aside for these entries becomes what they cost."""
        charges = {entry.id: entry.attempts for entry in entries}
        settle(connection, charges, self._local)

    def revive(self, connection: Connection, id: str) -> None:
        """Set aside again what was counted for an answer as if its server had died."""
        revive(connection, id)

    def owe(self, entry: Entry) -> None:
        """An entry that could not be written is settled once the database takes writes again."""
        self._doubt(entry.id, entry.attempts)

    async def put_in_order(self) -> None:
        """Show that this server lives, and settle what dead ones left. Raises StoreError."""
        dead = await self._lease.renew()
        at = self._unix()

        def bury(connection: Connection) -> Sequence[Entry]:
            gone = self._lease.silent(connection, dead)
            lost = inherit(connection, gone, local=self._local, record=self._record, at=at)
            self._lease.forget(connection, gone)
            return lost

        if lost := await self._store.write(bury):
            logger.warning("answers lost with a server, counted at their worst: %d", len(lost))
            for entry in lost:
                self._show(entry)
        await self._mend()

    async def _keep(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.put_in_order()
                failing = False
            except Exception as error:
                if not failing:  # once, until it is well again
                    logger.error("budgets cannot be put in order: %s", error)
                failing = True

    async def _mend(self) -> None:
        owed = [self._mend_one(id, attempts) for id, attempts in self._doubtful.items()]
        for end in await asyncio.gather(*owed, return_exceptions=True):
            if isinstance(end, BaseException):
                raise end

    async def _mend_one(self, id: str, attempts: tuple[Attempt, ...]) -> None:
        """What cannot be stored is counted at its worst: it stops no other from being settled."""
        try:
            await self._store.write_together(self._settle_owed, (id, attempts))
        except Fault:
            raise
        except StoreError as error:
            logger.error("%s: what it cost cannot be stored, its worst case is: %s", id, error)
            unknown = tuple(replace(attempt, cost_nano=None) for attempt in attempts)
            await self._store.write_together(self._settle_owed, (id, unknown))
        self._doubtful.pop(id, None)

    def _settle_owed(
        self, connection: Connection, owed: Sequence[tuple[str, tuple[Attempt, ...]]]
    ) -> Sequence[None]:
        settle(connection, dict(owed), self._local)
        return [None] * len(owed)

    def _doubt(self, id: str, attempts: tuple[Attempt, ...]) -> None:
        if len(self._doubtful) < MANY:  # the first ones: what comes later cannot have been written
            self._doubtful[id] = attempts

    async def _free(self, bids: Sequence[Bid]) -> Grant:
        """Nothing to pay, and so nothing to write; but where nothing may go on unwritten it is
        first seen whether the database is well again."""
        if self._when_lost == "refuse" and self._store.fault is not None:
            try:
                await self._lease.renew()
            except StoreError:
                return self._lost(bids)
        return Grant(rungs=len(bids))

    def _lost(self, bids: Sequence[Bid]) -> Grant:
        free = next((place for place, bid in enumerate(bids) if bid.nano != 0), len(bids))
        return Grant(rungs=free if self._when_lost == "local" else 0, short=LOST, lost=True)

    def _set_aside(self, connection: Connection, asks: Sequence[_Ask]) -> list[Grant]:
        """First come, first served."""
        places = {place_of(a.caller, cap, a.at) for a in asks for cap in a.caller.caps}
        used = taken(connection, places)
        held: Counter[Place] = Counter()
        grants, rows = [], []
        for ask in asks:
            found = rooms(used, ask.caller, ask.at)
            grant = affordable(
                ask.bids,
                [room for shared in found.values() for room in shared],
                most_nano=ask.most_nano,
                refuse_unknown=self._refuse_unknown,
            )
            grants.append(grant)
            granted = ask.bids[: grant.rungs]
            if all(bid.nano == 0 for bid in granted):
                continue
            windows, told = json.dumps(list(found)), bids_text(granted)
            rows.append((ask.id, self._lease.id, ask.at, ask.caller.name, told, windows))
            for place in found:
                most = worst(granted, place[1])
                used[place] = used.get(place, 0) + most
                held[place] += most
        if rows:
            self._lease.show(connection)
        insert_rows(connection, reservation, rows)
        change(connection, {place: (0, most) for place, most in held.items()})
        return grants


@dataclass(frozen=True, slots=True)
class _Ask:
    id: str
    caller: Caller
    bids: Sequence[Bid]
    most_nano: int | None
    at: float
