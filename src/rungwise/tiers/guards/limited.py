"""How many drafts may one upstream write at a time? A tier that has its drafts wait their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from rungwise.contracts import Tier
from rungwise.errors import TierError
from rungwise.tiers.wrapping import Relay, Wrapping
from rungwise.types import Piece

__all__ = ["Limited"]


class Limited(Wrapping):
    """`most` drafts at one time. It says when it is full, so that the next rung can take the step;
    asked all the same, a draft waits, first come, first served, within its deadline."""

    def __init__(self, inner: Tier, *, most: int, deadline_s: float) -> None:
        super().__init__(inner)
        self._deadline_s = deadline_s
        self._turns = asyncio.Semaphore(most)
        self._full = f"{most} of {most} drafts are open"

    def saturation(self) -> str | None:
        return self._full if self._turns.locked() else self.inner.saturation()

    async def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]:
        until = await self._turn()
        try:
            async with relay.ask(self.inner, until) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            self._turns.release()

    async def _turn(self) -> float | None:
        """Take a turn; until when the draft has time, where it had to wait for one."""
        if not self._turns.locked():
            await self._turns.acquire()
            return None
        until = asyncio.get_running_loop().time() + self._deadline_s
        try:
            async with asyncio.timeout_at(until):
                await self._turns.acquire()
        except TimeoutError:
            late = f"no turn within {self._deadline_s:g} s: {self._full}"
            raise TierError(self.name, "saturated", late) from None
        return until
