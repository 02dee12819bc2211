"""Who else reads what is written down? One ledger that passes every entry to several."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from rungwise.contracts import Ledger
from rungwise.errors import StoreError
from rungwise.types import Entry, Outcome

__all__ = ["Tee"]


logger = logging.getLogger(__name__)


class Tee:
    """Writes to `ledger`, then shows the entry to each reader, which counts it.

    An entry that cannot be written is logged whole and told to `lost`, and its answer goes out:
    it has been paid for, and a full disk must not silence every agent.
    """

    def __init__(
        self,
        ledger: Ledger,
        readers: Sequence[Callable[[Entry], None]],
        lost: Sequence[Callable[[Entry], None]] = (),
    ) -> None:
        self._ledger, self._readers, self._lost = ledger, tuple(readers), tuple(lost)

    async def start(self) -> None:
        await self._ledger.start()

    async def stop(self) -> None:
        await self._ledger.stop()

    async def record(self, entry: Entry) -> None:
        try:
            await self._ledger.record(entry)
        except StoreError as error:
            logger.error("not in the ledger: %s: %s", error, entry)
            for tell in self._lost:
                tell(entry)
        for read in self._readers:
            read(entry)

    async def label(self, entry_id: str, outcome: Outcome) -> bool:
        return await self._ledger.label(entry_id, outcome)

    async def find(self, entry_id: str) -> Entry | None:
        return await self._ledger.find(entry_id)
