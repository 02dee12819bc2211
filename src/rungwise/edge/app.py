"""Which app is served? Routes, door, and the life of what stands behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rungwise.config import ServerConfig
from rungwise.contracts import Keyring, Ledger, Pace, Tier
from rungwise.edge.answers import AnswerRoutes
from rungwise.edge.body import BodyLimits
from rungwise.edge.closing import Closing
from rungwise.edge.door import Door, visit_of
from rungwise.edge.faults import fault_response
from rungwise.edge.intake import Intake
from rungwise.edge.messages import MessagesRoutes
from rungwise.edge.names import Names
from rungwise.edge.openai import OpenAIRoutes
from rungwise.edge.ops import OpsRoutes
from rungwise.edge.rising import Rising
from rungwise.once import Answers

__all__ = ["make_app"]


class Part(Protocol):
    """What has a life beside the requests."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def make_app(
    *,
    cascade: Answers,
    ladder: Sequence[Tier],
    ledger: Ledger,
    keyring: Keyring,
    config: ServerConfig,
    pace: Pace | None = None,
    parts: Sequence[Part] = (),
    render_metrics: Callable[[], tuple[bytes, str]],
    barred: Callable[[Tier], str | None] = lambda _: None,
    new_id: Callable[[], str],
    unix: Callable[[], float] = time.time,
    body_stall_s: float = 30.0,
) -> FastAPI:
    """The ASGI app, with which the parts, the ledger and the ladder start, and stop in reverse.

    Its state tells which rungs are still `rising` (see Rising): local ones come up behind it.
    """
    rising = Rising(ladder)
    app = FastAPI(
        lifespan=_lifespan((*parts, ledger), ladder, rising),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _show_fault},
    )
    closing = app.state.closing = Closing()
    app.state.rising = rising
    app.add_middleware(Door, keyring=keyring, new_id=new_id, closing=closing, pace=pace)
    limits = BodyLimits(most_bytes=int(config.max_body_mib * 2**20), stall_s=body_stall_s)
    names = Names(ladder)
    intake = Intake(
        cascade,
        names,
        limits=limits,
        heartbeat_s=config.heartbeat_s,
        deadline_s=config.deadline_s,
    )
    openai, messages = OpenAIRoutes(intake, names, unix=unix), MessagesRoutes(intake)
    answers = AnswerRoutes(ledger)
    ops = OpsRoutes(ladder, render_metrics, closing, barred=barred, rising=rising)
    # plain routes: FastAPI's own would parse bodies and dependencies once more for each request
    for path, methods, route in (
        ("/v1/chat/completions", ["POST"], openai.chat_completions),
        ("/v1/messages", ["POST"], messages.create),
        ("/v1/messages/count_tokens", ["POST"], messages.count_tokens),
        ("/v1/answers/{id}", ["GET"], answers.answer),
        ("/v1/models", ["GET"], openai.models),
        ("/v1/models/{id:path}", ["GET"], openai.model),
        ("/healthz", ["GET"], ops.healthz),
        ("/readyz", ["GET"], ops.readyz),
        ("/metrics", ["GET"], ops.metrics),
    ):
        app.add_route(path, route, methods=methods)
    return app


async def _show_fault(request: Request, error: Exception) -> Response:
    return fault_response(error, visit_of(request).id, path=request.url.path)


def _lifespan(
    parts: Sequence[Part], ladder: Sequence[Tier], rising: Rising
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for part in parts:
                await part.start()
                stack.push_async_callback(part.stop)
            stack.push_async_callback(_stop, [tier for tier in ladder if tier.local])
            for tier in ladder:
                if not tier.local:
                    stack.push_async_callback(tier.stop)
            stack.push_async_callback(rising.stop)
            await rising.start()
            yield

    return lifespan


async def _stop(engines: Sequence[Tier]) -> None:
    """All at once: each may take as long as a server has to end."""
    ends = await asyncio.gather(*(tier.stop() for tier in engines), return_exceptions=True)
    for error in filter(None, ends):
        raise error
