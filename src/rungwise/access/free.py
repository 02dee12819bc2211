"""What if nobody counts? A purse without a bottom, for tests and embedders."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.types import Bid, Caller, Grant

__all__ = ["FreePurse"]


class FreePurse:
    """Grants everything, and writes nothing down (see contracts.Purse)."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def reserve(
        self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
    ) -> Grant:
        return Grant(rungs=len(bids))
