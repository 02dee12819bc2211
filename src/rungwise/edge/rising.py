"""Which rungs are still to come up? Hosted ones before the server listens, local ones behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

from rungwise.contracts import Tier
from rungwise.errors import ConfigError, TierError

__all__ = ["Rising"]

logger = logging.getLogger(__name__)


class Rising:
    """The first start of every rung. Local ones take from seconds to minutes: one after another in
    the background, for engines that measure a GPU at the same time mis-size each other. One that
    cannot start is missing from /readyz; the others can still answer."""

    def __init__(self, ladder: Sequence[Tier]) -> None:
        self._ladder = tuple(ladder)
        self._task: asyncio.Task[None] | None = None
        self.waiting: set[str] = set()
        """Local rungs that have neither come up nor failed."""
        self.over = asyncio.Event()
        """Set once there are none."""

    async def start(self) -> None:
        """Raises ConfigError for a hosted rung that none can start."""
        self.over.clear()
        self.waiting = {tier.name for tier in self._ladder if tier.local}
        for tier in self._ladder:
            if not tier.local:
                await _start(tier)
        self._task = asyncio.create_task(self._rise(t for t in self._ladder if t.local))
        await asyncio.sleep(0)  # what needs no time to start is up at once

    async def stop(self) -> None:
        """Nothing is started any more; harmless when not started. The rungs are not stopped."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self.waiting = set()

    async def _rise(self, tiers: Iterable[Tier]) -> None:
        for tier in tiers:
            try:
                await _start(tier)
            except ConfigError as error:
                head = f"tier {tier.name!r}: "
                logger.error("%s: %s", tier.name, str(error).removeprefix(head))
            except Exception:
                logger.exception("%s: an error of this server while it started", tier.name)
            self.waiting.discard(tier.name)
        self.over.set()


async def _start(tier: Tier) -> None:
    try:
        await tier.start()
    except TierError as error:
        logger.error("%s could not start: %s", tier.name, error.message)
