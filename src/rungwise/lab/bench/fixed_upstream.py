"""What does a hosted API cost that answers at once, always the same? One for measuring a gateway.

`python -m rungwise.lab.bench.fixed_upstream --port PORT` speaks OpenAI's Chat Completions on
loopback, with keep-alive: a stream where the body asks for one, else JSON. A GET answers 200. It
reads no more of a request than it must, so that what is measured is whoever stands before it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
from collections.abc import Sequence

__all__ = ["FixedUpstream", "main", "serve_fixed"]

TOKENS = 16
"""A short step's answer; a stream sends each in an event of its own."""
MODEL = "fixed"

_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"
_STREAM = (b'"stream":true', b'"stream": true')


class FixedUpstream(asyncio.Protocol):
    """One connection."""

    def __init__(self, tokens: int = TOKENS) -> None:
        self._waiting = b""
        self._whole, self._streamed = _whole(tokens), _streamed(tokens)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (head := self._waiting.find(_HEAD)) >= 0:
            begin = head + len(_HEAD)
            end = begin + _length(self._waiting[:head].lower())
            if len(self._waiting) < end:
                return
            body, self._waiting = self._waiting[begin:end], self._waiting[end:]
            streams = any(mark in body for mark in _STREAM)
            self._transport.write(self._streamed if streams else self._whole)


def _length(head: bytes) -> int:
    _, found, rest = head.partition(_LENGTH)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def _whole(tokens: int) -> bytes:
    message = {"role": "assistant", "content": " word" * tokens, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    body = _json({**_about("chat.completion"), "choices": [choice], "usage": _usage(tokens)})
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )


def _streamed(tokens: int) -> bytes:
    deltas = [{"role": "assistant", "content": ""}, *[{"content": " word"}] * tokens]
    choices: list[list[object]] = [[_choice(delta, None)] for delta in deltas]
    chunks = [
        {**_about("chat.completion.chunk"), "choices": told, "usage": None}
        for told in (*choices, [_choice({}, "stop")])
    ]
    chunks.append(
        {**_about("chat.completion.chunk"), "choices": [], "usage": _usage(tokens)},
    )
    events = [b"data: %b\n\n" % _json(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    framed = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    return b"".join([head, *framed, b"0\r\n\r\n"])


def _choice(delta: dict[str, str], finish: str | None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _about(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-fixed", "object": kind, "created": 1767225600, "model": MODEL}


def _usage(tokens: int) -> dict[str, object]:
    return {
        "prompt_tokens": 20,
        "completion_tokens": tokens,
        "total_tokens": 20 + tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


async def serve_fixed(port: int, tokens: int = TOKENS) -> None:
    """Until SIGTERM or SIGINT."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await loop.create_server(lambda: FixedUpstream(tokens), "127.0.0.1", port)
    await stop.wait()
    server.close()


def main(arguments: Sequence[str] | None = None) -> None:
    import uvloop

    parser = argparse.ArgumentParser(prog="rungwise.lab.bench.fixed_upstream")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    given = parser.parse_args(arguments)
    uvloop.run(serve_fixed(given.port, given.tokens))


if __name__ == "__main__":
    main()
