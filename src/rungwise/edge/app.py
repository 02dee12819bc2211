"""Which app is served? Routes, door, and the life of what stands behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeAlias

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rungwise.config import OutcomesConfig, ServerConfig
from rungwise.contracts import Keyring, Pace, Tier
from rungwise.edge.answers import AnswerRoutes
from rungwise.edge.body import BodyLimits
from rungwise.edge.closing import Closing
from rungwise.edge.door import OUTCOMES, Door, visit_of
from rungwise.edge.faults import fault_response
from rungwise.edge.figures import FigureRoutes
from rungwise.edge.intake import Intake
from rungwise.edge.messages import MessagesRoutes
from rungwise.edge.names import Names
from rungwise.edge.openai import OpenAIRoutes
from rungwise.edge.ops import OpsRoutes
from rungwise.edge.outcomes import OutcomeRoutes
from rungwise.edge.owners import OwnerRoutes
from rungwise.edge.page import PageRoutes
from rungwise.edge.rising import Rising
from rungwise.ledger.books import Books
from rungwise.ledger.tee import Listening
from rungwise.once import Answers

__all__ = ["make_app"]


Route: TypeAlias = tuple[str, str, Callable[[Request], Awaitable[Response]]]
"""Method, path, and who answers."""


class Part(Protocol):
    """What has a life beside the requests."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def make_app(
    *,
    cascade: Answers,
    ladder: Sequence[Tier],
    ledger: Listening,
    keyring: Keyring,
    config: ServerConfig,
    outcomes: OutcomesConfig | None = None,
    books: Books | None = None,
    owner: Callable[[Rising], OwnerRoutes] | None = None,
    pace: Pace | None = None,
    looks: Pace | None = None,
    parts: Sequence[Part] = (),
    watchers: Sequence[Part] = (),
    render_metrics: Callable[[], Awaitable[tuple[bytes, str]]],
    barred: Callable[[Tier], str | None] = lambda _: None,
    new_id: Callable[[], str],
    unix: Callable[[], float] = time.time,
    body_stall_s: float = 30.0,
) -> FastAPI:
    """The ASGI app, with which parts, ledger, ladder and watchers start, and stop in reverse.

    Its state tells which rungs are still `rising` (see Rising): local ones come up behind it.
    Without `books` there are no figures to look at, without `owner` nothing that is the owner's.
    """
    rising = Rising(ladder)
    app = FastAPI(
        lifespan=_lifespan((*parts, ledger), ladder, rising, watchers),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _show_fault},
    )
    closing = app.state.closing = Closing()
    app.state.rising = rising
    app.add_middleware(
        Door, keyring=keyring, new_id=new_id, closing=closing, pace=pace, looks=looks
    )
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
    answers = AnswerRoutes(ledger, books)
    said = OutcomeRoutes(ledger, outcomes or OutcomesConfig(), limits=limits, unix=unix)
    ops = OpsRoutes(ladder, render_metrics, closing, barred=barred, rising=rising)
    routes: list[Route] = [
        ("POST", "/v1/chat/completions", openai.chat_completions),
        ("POST", "/v1/messages", messages.create),
        ("POST", "/v1/messages/count_tokens", messages.count_tokens),
        ("POST", OUTCOMES, said.say),
        ("GET", "/v1/answers/{id}", answers.answer),
        ("GET", "/v1/models", openai.models),
        ("GET", "/v1/models/{id:path}", openai.model),
        ("GET", "/healthz", ops.healthz),
        ("GET", "/readyz", ops.readyz),
        ("GET", "/metrics", ops.metrics),
    ]
    if books is not None:
        routes += _figures(FigureRoutes(books, unix=unix))
    if owner is not None:
        routes += _owners(owner(rising))
    if config.page:
        routes += _page(PageRoutes())
    # plain routes: FastAPI's own would parse bodies and dependencies once more for each request
    for method, path, route in routes:
        app.add_route(path, route, methods=[method])
    return app


def _figures(figures: FigureRoutes) -> list[Route]:
    return [
        ("GET", "/v1/figures", figures.figures),
        ("GET", "/v1/series", figures.series),
        ("GET", "/v1/answers", figures.answers),
    ]


def _owners(owner: OwnerRoutes) -> list[Route]:
    return [
        ("GET", "/v1/alarms", owner.alarms),
        ("GET", "/v1/calibrations", owner.calibrations),
        ("GET", "/v1/gpus", owner.gpus),
        ("GET", "/v1/ladder", owner.ladder),
    ]


def _page(page: PageRoutes) -> list[Route]:
    return [("GET", "/ui", page.root), ("GET", "/ui/{name:path}", page.file)]


async def _show_fault(request: Request, error: Exception) -> Response:
    return fault_response(error, visit_of(request).id, path=request.url.path)


def _lifespan(
    parts: Sequence[Part], ladder: Sequence[Tier], rising: Rising, watchers: Sequence[Part]
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
            for part in watchers:
                await part.start()
                stack.push_async_callback(part.stop)
            yield

    return lifespan


async def _stop(engines: Sequence[Tier]) -> None:
    """All at once: each may take as long as a server has to end."""
    ends = await asyncio.gather(*(tier.stop() for tier in engines), return_exceptions=True)
    for error in filter(None, ends):
        raise error
