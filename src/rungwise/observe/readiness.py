"""Which tiers can draft? Asked every few seconds, for the metrics cannot wait for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from rungwise.contracts import Tier
from rungwise.errand import Errand

__all__ = ["Readiness"]


class Readiness:
    """Asks each tier's health. Never raises."""

    def __init__(
        self,
        ladder: Sequence[Tier],
        *,
        barred: Callable[[Tier], str | None] = lambda _: None,
        every_s: float = 5.0,
        patience_s: float = 2.0,
    ) -> None:
        """`barred` tells why a tier is not asked although it is well, as /readyz has it."""
        self._ladder, self._every_s, self._patience_s = tuple(ladder), every_s, patience_s
        self._barred = barred
        self._errand = Errand(self._go_on)
        self._ready: Mapping[str, bool] = {tier.name: False for tier in ladder}

    @property
    def ready(self) -> Mapping[str, bool]:
        """By tier, as of the last look."""
        return self._ready

    async def start(self) -> None:
        self._errand.start()

    async def stop(self) -> None:
        await self._errand.stop()

    async def look(self) -> None:
        """Ask them all now; one that does not answer in time is not ready."""
        told = await asyncio.gather(*(self._can_draft(tier) for tier in self._ladder))
        names = (tier.name for tier in self._ladder)
        self._ready = dict(zip(names, told, strict=True))

    async def _go_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def _can_draft(self, tier: Tier) -> bool:
        try:
            async with asyncio.timeout(self._patience_s):
                well = await tier.health() is None
            return well and self._barred(tier) is None
        except Exception:  # a plug-in's tier may raise what it likes
            return False
