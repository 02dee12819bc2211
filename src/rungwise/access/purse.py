"""May this be paid for? The worst case is set aside before anything is asked."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Literal

from sqlalchemy import Connection

from rungwise.access.budget import affordable, worst
from rungwise.access.inheritance import inherit
from rungwise.access.lease import RENEW_S, Lease
from rungwise.access.settling import bids_text, settle
from rungwise.access.spending import change, rooms
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


class StoredPurse:
    """See contracts.Purse. Caps are kept in the table `spending`, one row for each caller, kind and
    window: what was spent in it, and what is set aside. A cap counts from when it is set.

    What an answer set aside is a row of `reservation` until its entry is in the ledger: whoever
    writes entries calls `settle` in the same transaction. What a server leaves behind when it dies
    is counted at its worst case, by an entry of the state `lost` that `record` writes.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        *,
        local: frozenset[str],
        record: Callable[[Connection, Sequence[Entry]], object],
        unknown: Literal["allow", "refuse"] = "allow",
        when_lost: Literal["local", "refuse"] = "local",
        unix: Callable[[], float] = time.time,
        every_s: float = RENEW_S,
    ) -> None:
        """`local` are the rungs of this machine."""
        self._store, self._lease, self._local, self._record = store, lease, local, record
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
        at = self._unix()
        try:
            return await self._store.write(
                lambda connection: self._set_aside(connection, id, caller, bids, most_nano, at)
            )
        except StoreError as error:
            if isinstance(error, Fault):  # it may have been committed, and the word of it lost
                self._doubt(id, ())
            return self._lost(bids)

    def settle(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """What was set aside for these entries becomes what they cost."""
        charges = {entry.id: entry.attempts for entry in entries}
        settle(connection, charges, self._local)

    def owe(self, entry: Entry) -> None:
        """An entry that could not be written is settled once the database takes writes again."""
        self._doubt(entry.id, entry.attempts)

    async def put_in_order(self) -> None:
        """Show that this server lives, and settle what dead ones left. Raises StoreError."""
        dead = await self._lease.renew()
        at = self._unix()

        def bury(connection: Connection) -> int:
            lost = inherit(connection, dead, local=self._local, record=self._record, at=at)
            self._lease.forget(connection, dead)
            return lost

        if lost := await self._store.write(bury):
            logger.warning("answers lost with a server, counted at their worst: %d", lost)
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
        owed = dict(self._doubtful)
        if not owed:
            return
        await self._store.write(lambda connection: settle(connection, owed, self._local))
        for id in owed:
            self._doubtful.pop(id, None)

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

    def _set_aside(
        self,
        connection: Connection,
        id: str,
        caller: Caller,
        bids: Sequence[Bid],
        most_nano: int | None,
        at: float,
    ) -> Grant:
        found = rooms(connection, caller, at)
        grant = affordable(
            bids,
            [room for shared in found.values() for room in shared],
            most_nano=most_nano,
            refuse_unknown=self._refuse_unknown,
        )
        granted = bids[: grant.rungs]
        if any(bid.nano != 0 for bid in granted):
            windows = json.dumps(list(found))
            row = (id, self._lease.id, at, caller.name, bids_text(granted), windows)
            insert_rows(connection, reservation, [row])
            change(connection, {place: (0, worst(granted, place[1])) for place in found})
        return grant
