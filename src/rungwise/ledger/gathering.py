"""Who may read a moment later? Readers of many entries in a row, which costs less of each.

Between two answers a processor has forgotten what a reader does, and what it keeps; in a row it
knows both for all but the first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from rungwise.types import Entry

__all__ = ["Gathering"]

logger = logging.getLogger(__name__)

MOST, WAIT_S = 256, 0.05
"""Drift looks at each stream so often at most, and of what comes at once at the first alone: with a
longer wait it would see less."""


class Gathering:
    """A reader of the ledger in one event loop, and a Part. Every entry is passed on to all of
    `readers` within `wait_s` seconds, sooner once there are `most`; at once by `pass_on`."""

    def __init__(
        self,
        readers: Sequence[Callable[[Entry], None]],
        *,
        most: int = MOST,
        wait_s: float = WAIT_S,
    ) -> None:
        self._readers, self._most, self._wait_s = tuple(readers), most, wait_s
        self._gathered: list[Entry] = []
        self._due: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """There is nothing to do."""

    async def stop(self) -> None:
        self.pass_on()

    def read(self, entry: Entry) -> None:
        gathered = self._gathered
        gathered.append(entry)
        if len(gathered) >= self._most:
            self.pass_on()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(self._wait_s, self.pass_on)

    def pass_on(self) -> None:
        """What is gathered, in its order, to one reader after another. A reader that fails loses
        that one entry."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        gathered, self._gathered = self._gathered, []
        for read in self._readers:
            for entry in gathered:
                try:
                    read(entry)
                except Exception:
                    logger.exception("%s: could not be watched", entry.id)
