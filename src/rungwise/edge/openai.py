"""Which routes speak OpenAI's protocol? Chat completions and models."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.edge.intake import Intake
from rungwise.edge.names import Name, Names
from rungwise.edge.openai_answer import ChunkFrames, WholeBody
from rungwise.edge.openai_wire import read_chat
from rungwise.types import Json, JsonObject

__all__ = ["OpenAIRoutes"]


class OpenAIRoutes:
    def __init__(
        self, intake: Intake, names: Names, *, unix: Callable[[], float] = time.time
    ) -> None:
        self._intake, self._names, self._unix = intake, names, unix
        self._since = int(unix())

    async def chat_completions(self, request: Request) -> Response:
        asked = await self._intake.read(request, read_chat)
        sampling, created = asked.chat.sampling, int(self._unix())

        def frames() -> ChunkFrames:
            return ChunkFrames(choices=sampling.n, show_usage=asked.show_usage, created=created)

        def whole() -> WholeBody:
            show = sampling.top_logprobs is not None
            return WholeBody(choices=sampling.n, show_logprobs=show, created=created)

        return self._intake.answer(request, asked.chat, asked.name, frames=frames, whole=whole)

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
