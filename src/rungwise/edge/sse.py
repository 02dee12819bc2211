"""When may the first byte leave, and what if the client goes away?

An answer is followed in a task of its own while its connection is watched. Nothing is written
before the first event is known, so that status and headers are true; a client that goes away
cancels the task, which closes the cascade's generator and so stops the work on the device.

A stream that is held for longer than `heartbeat_s` opens with `: held` comments. Its headers then
name no tier or model (only the chunks do), and a failure can only be told in the stream.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rungwise.edge.faults import fault_of
from rungwise.edge.refusals import Stopping
from rungwise.types import Piece, Released, Settled

__all__ = ["Rendering", "StreamedAnswer", "WholeAnswer"]

logger = logging.getLogger(__name__)

HELD = ": held\n\n"
FULL = 256 * 1024
"""Characters that wait for a slow client before the answer waits too."""

STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Rendering(Protocol):
    def render(self, event: Released | Piece | Settled) -> str:
        """What the event adds to the body; may be nothing."""
        ...


class _Answer(Response, ABC):
    """An ASGI response that follows one answer to its end, or until the client is gone."""

    def __init__(
        self,
        events: AsyncGenerator[Released | Piece | Settled, None],
        rendering: Rendering,
        *,
        id: str,
    ) -> None:
        super().__init__()
        self._events, self._rendered, self._id = events, rendering.render, id
        self._loop = asyncio.get_running_loop()
        self._sleeper: asyncio.Future[None] | None = None
        self._room = asyncio.Event()
        self._ready: list[str] = []
        self._waiting = 0
        self._released: Released | None = None
        self._fault: Exception | None = None
        self._over = self._gone = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what the cascade raised, as long as no byte has left."""
        following = asyncio.create_task(self._follow())
        watching = asyncio.create_task(self._watch(receive))
        try:
            await self._write(send)
        except OSError as error:
            # also how servers other than uvicorn say that the client is gone
            if error is self._fault:
                raise
        finally:
            watching.cancel()  # it holds nothing, so nobody waits for its end
            if not following.done():
                following.cancel()
                await asyncio.wait((following,))
            if self._gone and self._fault is not None:
                logger.warning("%s: the client was gone, then: %s", self._id, self._fault)

    @abstractmethod
    async def _write(self, send: Send) -> None: ...

    async def _follow(self) -> None:
        settled = False
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    if isinstance(event, Released):
                        self._released = event
                    settled = isinstance(event, Settled)
                    self._put(self._rendered(event))
                    if self._waiting > FULL:
                        self._room.clear()
                        await self._room.wait()
            if not settled:
                raise RuntimeError("the answer ended before it was settled")
        except Exception as error:
            self._fault = error
        finally:
            self._over = True
            self._wake()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._wake()

    def _put(self, frame: str) -> None:
        if frame:
            self._ready.append(frame)
            self._waiting += len(frame)
            self._wake()

    def _wake(self) -> None:
        # a bare future: an asyncio.Event would cost a third of all there is to do for a token
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def _next(self) -> str:
        """What became ready since the last call, in one; at the end of the answer, nothing."""
        if not (self._ready or self._over or self._gone):
            self._sleeper = self._loop.create_future()
            await self._sleeper
        ready, self._ready = self._ready, []
        if self._waiting > FULL:
            self._room.set()
        self._waiting = 0
        return ready[0] if len(ready) == 1 else "".join(ready)

    def _names_of_rung(self) -> list[tuple[bytes, bytes]]:
        released = self._released
        if released is None:
            return []
        return [
            (b"x-rungwise-tier", _header(released.tier)),
            (b"x-rungwise-model", _header(released.model)),
            (b"x-rungwise-rungs-tried", str(released.rungs_tried).encode()),
            (b"x-rungwise-step-type", released.step_type.value.encode()),
        ]


class WholeAnswer(_Answer):
    """One body, once the answer is settled."""

    async def _write(self, send: Send) -> None:
        body = ""
        while not (self._over or self._gone):
            body += await self._next()
        if self._gone:
            return
        if self._fault is not None:
            raise self._fault
        content = body.encode()
        size = (b"content-length", str(len(content)).encode())
        headers = [(b"content-type", b"application/json"), size, *self._names_of_rung()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})


class StreamedAnswer(_Answer):
    """Server-sent events, as they become ready."""

    def __init__(
        self,
        events: AsyncGenerator[Released | Piece | Settled, None],
        rendering: Rendering,
        *,
        id: str,
        heartbeat_s: float,
        failed: Callable[[Exception, str], str] | None = None,
    ) -> None:
        """`failed` is how the protocol tells in the stream that it broke off: an OpenAI error
        without a name, where nothing else is given."""
        super().__init__(events, rendering, id=id)
        self._heartbeat_s, self._failed = heartbeat_s, failed or _failed
        self._started = False

    async def _write(self, send: Send) -> None:
        heart = _Heart(self._heartbeat_s, self._beat)
        try:
            await self._write_on(send)
        except asyncio.CancelledError:
            if not self._started:
                raise
            self._fault, self._over = Stopping(), True
            await self._write_on(send)
        finally:
            heart.stop()

    async def _write_on(self, send: Send) -> None:
        ended = False
        while not ended:
            frames = await self._next()
            if self._gone:
                return
            ended = self._over
            if self._fault is not None:
                if not self._started:
                    raise self._fault
                frames += self._failed(self._fault, self._id)
            if not self._started and frames:
                self._started = True
                headers = [*STREAM, *self._names_of_rung()]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
            if frames or ended:
                body = frames.encode()
                await send({"type": "http.response.body", "body": body, "more_body": not ended})

    def _beat(self) -> bool:
        """Say that the answer is held, and whether to say it again."""
        if self._released is None:
            self._put(HELD)
        return self._released is None


class _Heart:
    """Calls `beat` every so many seconds, until it says no."""

    def __init__(self, seconds: float, beat: Callable[[], bool]) -> None:
        self._seconds, self._beat = seconds, beat
        self._timer: asyncio.TimerHandle | None = None
        self._again()

    def _again(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._seconds, self._pulse)

    def _pulse(self) -> None:
        if self._beat():
            self._again()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _failed(error: Exception, id: str) -> str:
    return f"data: {fault_of(error, id).body}\n\n"


def _header(text: str) -> bytes:
    """A model's name may hold what a header may not."""
    return "".join(c if " " <= c <= "~" else "?" for c in text).encode()
