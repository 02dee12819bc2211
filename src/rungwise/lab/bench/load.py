"""How fast does an OpenAI-compatible server answer? Closed-loop load on loopback, bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rungwise.lab.bench.answers import Answered, read_answer, read_body

__all__ = ["Asked", "Round", "ask", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of load. Times in seconds; those of tokens and events are of streams only."""

    seconds: float
    requests: int
    tokens: int
    """Written by all answers."""
    prompt_tokens: int = 0
    """Read by all answers, those in the prefix cache included."""
    cached_tokens: int = 0
    """Of these, those in the prefix cache; 0 where the server does not tell."""
    latencies_s: tuple[float, ...]
    first_s: tuple[float, ...] = ()
    """To the first byte of each stream."""
    first_token_s: tuple[float, ...] = ()
    """To the first event of each answer that carried text."""
    events_s: tuple[float, ...] = ()
    """Between one event with text and the next of its answer, all answers together. An event may
    carry several tokens: a draft that was held is released in one."""
    tokens_s: tuple[float, ...] = ()
    """Of each answer: from its first event with text to its last, for each token but one. What was
    held shortens it: its tokens come all at once, and later."""

    @property
    def rps(self) -> float:
        return self.requests / self.seconds


async def load(
    host: str,
    port: int,
    bodies: Sequence[bytes],
    *,
    concurrency: int,
    requests: int,
    key: str | None = None,
) -> Round:
    """Send `requests` bodies to /v1/chat/completions, `concurrency` at a time, in turn; with an
    API key where one is asked for.

    Plain sockets with keep-alive, so that the client costs little beside the server. Raises
    RuntimeError for any status but 200: a broken server is not a fast one.
    """
    waiting = iter(range(requests))
    found: list[tuple[float, Answered]] = []

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            for i in waiting:
                begin = time.perf_counter()
                writer.write(_request(host, port, bodies[i % len(bodies)], key))
                found.append((begin, await read_answer(reader)))
        finally:
            writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return _round(time.perf_counter() - start, found)


def _round(seconds: float, found: Sequence[tuple[float, Answered]]) -> Round:
    streams = [(begin, one) for begin, one in found if one.texts]
    return Round(
        seconds=seconds,
        requests=len(found),
        tokens=sum(one.written for _, one in found),
        prompt_tokens=sum(one.prompt for _, one in found),
        cached_tokens=sum(one.cached for _, one in found),
        latencies_s=tuple(one.end - begin for begin, one in found),
        first_s=tuple(one.first - begin for begin, one in found if one.first is not None),
        first_token_s=tuple(one.texts[0] - begin for begin, one in streams),
        events_s=tuple(b - a for _, one in streams for a, b in pairwise(one.texts)),
        tokens_s=tuple(
            (one.texts[-1] - one.texts[0]) / (one.written - 1)
            for _, one in streams
            if one.written > 1
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request and what came of it. Times in seconds; for a status other than 200 they are
    those of its headers, and so is the first byte of what is no stream."""

    status: int
    headers: Mapping[str, str]
    first_s: float
    latency_s: float


async def ask(host: str, port: int, body: bytes) -> Asked:
    """Send one body, on a connection of its own."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        begin = time.perf_counter()
        writer.write(_request(host, port, body))
        head = await reader.readuntil(b"\r\n\r\n")
        first = time.perf_counter()
        status = int(head.split(b" ", 2)[1])
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        if status == 200:
            first = (await read_body(reader, head.lower())).first or first
        end = time.perf_counter()
    finally:
        writer.close()
    return Asked(status=status, headers=headers, first_s=first - begin, latency_s=end - begin)


def _request(host: str, port: int, body: bytes, key: str | None = None) -> bytes:
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        f"host: {host}:{port}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *([f"authorization: Bearer {key}"] if key else []),
    )
    return "\r\n".join((*lines, "", "")).encode() + body
