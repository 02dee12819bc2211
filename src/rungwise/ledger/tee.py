"""Who else reads what is written down? One ledger that passes every entry to several."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from rungwise.contracts import Ledger
from rungwise.errors import StoreError
from rungwise.ledger.sayings import Heard, Saying
from rungwise.types import Entry, Outcome

__all__ = ["InParts", "Listening", "Tee", "show"]


logger = logging.getLogger(__name__)


class Listening(Ledger, Protocol):
    """A ledger that also takes many sayings at once."""

    async def hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        """What became of each, in their order. Raises StoreError."""
        ...


class InParts(Ledger, Protocol):
    """One that writes long lists in parts, of which a later one may fail."""

    async def hear(
        self, sayings: Sequence[Saying], see: Callable[[Sequence[Heard]], object]
    ) -> Sequence[Heard]:
        """The same; `see` is given each part once it is committed. Raises StoreError."""
        ...


def show(
    entry: Entry,
    readers: Sequence[Callable[[Entry], None]],
    audited: Sequence[Callable[[Entry], None]],
) -> None:
    """A step to every reader, an audit to those of `audited`."""
    for read in readers if entry.audits is None else audited:
        read(entry)


class Tee:
    """Writes to `ledger`, then shows each step to every reader, which counts it, and each audit to
    those of `audited`. The first outcome of an answer that counts is told to `told`, with its
    entry: once, by the one server that wrote it down, whatever is believed later. News of one list
    is told in drawn order: a list may be sorted by what was right, which is no course of time.
    Where the list fails half-way, what is written of it is told: said again it is no news any more.

    An entry that cannot be written is logged whole and told to `lost`, and its answer goes out:
    it has been paid for, and a full disk must not silence every agent.
    """

    def __init__(
        self,
        ledger: InParts,
        readers: Sequence[Callable[[Entry], None]],
        lost: Sequence[Callable[[Entry], None]] = (),
        told: Sequence[Callable[[Entry], None]] = (),
        audited: Sequence[Callable[[Entry], None]] = (),
    ) -> None:
        self._ledger, self._readers, self._lost = ledger, tuple(readers), tuple(lost)
        self._told, self._audited = tuple(told), tuple(audited)

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
        show(entry, self._readers, self._audited)

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        (heard,) = await self.hear([Saying(answer=entry_id, outcome=outcome, of_any=True)])
        return heard.entry

    async def hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        """To its end, also when whoever says it is gone before. Raises StoreError."""
        hearing = asyncio.ensure_future(self._hear(sayings))
        hearing.add_done_callback(_ended)
        return await asyncio.shield(hearing)

    async def _hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        written: list[Heard] = []
        try:
            return await self._ledger.hear(sayings, written.extend)
        finally:
            self._tell(written)

    def _tell(self, written: Sequence[Heard]) -> None:
        news = [heard.entry for heard in written if heard.news and heard.entry is not None]
        for entry in sorted(news, key=_drawn):
            for tell in self._told:
                tell(entry)

    async def find(self, entry_id: str) -> Entry | None:
        return await self._ledger.find(entry_id)


def _ended(hearing: asyncio.Future[Sequence[Heard]]) -> None:
    """However it ended is known to those who still wait for it."""
    if not hearing.cancelled():
        hearing.exception()


def _drawn(entry: Entry) -> bytes:
    return sha256(entry.id.encode()).digest()
