"""How does the stand-in take a request and give an answer, whichever wire it came over?"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from rungwise.contracts import Drafting, Tier
from rungwise.errors import TierError
from rungwise.types import Chat, Done, Piece

__all__ = ["Fault", "Spoken", "Wire", "endpoint", "frame"]

KEY_PREFIX = "standin-"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in no protocol yet."""

    status: int
    message: str
    too_long: bool = False


class Spoken(Protocol):
    """One answer being said in a protocol."""

    def start(self, done: Done) -> Iterable[bytes]: ...

    def piece(self, piece: Piece) -> Iterable[bytes]: ...

    def end(self, done: Done) -> Iterable[bytes]: ...

    def whole(self, pieces: Iterable[Piece], done: Done) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol: body -> Chat (raises KeyError, TypeError, ValueError), answer, error body."""

    read: Callable[[Body], Chat]
    speak: Callable[[Body], Spoken]
    error: Callable[[Fault], dict[str, Any]]
    error_event: str | None = None


def frame(data: Mapping[str, Any], event: str | None = None) -> bytes:
    head = f"event: {event}\n" if event is not None else ""
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


def endpoint(wire: Wire, tier: Tier) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if not _known(request):
            return _refuse(wire, Fault(401, "no such key: the stand-in takes any standin-..."))
        try:
            body = await request.json()
            chat, spoken = wire.read(body), wire.speak(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _refuse(wire, Fault(400, f"not a request ({type(error).__name__}: {error})"))
        drafting = tier.draft(chat, read=False)
        try:
            if not chat.stream:
                async with aclosing(drafting):
                    pieces = [piece async for piece in drafting]
                return JSONResponse(spoken.whole(pieces, drafting.spent()))
            first = await anext(drafting)  # so that a refused request has its status
        except TierError as error:
            return _refuse(wire, _fault(error))
        frames = _frames(wire, spoken, drafting, first)
        return StreamingResponse(frames, media_type="text/event-stream")

    return answer


async def _frames(
    wire: Wire, spoken: Spoken, drafting: Drafting, first: Piece
) -> AsyncIterator[bytes]:
    async with aclosing(drafting):
        try:
            for said in (*spoken.start(drafting.spent()), *spoken.piece(first)):
                yield said
            async for piece in drafting:
                for said in spoken.piece(piece):
                    yield said
            for said in spoken.end(drafting.spent()):
                yield said
        except TierError as error:
            yield frame(wire.error(_fault(error)), wire.error_event)


def _known(request: Request) -> bool:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    return (request.headers.get("x-api-key") or bearer).startswith(KEY_PREFIX)


def _refuse(wire: Wire, fault: Fault) -> Response:
    return JSONResponse(wire.error(fault), status_code=fault.status)


def _fault(error: TierError) -> Fault:
    if error.caller_fault:
        return Fault(400, error.message, error.fault == "too_long")
    return Fault(503 if error.fault in ("overloaded", "unavailable") else 500, error.message)
