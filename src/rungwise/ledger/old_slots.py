"""When are slots forgotten? After two weeks: now and then, beside all that is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rungwise.days import DAY_S
from rungwise.errand import Errand
from rungwise.errors import StoreError
from rungwise.ledger.buckets import SLOT_S, slot_of
from rungwise.store.sql import Store
from rungwise.store.statements import ask

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["KEPT_S", "OldSlots"]

logger = logging.getLogger(__name__)

KEPT_S = 14 * DAY_S
_TOGETHER = 3600 // SLOT_S
"""Slots of one transaction: answers wait for its end."""


class OldSlots:
    """Forgets them at its start, in its own time, and once a day."""

    def __init__(
        self, store: Store, unix: Callable[[], float], *, every_s: float = float(DAY_S)
    ) -> None:
        self._store, self._unix, self._every_s = store, unix, every_s
        self._errand = Errand(self._go_on)

    async def start(self) -> None:
        self._errand.start()

    async def stop(self) -> None:
        """What it is at is written; the rest waits for the next start."""
        await self._errand.stop()

    async def forget(self) -> None:
        """All that are two weeks older than the clock says, and than the newest slot is: a clock
        that is ahead for once must not cost them all. Raises StoreError."""
        newest = await self._store.read(_newest)
        if newest is None:
            return
        before = min(slot_of(self._unix() - KEPT_S), newest - slot_of(KEPT_S))
        for name in ("slot_tally", "slot_latency"):
            while await self._store.write(lambda c, name=name: _forget(c, name, before)):  # type: ignore[misc]
                pass

    async def _go_on(self) -> None:
        while True:
            try:
                await self.forget()
            except StoreError as error:
                logger.warning("old slots are forgotten later: %s", error)
            except Exception:
                logger.exception("old slots are forgotten later: an error of this server")
            await asyncio.sleep(self._every_s)


def _newest(connection: Connection) -> int | None:
    ((newest,),) = ask(connection, "select max(slot) from slot_tally")
    return None if newest is None else int(newest)


def _forget(connection: Connection, name: str, before: int) -> bool:
    """Those of the oldest hour; whether there were any."""
    ((oldest,),) = ask(connection, f"select min(slot) from {name}")
    if oldest is None or oldest >= before:
        return False
    last = min(before, oldest + _TOGETHER)
    ask(connection, f"delete from {name} where slot < ? returning slot", (last,))
    return True
