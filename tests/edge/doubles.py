"""What does the edge talk to in its tests? A cascade that does as its script says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from rungwise.access.static import StaticKeyring
from rungwise.config import ServerConfig
from rungwise.contracts import Ledger
from rungwise.edge.app import make_app
from rungwise.edge.limits import Limits, bounded
from rungwise.ledger.sayings import Heard, Saying
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    Attempt,
    Caller,
    Chat,
    Confidence,
    Entry,
    Outcome,
    Piece,
    Reading,
    Released,
    Settled,
    StepType,
    Usage,
)

USAGE = Usage(input=7, cache_read=3, output=5, reasoning=2)
ATTEMPT = Attempt(
    tier="tier1",
    model="demo-bottom",
    state="released",
    reason="p 0.97 >= 0.90",
    usage=USAGE,
    cost_nano=1500,
    started_s=0.25,
    first_piece_s=0.5,
    ended_s=1.0,
    readings=(Reading(signal="mean_logprob", value=-0.5),),
    confidence=Confidence(probability=0.97, calibration="c"),
    engine_s=0.75,
    threshold=0.9,
)
SETTLED = Settled(usage=USAGE, cost_nano=1500, attempts=(ATTEMPT,))
ASK: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "hi"}]}

Event = Released | Piece | Settled
Step = Event | Exception | asyncio.Event


def released(id: str = "req_1", model: str = "demo-bottom") -> Released:
    return Released(id=id, tier="tier1", model=model, rungs_tried=1, step_type=StepType.OPEN_CHAT)


def answer(*pieces: Piece, settled: Settled = SETTLED) -> list[Step]:
    return [released(), *pieces, settled]


HELLO = answer(Piece("hel"), Piece("lo"), Piece(finish="stop"))


@dataclass
class ScriptedCascade:
    """Yields events, raises exceptions, waits for an asyncio.Event, each in its turn."""

    steps: Sequence[Step] = field(default_factory=lambda: HELLO)
    chats: list[Chat] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, chat: Chat, caller: Caller, *, id: str) -> AsyncGenerator[Event, None]:
        self.chats.append(chat)
        self.callers.append(caller)
        self.ids.append(id)
        self.begun.set()
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    yield step
        finally:
            await asyncio.sleep(0)  # closing may have to wait, for the ledger for one
            self.closed.set()


class NoLedger:
    """Writes nothing down; finds the entries that it was made with."""

    def __init__(self, *entries: Entry) -> None:
        self.life: list[str] = []
        self._entries = {entry.id: entry for entry in entries}

    async def start(self) -> None:
        self.life.append("start")

    async def stop(self) -> None:
        self.life.append("stop")

    async def record(self, entry: Entry) -> None: ...

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        return None

    async def hear(self, sayings: Sequence[Saying]) -> Sequence[Heard]:
        return [Heard(known=False) for _ in sayings]

    async def find(self, entry_id: str) -> Entry | None:
        return self._entries.get(entry_id)


def ladder() -> tuple[ScriptedTier, ScriptedTier]:
    low = ScriptedTier("tier1", model="demo-bottom")
    return low, ScriptedTier("tier2", model="org/mid", local=False)


async def rendered(content: bytes, kind: str) -> tuple[bytes, str]:
    """As Metrics.rendered."""
    return content, kind


def app(
    cascade: ScriptedCascade | None = None,
    *,
    keys: Sequence[str] = (),
    rungs: Sequence[ScriptedTier] | None = None,
    ledger: Ledger | None = None,
    body_stall_s: float = 30.0,
    new_id: Callable[[], str] = lambda: "req_1",
    **server: Any,
) -> FastAPI:
    return make_app(
        cascade=cascade or ScriptedCascade(),
        ladder=ladder() if rungs is None else rungs,
        ledger=ledger or NoLedger(),
        keyring=StaticKeyring(keys),
        config=ServerConfig(**server),
        render_metrics=lambda: rendered(b"rungwise_up 1\n", "text/plain; version=1.0.0"),
        new_id=new_id,
        unix=lambda: 1700000000.5,
        body_stall_s=body_stall_s,
    )


def client(served: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=served)
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@contextlib.asynccontextmanager
async def serving(
    served: FastAPI, *, grace_s: int | None = None, **limits: Any
) -> AsyncIterator[int]:
    """A real server on a free port of loopback. With a grace period it ends as by SIGTERM."""
    life = served.router.lifespan_context(served)  # uvicorn would leave it when forced to exit
    async with life, _listening(served, grace_s, limits) as port:
        yield port


@contextlib.asynccontextmanager
async def _listening(
    served: FastAPI, grace_s: int | None, limits: dict[str, Any]
) -> AsyncIterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            served,
            http=bounded(Limits(**{"connections": 100, **limits})),
            ws="none",
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=grace_s,
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit, server.force_exit = True, grace_s is None
            await task
