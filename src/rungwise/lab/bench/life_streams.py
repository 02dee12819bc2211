"""What does the caller of a stream see when its server, or the engine behind it, ends?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rungwise.lab.bench.answers import MOST, Unframed

__all__ = ["Stream", "get", "post"]

WHOLE = ("stop", "length")
"""Why an answer ends that is whole; vLLM calls one that was cut `abort`."""


@dataclass(slots=True, kw_only=True)
class Stream:
    """One streamed answer in OpenAI's protocol, as it comes. `own` is the model that is asked: a
    whole answer by another one is the next rung's."""

    own: str
    held: bool = False
    enough: int = 1
    """Tokens after which it is under way."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """It is under way: enough has come, or a comment that it is held; or it has ended."""
    status: int | None = None
    tokens: int = 0
    """Events that carried text."""
    ended: float = 0.0
    """By `time.perf_counter`."""
    _model: str = ""
    _finish: str | None = None
    _fault: Mapping[str, Any] | None = None
    _done: bool = False
    _left: bool = False

    @property
    def saw(self) -> str:
        """In a few words."""
        if self._left:
            return "nothing more, and no end"
        if self._fault is not None:
            return "a typed error" + (", then [DONE]" if self._done else "")
        if self.status != 200:
            return "no answer" if self.status is None else f"status {self.status}"
        if not self._done:
            return "cut without a word"
        if self._finish not in WHOLE:
            return "cut, and yet [DONE]"
        return "a whole answer" + ("" if self._model == self.own else " of the next rung")

    @property
    def told(self) -> object:
        """What the error calls itself, or why the answer ended."""
        if self._fault is None:
            return self._finish
        return self._fault.get("code") or self._fault.get("type")

    async def follow(self, port: int, body: Mapping[str, object]) -> None:
        """To its end, whatever that is, or until it is cancelled."""
        try:
            reader, writer = await _asked(port, body)
            try:
                await self._read(reader)
            finally:
                writer.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the connection ended: what it told until then counts
        except asyncio.CancelledError:
            self._left = True
            raise
        finally:
            self.ended = time.perf_counter()
            self.begun.set()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.status = _status(head)
        if b"transfer-encoding: chunked" not in head.lower():
            self._event(b"data: " + await reader.read())
            return
        framed, rest = Unframed(), b""
        while not framed.ended and (data := await reader.read(MOST)):
            *events, rest = (rest + framed.feed(data)).split(b"\n\n")
            for event in events:
                self._event(event)

    def _event(self, event: bytes) -> None:
        if not event.startswith(b"data: "):
            self.begun.set()
            return
        if event.startswith(b"data: [DONE]"):
            self._done = True
            return
        told = json.loads(event[len(b"data: ") :])
        if "error" in told:
            self._fault = told["error"]
            return
        self._model = told.get("model") or self._model
        for choice in told.get("choices", ()):
            self.tokens += bool(choice["delta"].get("content"))
            self._finish = choice.get("finish_reason") or self._finish
        if self.tokens >= self.enough:
            self.begun.set()


async def post(port: int, body: Mapping[str, object]) -> tuple[int | None, Any]:
    """Status and JSON of an answer that is not streamed; None where none came."""
    return await _whole(port, body)


async def get(port: int, path: str) -> tuple[int | None, Any]:
    """Status and JSON; None where there is no answer, or it is none."""
    return await _whole(port, None, path)


async def _whole(
    port: int, body: Mapping[str, object] | None, path: str = ""
) -> tuple[int | None, Any]:
    try:
        reader, writer = await _asked(port, body, path)
        try:
            async with asyncio.timeout(30):
                head = await reader.readuntil(b"\r\n\r\n")
                told = await reader.read()
        finally:
            writer.close()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return None, None
    return _status(head), _json(told)


async def _asked(
    port: int, body: Mapping[str, object] | None, path: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    content = b"" if body is None else json.dumps(body).encode()
    lines = (
        f"GET {path} HTTP/1.1" if body is None else "POST /v1/chat/completions HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "connection: close",
        "content-type: application/json",
        f"content-length: {len(content)}",
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join((*lines, "", "")).encode() + content)
    return reader, writer


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


def _json(told: bytes) -> Any:
    try:
        return json.loads(told)
    except ValueError:
        return None
