"""What if the hosted API misbehaves? A raw HTTP server on loopback that does as it is told."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Request:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """One answer. `body` in parts is one chunk per part.

    `framing`: "chunked" tells its end; "close" ends with the connection, so that a cut looks like
    an end. `then`: "end" ends in order, "cut" closes without the last chunk, "reset" sends a RST,
    "hang" keeps the connection open until the client goes.
    """

    body: bytes | tuple[bytes, ...] = b""
    status: int = 200
    type: str | None = "text/event-stream; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    framing: Literal["chunked", "close"] = "chunked"
    then: Literal["end", "cut", "reset", "hang"] = "end"
    silent: bool = False
    """Never a byte, not even a status line; then it waits for the client to go, or does as `then`
    says."""
    drip_s: float = 0.0
    """Waited before each part."""
    until: asyncio.Event | None = None
    """Waited for before the last part."""


class Upstream:
    """Gives its answers in order, the last one again and again; a function makes one of each
    request."""

    def __init__(self, *answers: Answer | Callable[[Request], Answer]) -> None:
        self.answers = list(answers)
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        """Set once a request has come in."""
        self.gone = asyncio.Event()
        """Set once a client has closed a connection on which an answer was open."""
        self.connections = 0
        self.open = self.most_open = 0
        """Answers that are being given, now and at most."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.requests.append(await _read_request(reader))
        self.asked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not isinstance(answer, Answer):
            answer = answer(self.requests[-1])
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            if not answer.silent:
                await _write(writer, answer)
            if answer.then == "hang" or (answer.silent and answer.then == "end"):
                await reader.read()
                self.gone.set()
        finally:
            self.open -= 1
        if answer.then == "reset":
            _reset(writer)
        return answer.then == "end" and answer.framing == "chunked" and not answer.silent


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(first.split()[1], headers, json.loads(body) if body else None)


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = dict(answer.headers)
    if answer.type is not None:
        headers["content-type"] = answer.type
    if answer.framing == "chunked":
        headers["transfer-encoding"] = "chunked"
    else:
        headers["connection"] = "close"
    lines = [f"HTTP/1.1 {answer.status} X", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    parts = (answer.body,) if isinstance(answer.body, bytes) else answer.body
    for left, part in zip(range(len(parts) - 1, -1, -1), parts, strict=True):
        if answer.drip_s:
            await asyncio.sleep(answer.drip_s)
        if answer.until is not None and not left:
            await answer.until.wait()
        if part:
            chunk = b"%x\r\n%b\r\n" % (len(part), part)
            writer.write(chunk if answer.framing == "chunked" else part)
            await writer.drain()
    if answer.framing == "chunked" and answer.then == "end":
        writer.write(b"0\r\n\r\n")
    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def refused_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@contextmanager
def deaf_url() -> Iterator[str]:
    """An address where nobody answers: its queue of connections is full, and nobody takes any."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            caller = stack.enter_context(socket.socket())
            caller.settimeout(0.05)
            try:
                caller.connect(listener.getsockname())
            except TimeoutError:
                break
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def openai_stream(*chunks: dict[str, Any], done: bool = True) -> bytes:
    """Chat Completions chunks as bytes; each needs only what it is about."""
    frame = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-2026"}
    events = [b"data: %b\n\n" % _json({"choices": [], **frame, **chunk}) for chunk in chunks]
    return b"".join([*events, b"data: [DONE]\n\n"] if done else events)


def openai_delta(
    content: str | None = None, *, index: int = 0, finish: str | None = None, **more: Any
) -> dict[str, Any]:
    logprobs = more.pop("logprobs", None)
    delta = {**({"content": content} if content is not None else {}), **more}
    choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": logprobs}
    return {"choices": [choice]}


def anthropic_stream(*events: dict[str, Any]) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), _json(e)) for e in events)


def anthropic_start(**usage: Any) -> dict[str, Any]:
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m-2026", "content": []}
    return {"type": "message_start", "message": {**message, "usage": usage}}


def anthropic_block(
    index: int, block: dict[str, Any], *deltas: dict[str, Any]
) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": block},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def anthropic_end(reason: str, *, details: Any = None, **usage: Any) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None, "stop_details": details}
    return [
        {"type": "message_delta", "delta": delta, "usage": usage},
        {"type": "message_stop"},
    ]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
