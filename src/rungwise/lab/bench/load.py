"""How fast does an OpenAI-compatible server answer? Closed-loop load on loopback, bounded."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Asked", "Round", "ask", "interval_of_ratio", "load"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of load. Times in seconds; `first_s` is to the first byte of the answer's text."""

    seconds: float
    requests: int
    tokens: int
    latencies_s: tuple[float, ...]
    first_s: tuple[float, ...]

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
    latencies: list[float] = []
    firsts: list[float] = []
    tokens = 0

    async def worker() -> None:
        nonlocal tokens
        reader, writer = await asyncio.open_connection(host, port)
        try:
            for i in waiting:
                begin = time.perf_counter()
                writer.write(_request(host, port, bodies[i % len(bodies)], key))
                first, count = await _answer(reader)
                latencies.append(time.perf_counter() - begin)
                firsts.append(first - begin)
                tokens += count
        finally:
            writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return Round(
        seconds=time.perf_counter() - start,
        requests=requests,
        tokens=tokens,
        latencies_s=tuple(latencies),
        first_s=tuple(firsts),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request and what came of it. Times in seconds; for a status other than 200 they are
    those of its headers."""

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
            first, _ = await _body(reader, head.lower())
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


async def _answer(reader: asyncio.StreamReader) -> tuple[float, int]:
    """When the first byte of the body came, and how many tokens the usage block counts."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
        raise RuntimeError(f"the server answered {head.splitlines()[0].decode()}")
    return await _body(reader, head)


async def _body(reader: asyncio.StreamReader, head: bytes) -> tuple[float, int]:
    if b"transfer-encoding: chunked" in head:
        return await _chunked(reader)
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-len")
    )
    body = await reader.readexactly(length)
    return time.perf_counter(), int(json.loads(body)["usage"]["completion_tokens"])


async def _chunked(reader: asyncio.StreamReader) -> tuple[float, int]:
    first, tail = 0.0, b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        chunk = await reader.readexactly(size + 2)
        first = first or time.perf_counter()
        if size == 0:
            break
        tail = (tail + chunk[:-2])[-4000:]
    if b"[DONE]" not in tail:
        raise RuntimeError(f"a stream ended without [DONE]: {tail[-200:].decode(errors='replace')}")
    events = [line[6:] for line in tail.splitlines() if line.startswith(b"data: {")]
    usage = json.loads(events[-1]).get("usage") or {}
    return first, int(usage.get("completion_tokens", 0))


def interval_of_ratio(
    ours: Sequence[float], theirs: Sequence[float], seed: int = 0
) -> tuple[float, float, float]:
    """The median of the paired ratios and its 95 % bootstrap interval over rounds."""
    ratios = np.array(ours) / np.array(theirs)
    rng = np.random.default_rng(seed)
    medians = np.median(rng.choice(ratios, size=(2000, len(ratios))), axis=1)
    low, high = np.quantile(medians, (0.025, 0.975))
    return float(np.median(ratios)), float(low), float(high)
