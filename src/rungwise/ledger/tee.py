"""Who else reads what is written down? One ledger that passes every entry to several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rungwise.contracts import Ledger
from rungwise.types import Entry, Outcome

__all__ = ["Tee"]


class Tee:
    """Writes to `ledger`, then shows the entry to each reader (metrics, traces)."""

    def __init__(self, ledger: Ledger, readers: Sequence[Callable[[Entry], None]]) -> None:
        self._ledger, self._readers = ledger, tuple(readers)

    async def start(self) -> None:
        await self._ledger.start()

    async def stop(self) -> None:
        await self._ledger.stop()

    async def record(self, entry: Entry) -> None:
        try:
            await self._ledger.record(entry)
        finally:
            for read in self._readers:
                read(entry)

    async def settle(self, entry_id: str, outcome: Outcome) -> bool:
        return await self._ledger.settle(entry_id, outcome)
