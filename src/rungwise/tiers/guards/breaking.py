"""Is an upstream worth asking at all just now? A tier that stops asking one which only fails.

The breakers on PyPI are stale, or wrap a call that returns: none knows of a stream that can fail
in its middle, or be left by its reader.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable

from rungwise.config import GuardsConfig
from rungwise.contracts import Tier
from rungwise.errors import TierError
from rungwise.tiers.wrapping import Relay, Wrapping
from rungwise.types import Piece

__all__ = ["Breaking"]


class Breaking(Wrapping):
    """Opens after `breaker_failures` drafts in a row that failed by the upstream's fault, a key
    that it refuses included, and a request that it finds fault with not. While it is open, drafts
    fail at once and cost nothing. After `breaker_open_s` one draft tries: its first piece lets
    others in again, and then its end, or any other's, makes good what failed before.

    A draft that its reader leaves says nothing of the upstream.
    """

    def __init__(
        self, inner: Tier, guards: GuardsConfig, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(inner)
        self._most, self._open_s, self._now = guards.breaker_failures, guards.breaker_open_s, now
        self._failures = 0
        self._until: float | None = None
        """When it may be tried; None while it is closed."""
        self._tried = False
        """Whether a draft tries it just now."""

    @property
    def open(self) -> bool:
        return self._until is not None

    async def health(self) -> str | None:
        said = await self.inner.health()
        return f"{self.name}: {self._told()}" if said is None and self._shut else said

    async def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]:
        trial = self._admit()
        try:
            async with relay.ask(self.inner) as pieces:
                async for piece in pieces:
                    if trial:
                        self._until, self._tried, trial = None, False, False
                    yield piece
        except TierError as fault:
            if not fault.caller_fault:
                self._failed(trial)
            raise
        else:
            self._worked(trial)
        finally:
            if trial:
                self._tried = False

    @property
    def _shut(self) -> bool:
        return self._until is not None and (self._tried or self._now() < self._until)

    def _admit(self) -> bool:
        """Whether this draft is the one that tries. Raises TierError where it may not."""
        if self._until is None:
            return False
        if self._shut:
            left = max(0.0, self._until - self._now())
            raise TierError(self.name, "unavailable", self._told(), retry_after_s=left)
        self._tried = True
        return True

    def _told(self) -> str:
        left = (self._until or 0.0) - self._now()
        if left <= 0:
            return "its breaker is open, and another draft tries it just now"
        return f"its breaker is open for another {math.ceil(left)} s"

    def _failed(self, trial: bool) -> None:
        """Drafts that were under way when it opened do not open it for longer."""
        if self.open and not trial:
            return
        self._failures += 1
        if self._failures >= self._most:
            self._until = self._now() + self._open_s

    def _worked(self, trial: bool) -> None:
        if self.open and not trial:
            return
        self._failures, self._until = 0, None
