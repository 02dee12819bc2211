"""How long may a draft still take? One that ends in time, or as a timeout of its rung."""

from __future__ import annotations

import asyncio

from rungwise.contracts import Drafting
from rungwise.errors import TierError
from rungwise.types import Done, Piece

__all__ = ["InTime"]


class InTime:
    """A draft (see contracts.Drafting) that has time until then, by the loop's clock; `late` says
    what has passed. Where nothing is left its rung is not asked at all."""

    def __init__(self, drafting: Drafting, tier: str, *, until: float, late: str) -> None:
        self._drafting, self._until = drafting, until
        self._late = TierError(tier, "timeout", late)

    def __aiter__(self) -> InTime:
        return self

    async def __anext__(self) -> Piece:
        if asyncio.get_running_loop().time() >= self._until:
            raise self._late
        try:
            async with asyncio.timeout_at(self._until) as limit:
                return await anext(self._drafting)
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._late from None

    async def aclose(self) -> None:
        await self._drafting.aclose()

    def spent(self) -> Done:
        return self._drafting.spent()
