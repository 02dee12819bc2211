"""Which answers are kept, and for whom? One policy, whatever they are kept in.

An answer drawn at a temperature above 0 is one of many: giving it again is another thing than
drawing again. So it is kept only where the server is configured to, or the caller asks for it. A
temperature that is not told counts as above 0: it is the tier's own default. What a model declined
is not kept: asked again, it may not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from rungwise.cache.compact import compact
from rungwise.cache.fingerprint import fingerprint
from rungwise.errors import StoreError
from rungwise.store.answers import pieces_from_json, pieces_to_json
from rungwise.types import Chat, Remembered

__all__ = ["Keeping", "Shelf"]

logger = logging.getLogger(__name__)

REST_S = 5.0
"""A shelf that failed is not asked again before: its time-out is waited for once, not each time."""
SAY_S = 60.0
"""It is told at most so often."""


class Shelf(Protocol):
    """Keeps texts by key, for as long and as many as it was made for."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def get(self, key: str) -> str | None:
        """Raises StoreError."""
        ...

    async def put(self, key: str, tenant: str, text: str) -> None:
        """Also over what is there. Raises StoreError."""
        ...


class Keeping:
    """See contracts.Cache."""

    def __init__(
        self,
        shelf: Shelf,
        *,
        ladder: str,
        any_temperature: bool,
        most_bytes: int,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ladder` as in `fingerprint`: under another one nothing is found. An answer of more than
        `most_bytes` is not kept."""
        self._shelf, self._ladder = shelf, ladder
        self._any_temperature, self._most_bytes = any_temperature, most_bytes
        self._now, self._rests_until, self._says_from = now, float("-inf"), float("-inf")

    async def start(self) -> None:
        await self._shelf.start()

    async def stop(self) -> None:
        await self._shelf.stop()

    async def recall(self, chat: Chat) -> Remembered | None:
        if self._resting or not self._kept(chat):
            return None
        try:
            text = await self._shelf.get(fingerprint(chat, ladder=self._ladder))
            return None if text is None else pieces_from_json(text)
        except (StoreError, ValueError) as error:
            self._failed(error)
            return None

    async def remember(self, chat: Chat, answer: Remembered) -> None:
        declined = any(piece.refusal for piece in answer.pieces)
        if self._resting or declined or not self._kept(chat):
            return
        text = pieces_to_json(replace(answer, pieces=compact(answer.pieces)))
        if len(text) > self._most_bytes:
            return
        try:
            await self._shelf.put(fingerprint(chat, ladder=self._ladder), chat.tenant, text)
        except StoreError as error:
            self._failed(error)

    def _kept(self, chat: Chat) -> bool:
        if chat.wish.recall is False or chat.labels:  # a label is asked for its probabilities
            return False
        asked = self._any_temperature or chat.wish.recall is True
        return asked or chat.sampling.temperature == 0

    @property
    def _resting(self) -> bool:
        return self._now() < self._rests_until

    def _failed(self, error: Exception) -> None:
        now = self._now()
        if isinstance(error, StoreError):
            self._rests_until = now + REST_S
        if now >= self._says_from:
            self._says_from = now + SAY_S
            logger.warning("the answer cache forgets: %s", error)
