"""Does an engine that is there still answer, or does it hang?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

__all__ = ["Hung", "Stall", "unless_hung"]

LOOK_S = 1.0
"""So often it is looked for, while something is done that only a look can end."""


Made = TypeVar("Made")


class Hung(Exception):
    """What was done on an engine was broken off, because it was silent for so long."""

    def __init__(self, silent_s: float) -> None:
        super().__init__(f"silent for {silent_s:.0f} s")
        self.silent_s = silent_s


class Stall:
    """For how long an engine has owed the answer to a question that costs it nothing.

    Each look asks anew where there was an answer, so it does not matter what callers do: those who
    give up and go hide nothing. An error is an answer too: a death is told elsewhere.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[None]],
        after_s: float | None,
        now: Callable[[], float],
    ) -> None:
        """An engine that has not answered for `after_s` hangs; None: it never does."""
        self._ask, self._after_s, self._now = ask, after_s, now
        self._asking: asyncio.Task[None] | None = None
        self._since = now()

    def look(self, *, least_s: float = 0.0) -> float | None:
        """Seconds without an answer, once they are too many: `after_s`, and `least_s`."""
        if self._after_s is None:
            return None
        if self._asking is None or self._asking.done():
            self._since, self._asking = self._now(), asyncio.create_task(self._answered())
        return self.too_long(self._now() - self._since, least_s=least_s)

    def too_long(self, silent_s: float, *, least_s: float = 0.0) -> float | None:
        """These seconds, where an engine that was silent for so long hangs."""
        if self._after_s is None or silent_s < max(self._after_s, least_s):
            return None
        return silent_s

    def end(self) -> None:
        """Wait for no answer any more; the next look begins anew."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    async def _answered(self) -> None:
        with suppress(Exception):
            await self._ask()


async def unless_hung(work: Coroutine[Any, Any, Made], look: Callable[[], float | None]) -> Made:
    """Do this to its end. Raises Hung once a look tells that the engine hangs."""
    working = asyncio.ensure_future(work)
    try:
        while not working.done():
            if (silent_s := look()) is not None:
                raise Hung(silent_s)
            await asyncio.wait((working,), timeout=LOOK_S)
        return await working
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
