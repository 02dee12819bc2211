"""When did each part of an answer come, and how many tokens had it? Read as it comes."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Answered", "Unframed", "read_answer", "read_body"]

MOST = 2**16
"""Bytes of one read."""
_TEXT = re.compile(rb'"content":\s*"(?!")')
"""An event that carries text: neither the one with the role alone, nor the last ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Times are `time.perf_counter`'s, in seconds; tokens are the answer's own count of them."""

    first: float | None = None
    """Of a stream: its first byte. Others come as one, and have none that would tell anything."""
    end: float
    texts: tuple[float, ...] = ()
    """Of a stream: each event that carried text. Events that came in one read have one time."""
    written: int
    prompt: int
    cached: int
    """Of the prompt's tokens, in the prefix cache; 0 where the server does not tell."""


class Unframed:
    """The body of a chunked answer, as its bytes come (RFC 9112, 7.1; without trailers)."""

    def __init__(self) -> None:
        self.ended = False
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        self._pending += data
        found: list[bytes] = []
        while not self.ended and (line := self._pending.find(b"\r\n")) >= 0:
            begin = line + 2
            end = begin + int(self._pending[:line], 16)
            if len(self._pending) < end + 2:
                break
            found.append(self._pending[begin:end])
            self.ended = end == begin
            self._pending = self._pending[end + 2 :]
        return b"".join(found)


async def read_answer(reader: asyncio.StreamReader) -> Answered:
    """A whole answer. Raises RuntimeError for any status but 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        why = await reader.readexactly(_length(head) or 0)
        status = head.splitlines()[0].decode()
        raise RuntimeError(f"the server answered {status}: {why.decode(errors='replace'):.300}")
    return await read_body(reader, head)


async def read_body(reader: asyncio.StreamReader, head: bytes) -> Answered:
    """What comes after the headers, of which `head` is in lower case."""
    if b"transfer-encoding: chunked" in head:
        return await _stream(reader)
    length = _length(head)
    if length is None:
        raise RuntimeError("an answer of unknown length")
    body = await reader.readexactly(length)
    return _answered(body, end=time.perf_counter())


def _length(head: bytes) -> int | None:
    named = (line.split(b":") for line in head.split(b"\r\n"))
    return next((int(value[0]) for name, *value in named if name == b"content-length"), None)


async def _stream(reader: asyncio.StreamReader) -> Answered:
    framed, rest, first = Unframed(), b"", 0.0
    texts, last, done = list[float](), b"", False
    while not framed.ended:
        data = await reader.read(MOST)
        now = time.perf_counter()
        if not data:
            raise RuntimeError("a stream was cut off")
        first = first or now
        *events, rest = (rest + framed.feed(data)).split(b"\n\n")
        for event in events:
            if not event.startswith(b"data: {"):  # a heartbeat, or the end
                done = done or event.startswith(b"data: [DONE]")
                continue
            if event.startswith(b'data: {"error"'):
                raise RuntimeError(f"a stream broke off: {event.decode(errors='replace'):.300}")
            last = event
            if _TEXT.search(event):
                texts.append(now)
    if not done:
        raise RuntimeError(f"a stream ended without [DONE]: {last[-200:].decode(errors='replace')}")
    return _answered(last[len(b"data: ") :], first=first, end=now, texts=texts)


def _answered(
    told: bytes, *, end: float, first: float | None = None, texts: Sequence[float] = ()
) -> Answered:
    """`told` is JSON and holds the usage."""
    usage = json.loads(told).get("usage") or {}
    return Answered(
        first=first,
        end=end,
        texts=tuple(texts),
        written=int(usage.get("completion_tokens", 0)),
        prompt=int(usage.get("prompt_tokens", 0)),
        cached=int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0),
    )
