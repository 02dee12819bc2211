"""Which routes speak OpenAI's protocol? Chat completions and models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.edge.body import BodyLimits, read_body, refuse_other_kinds
from rungwise.edge.door import visit_of
from rungwise.edge.names import Name, Names
from rungwise.edge.openai_answer import ChunkFrames, WholeBody
from rungwise.edge.openai_wire import Asked, read_chat
from rungwise.edge.quotes import shown_quote
from rungwise.edge.rights import within_rights
from rungwise.edge.sse import StreamedAnswer, WholeAnswer
from rungwise.edge.wish import is_dry_run
from rungwise.types import Caller, Chat, Json, JsonObject, Piece, Quote, Released, Settled

__all__ = ["Answers", "OpenAIRoutes"]

LONG = 16 * 1024
"""Bytes: a body over this is read beside the event loop, not on it."""
SCHEMAS = (b'"json_schema"', rb"\u00")
"""So is one with a schema, and one that may write the word in another way: a new schema is checked
for up to some hundred milliseconds."""


class Answers(Protocol):
    """What the edge needs of the cascade."""

    def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]: ...

    def quote(self, chat: Chat, caller: Caller) -> Quote: ...


class OpenAIRoutes:
    def __init__(
        self,
        cascade: Answers,
        names: Names,
        *,
        limits: BodyLimits,
        heartbeat_s: float,
        deadline_s: float | None = None,
        unix: Callable[[], float] = time.time,
    ) -> None:
        self._cascade, self._names = cascade, names
        self._limits, self._heartbeat_s, self._unix = limits, heartbeat_s, unix
        self._deadline_s, self._since = deadline_s, int(unix())

    async def chat_completions(self, request: Request) -> Response:
        headers, visit = request.headers, visit_of(request)
        refuse_other_kinds(headers)
        body = await read_body(headers, request.receive, self._limits)
        if len(body) > LONG or any(word in body for word in SCHEMAS):
            asked = await asyncio.to_thread(read_chat, body, headers, self._names)
        else:
            asked = read_chat(body, headers, self._names)
        chat = within_rights(asked.chat, visit.caller, asked.name, deadline_s=self._deadline_s)
        if is_dry_run(headers):
            return JSONResponse(shown_quote(self._cascade.quote(chat, visit.caller)))
        events = self._cascade.answer(chat, visit.caller, id=visit.id)
        return self._answer(asked, events, visit.id)

    def _answer(
        self, asked: Asked, events: AsyncGenerator[Released | Piece | Settled, None], id: str
    ) -> Response:
        sampling, created = asked.chat.sampling, int(self._unix())
        if asked.chat.stream:
            frames = ChunkFrames(choices=sampling.n, show_usage=asked.show_usage, created=created)
            return StreamedAnswer(events, frames, id=id, heartbeat_s=self._heartbeat_s)
        show = sampling.top_logprobs is not None
        body = WholeBody(choices=sampling.n, show_logprobs=show, created=created)
        return WholeAnswer(events, body, id=id)

    async def models(self, request: Request) -> Response:
        listed: list[Json] = [self._shown(name) for name in self._names]
        return JSONResponse({"object": "list", "data": listed})

    async def model(self, request: Request) -> Response:
        return JSONResponse(self._shown(self._names.find(request.path_params["id"])))

    def _shown(self, name: Name) -> JsonObject:
        own = {"kind": name.kind, "tier": name.tier, "description": name.description}
        return {
            "id": name.id,
            "object": "model",
            "created": self._since,
            "owned_by": "rungwise",
            "rungwise": own,
        }
