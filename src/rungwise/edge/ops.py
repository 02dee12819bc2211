"""Is the server alive, can it answer, and what does it count?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response

from rungwise.contracts import Tier
from rungwise.edge.closing import Closing
from rungwise.edge.quoting import Quoted
from rungwise.edge.rising import Rising
from rungwise.edge.sight import see_all

__all__ = ["OpsRoutes", "health_of"]

PATIENCE_S = 2.0


class OpsRoutes:
    def __init__(
        self,
        ladder: Sequence[Tier],
        render_metrics: Callable[[], Awaitable[tuple[bytes, str]]],
        closing: Closing,
        *,
        barred: Callable[[Tier], str | None] = lambda _: None,
        rising: Rising | None = None,
    ) -> None:
        """`barred` tells why a rung is not asked although it is well, `rising` which ones are still
        to come up."""
        self._ladder, self._render_metrics = tuple(ladder), render_metrics
        self._closing, self._barred = closing, barred
        self._rising = rising or Rising(())

    async def healthz(self, request: Request) -> Response:
        return Quoted({"alive": True})

    async def readyz(self, request: Request) -> Response:
        """200 when at least one rung can answer, and no local one is still to come up for the first
        time; names those that cannot, and those that start. 503 while it drains."""
        if self._closing.begun:
            return self._draining()
        told = await asyncio.gather(*(health_of(tier) for tier in self._ladder))
        tiers: list[str] = []
        starting: dict[str, str] = {}
        missing: dict[str, str] = {}
        for tier, line in zip(self._ladder, told, strict=True):
            if tier.name in self._rising.waiting:
                starting[tier.name] = line or f"{tier.name}: starting"
            elif (line := line or self._barred(tier)) is not None:
                missing[tier.name] = line
            else:
                tiers.append(tier.name)
        ready = bool(tiers) and not starting
        state = {"ready": ready, "tiers": tiers, "starting": starting, "missing": missing}
        return Quoted(state, status_code=200 if ready else 503)

    def _draining(self) -> Response:
        left = {"open": self._closing.open, "left_s": round(self._closing.left_s, 1)}
        return Quoted({"ready": False, "draining": True, **left}, status_code=503)

    async def metrics(self, request: Request) -> Response:
        """For a key that sees all: they are sums of everybody's steps, and name keys."""
        see_all(request)
        content, kind = await self._render_metrics()
        return Response(content, headers={"content-type": kind})


async def health_of(tier: Tier) -> str | None:
    """Why the rung cannot draft; None where it can. Within PATIENCE_S."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await tier.health()
    except TimeoutError:
        return f"{tier.name}: no word within {PATIENCE_S:g} s"
