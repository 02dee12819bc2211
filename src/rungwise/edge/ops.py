"""Is the server alive, can it answer, and what does it count?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.contracts import Tier

__all__ = ["OpsRoutes"]

PATIENCE_S = 2.0


class OpsRoutes:
    def __init__(
        self,
        ladder: Sequence[Tier],
        render_metrics: Callable[[], tuple[bytes, str]],
        *,
        barred: Callable[[Tier], str | None] = lambda _: None,
    ) -> None:
        """`barred` tells why a rung is not asked although it is well."""
        self._ladder, self._render_metrics = tuple(ladder), render_metrics
        self._barred = barred

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(self, request: Request) -> Response:
        """200 when at least one rung can answer; names those that cannot."""
        told = await asyncio.gather(*(_health(tier) for tier in self._ladder))
        lines = {
            tier.name: line or self._barred(tier)
            for tier, line in zip(self._ladder, told, strict=True)
        }
        missing = {name: line for name, line in lines.items() if line is not None}
        ready = [name for name in lines if name not in missing]
        state = {"ready": bool(ready), "tiers": ready, "missing": missing}
        return JSONResponse(state, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        content, kind = self._render_metrics()
        return Response(content, headers={"content-type": kind})


async def _health(tier: Tier) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await tier.health()
    except TimeoutError:
        return f"{tier.name}: no word within {PATIENCE_S:g} s"
