"""Which routes speak Anthropic's Messages protocol? Messages, and a count of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.edge.body import BodyLimits, read_body, refuse_other_kinds
from rungwise.edge.door import visit_of
from rungwise.edge.faults import fault_event
from rungwise.edge.messages_answer import MessageFrames, WholeMessage
from rungwise.edge.messages_size import CHARS, tokens_of
from rungwise.edge.messages_wire import AskedMessage, read_count, read_message
from rungwise.edge.names import Names
from rungwise.edge.openai import Answers
from rungwise.edge.quotes import shown_quote
from rungwise.edge.reading import is_long
from rungwise.edge.rights import within_rights
from rungwise.edge.sse import StreamedAnswer, WholeAnswer
from rungwise.edge.wish import is_dry_run
from rungwise.types import Piece, Released, Settled

__all__ = ["MessagesRoutes"]


class MessagesRoutes:
    def __init__(
        self,
        cascade: Answers,
        names: Names,
        *,
        limits: BodyLimits,
        heartbeat_s: float,
        deadline_s: float | None = None,
    ) -> None:
        self._cascade, self._names, self._limits = cascade, names, limits
        self._heartbeat_s, self._deadline_s = heartbeat_s, deadline_s

    async def create(self, request: Request) -> Response:
        asked, visit = await self._read(request), visit_of(request)
        chat = within_rights(asked.chat, visit.caller, asked.name, deadline_s=self._deadline_s)
        if is_dry_run(request.headers):
            return JSONResponse(shown_quote(self._cascade.quote(chat, visit.caller)))
        events = self._cascade.answer(chat, visit.caller, id=visit.id)
        return self._answer(asked, events, visit.id)

    async def count_tokens(self, request: Request) -> Response:
        """Which model will read it is not known yet, so this is an estimate, and says so."""
        asked = await self._read(request, counted=True)
        own = {"estimated": True, "how": f"a token for each {CHARS:g} characters"}
        return JSONResponse({"input_tokens": tokens_of(asked.chat), "rungwise": own})

    async def _read(self, request: Request, *, counted: bool = False) -> AskedMessage:
        headers = request.headers
        refuse_other_kinds(headers)
        body = await read_body(headers, request.receive, self._limits)
        read = read_count if counted else read_message
        if is_long(body):
            return await asyncio.to_thread(read, body, headers, self._names)
        return read(body, headers, self._names)

    def _answer(
        self,
        asked: AskedMessage,
        events: AsyncGenerator[Released | Piece | Settled, None],
        id: str,
    ) -> Response:
        name = asked.name.id
        if not asked.chat.stream:
            return WholeAnswer(events, WholeMessage(name), id=id)
        frames = MessageFrames(name)
        return StreamedAnswer(
            events, frames, id=id, heartbeat_s=self._heartbeat_s, failed=fault_event
        )
