"""May an upstream be asked again? A tier that tries once more what was refused and cost nothing.

The library `tenacity` was weighed: what it would bring is one line, the jitter.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable

from rungwise.config import GuardsConfig
from rungwise.contracts import Tier
from rungwise.errors import TierError
from rungwise.tiers.wrapping import Relay, Wrapping
from rungwise.types import Piece, TierFault

__all__ = ["Retrying"]

PASSING: frozenset[TierFault] = frozenset(("rate_limited", "overloaded", "unavailable", "broken"))
"""Faults that may be over in a moment. Another try would be refused as well (rejected, too long,
unauthorised), or was given all the time there was."""
FIRST_WAIT_S = 0.25
SLOW_S = 5.0
"""What took so long to fail, such as an address where nobody answers, is not over in a moment."""


class Retrying(Wrapping):
    """Waits before the n-th further try a random part of FIRST_WAIT_S * 2^(n-1) (full jitter,
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), and at least for
    what the upstream asks (Retry-After).

    Gives up, at once, where a wait would lead beyond `retry_wait_s` in all, the whole draft's
    deadline or the caller's own.
    """

    def __init__(
        self,
        inner: Tier,
        guards: GuardsConfig,
        *,
        deadline_s: float,
        slow_s: float = SLOW_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(inner)
        self._guards, self._deadline_s, self._slow_s = guards, deadline_s, slow_s
        self._sleep, self._chance = sleep, chance

    async def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]:
        now = asyncio.get_running_loop().time
        until = now() + self._deadline_s
        give_up = now() + min(self._deadline_s, relay.chat.wish.deadline_s or self._deadline_s)
        tries, waited = 0, 0.0
        while True:
            began = now()
            try:
                async with relay.ask(self.inner, until if tries else None) as pieces:
                    async for piece in pieces:
                        relay.begun = True
                        yield piece
                return
            except TierError as fault:
                wait = self._wait(fault, tries, waited)
                slow = now() - began > self._slow_s
                if wait is None or relay.final or slow or now() + wait >= give_up:
                    raise
            await self._sleep(wait)
            tries, waited = tries + 1, waited + wait

    def _wait(self, fault: TierError, tries: int, waited: float) -> float | None:
        """Seconds until another try; None where there is to be none."""
        if fault.fault not in PASSING or tries >= self._guards.retries:
            return None
        asked, left = fault.retry_after_s or 0.0, self._guards.retry_wait_s - waited
        jitter = self._chance() * FIRST_WAIT_S * 2.0**tries
        return min(asked + jitter, left) if asked <= left else None
