"""Which routes speak Anthropic's Messages protocol? Messages, and a count of tokens."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.edge.faults import fault_event
from rungwise.edge.intake import Intake
from rungwise.edge.messages_answer import MessageFrames, WholeMessage
from rungwise.edge.messages_size import CHARS, tokens_of
from rungwise.edge.messages_wire import read_count, read_message

__all__ = ["MessagesRoutes"]


class MessagesRoutes:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def create(self, request: Request) -> Response:
        asked = await self._intake.read(request, read_message)
        return self._intake.answer(
            request,
            asked.chat,
            asked.name,
            frames=partial(MessageFrames, asked.name.id),
            whole=partial(WholeMessage, asked.name.id),
            failed=fault_event,
        )

    async def count_tokens(self, request: Request) -> Response:
        """Which model will read it is not known yet, so this is an estimate, and says so."""
        asked = await self._intake.read(request, read_count)
        own = {"estimated": True, "how": f"a token for each {CHARS:g} characters"}
        return JSONResponse({"input_tokens": tokens_of(asked.chat), "rungwise": own})
