"""What if answers are kept in this process? The least recently used ones go first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["MemoryShelf"]

EACH = 300
"""Bytes that an answer takes beside its text: its key, and what Python needs to hold both."""


@dataclass(frozen=True, slots=True)
class _Kept:
    text: str
    ends: float


class MemoryShelf:
    """See keeping.Shelf. Holds at most `most_bytes`, each text for `ttl_s` at most."""

    def __init__(
        self, *, ttl_s: float, most_bytes: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl_s, self._most_bytes, self._now = ttl_s, most_bytes, now
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self.bytes = 0

    async def start(self) -> None: ...

    async def stop(self) -> None:
        self._kept.clear()
        self.bytes = 0

    async def get(self, key: str) -> str | None:
        kept = self._kept.get(key)
        if kept is None:
            return None
        if self._now() >= kept.ends:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return kept.text

    async def put(self, key: str, tenant: str, text: str) -> None:
        if key in self._kept:
            self._forget(key)
        self._kept[key] = _Kept(text, self._now() + self._ttl_s)
        self.bytes += EACH + len(text)
        while self.bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: str) -> None:
        self.bytes -= EACH + len(self._kept.pop(key).text)
