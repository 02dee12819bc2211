"""How long may this answer still take? A draft that ends in time, or as a timeout of its rung."""

from __future__ import annotations

import asyncio

from rungwise.contracts import Drafting
from rungwise.errors import TierError
from rungwise.types import Done, Piece

__all__ = ["InTime"]


class InTime:
    """A draft (see contracts.Drafting) that has so many seconds left, from now on."""

    def __init__(self, drafting: Drafting, tier: str, *, within_s: float) -> None:
        self._drafting, self._tier = drafting, tier
        self._until = asyncio.get_running_loop().time() + within_s

    def __aiter__(self) -> InTime:
        return self

    async def __anext__(self) -> Piece:
        try:
            async with asyncio.timeout_at(self._until) as limit:
                return await anext(self._drafting)
        except TimeoutError:
            if not limit.expired():
                raise
            late = "the request's deadline has passed"
            raise TierError(self._tier, "timeout", late) from None

    async def aclose(self) -> None:
        await self._drafting.aclose()

    def spent(self) -> Done:
        return self._drafting.spent()
