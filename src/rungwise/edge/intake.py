"""How does a request come to its answer, whatever its protocol? Read, allowed, asked, rendered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.edge.body import BodyLimits, read_body, refuse_other_kinds
from rungwise.edge.door import visit_of
from rungwise.edge.names import Name, Names
from rungwise.edge.quotes import shown_quote
from rungwise.edge.reading import is_long
from rungwise.edge.rights import within_rights
from rungwise.edge.sse import Rendering, StreamedAnswer, WholeAnswer
from rungwise.edge.wish import is_dry_run
from rungwise.once import Answers
from rungwise.types import Chat

__all__ = ["Intake"]

T = TypeVar("T")


class Intake:
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

    async def read(
        self, request: Request, read: Callable[[bytes, Mapping[str, str], Names], T]
    ) -> T:
        """What the body asks for, as a protocol reads it. Raises CallerError."""
        headers = request.headers
        refuse_other_kinds(headers)
        body = await read_body(headers, request.receive, self._limits)
        if is_long(body):
            return await asyncio.to_thread(read, body, headers, self._names)
        return read(body, headers, self._names)

    def answer(
        self,
        request: Request,
        chat: Chat,
        name: Name,
        *,
        frames: Callable[[], Rendering],
        whole: Callable[[], Rendering],
        failed: Callable[[Exception, str], str] | None = None,
    ) -> Response:
        """`name` is what stood in `model`; `failed` is StreamedAnswer's. Raises CallerError."""
        visit = visit_of(request)
        chat = within_rights(chat, visit.caller, name, deadline_s=self._deadline_s)
        if is_dry_run(request.headers):
            return JSONResponse(shown_quote(self._cascade.quote(chat, visit.caller)))
        events = self._cascade.answer(chat, visit.caller, id=visit.id)
        if not chat.stream:
            return WholeAnswer(events, whole(), id=visit.id)
        return StreamedAnswer(
            events, frames(), id=visit.id, heartbeat_s=self._heartbeat_s, failed=failed
        )
