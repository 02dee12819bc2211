"""What of bodies that are too large, too slow, or never whole?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from rungwise.edge.body import BodyLimits, ClientGone, read_body
from rungwise.edge.refusals import SlowBody
from rungwise.errors import TooLarge
from tests.edge.doubles import ASK, ScriptedCascade, app, serving

pytestmark = pytest.mark.anyio

JSON = {"content-type": "application/json"}
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\n"


def part(body: bytes, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


async def read(*messages: dict[str, Any], length: str | None = None, stall_s: float = 5) -> bytes:
    queue = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(queue, None)
        return message if message is not None else await asyncio.Event().wait()  # type: ignore[return-value]

    headers = {} if length is None else {"content-length": length}
    return await read_body(headers, receive, BodyLimits(most_bytes=10, stall_s=stall_s))


async def test_parts_make_a_body() -> None:
    assert await read(part(b"abc", more=False)) == b"abc"
    assert await read(part(b"ab"), part(b""), part(b"c", more=False)) == b"abc"
    assert await read(part(b"0123456789", more=False), length="10") == b"0123456789"


@pytest.mark.parametrize("length", ["11", "9" * 400])
async def test_a_length_over_the_limit_is_refused_without_reading(length: str) -> None:
    with pytest.raises(TooLarge):
        await read(length=length)


@pytest.mark.parametrize("length", [None, "3", "-1", "abc", ""])
async def test_more_than_was_told_is_refused_too(length: str | None) -> None:
    with pytest.raises(TooLarge):
        await read(part(b"01234"), part(b"012345"), length=length)


@pytest.mark.parametrize("parts", [(), (part(b"a"),), (part(b"a"), part(b"b"))])
async def test_a_body_that_stops_arriving_is_given_up(parts: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(SlowBody):
        await read(*parts, stall_s=0.02)


async def test_dripping_does_not_help() -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.01)
        return part(b"a")

    start = time.monotonic()
    with pytest.raises(SlowBody):
        await read_body({}, receive, BodyLimits(most_bytes=10_000, stall_s=0.1))
    assert time.monotonic() - start < 1


async def test_a_client_that_goes_away_is_not_answered() -> None:
    with pytest.raises(ClientGone):
        await read(part(b"a"), {"type": "http.disconnect"})


# ---- on a real server ------------------------------------------------------------------------


async def answered(port: int, *sent: bytes) -> tuple[bytes, dict[str, Any]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for data in sent:
        writer.write(data)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 2)
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = json.loads(await reader.readexactly(size))
    writer.close()
    return head, body["error"]


async def test_a_declared_length_over_the_limit_is_refused_before_the_body() -> None:
    async with serving(app(max_body_mib=1)) as port:
        head, error = await answered(port, HEAD + b"content-length: 31457280\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 413") and error["code"] == "request_too_large"


async def test_a_chunked_body_over_the_limit_is_refused() -> None:
    async with serving(app(max_body_mib=0.001)) as port:
        chunk = b"400\r\n" + b"x" * 0x400 + b"\r\n"
        head, error = await answered(port, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk * 2)
    assert head.startswith(b"HTTP/1.1 413") and error["code"] == "request_too_large"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_client_that_sends_30_mb_gets_its_413_and_the_server_goes_on(
    chunked: bool,
) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b"x" * 2**20

    async with (
        serving(app(max_body_mib=20)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        content = parts() if chunked else b"x" * (30 * 2**20)
        told = await http.post("/v1/chat/completions", content=content, headers=JSON)
        assert told.status_code == 413
        assert (await http.post("/v1/chat/completions", json=ASK)).status_code == 200


async def test_a_30_mb_body_within_the_limit_is_answered() -> None:
    cascade = ScriptedCascade()
    asking = {**ASK, "messages": [{"role": "user", "content": "x" * (30 * 2**20)}]}
    async with (
        serving(app(cascade, max_body_mib=40)) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http,
    ):
        assert (await http.post("/v1/chat/completions", json=asking)).status_code == 200
    assert len(cascade.chats[0].messages[0].text) == 30 * 2**20


@pytest.mark.parametrize("sent", [b"", b'{"model"'])
async def test_half_a_body_is_given_up_and_the_connection_closed(sent: bytes) -> None:
    async with serving(app(body_stall_s=0.05)) as port:
        head, error = await answered(port, HEAD + b"content-length: 100\r\n\r\n", sent)
    assert head.startswith(b"HTTP/1.1 408") and error["code"] == "request_timeout"
    assert b"connection: close" in head


async def test_a_client_that_leaves_with_half_a_body_troubles_no_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(app()) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD + b"content-length: 100\r\n\r\nabc")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            assert (await http.post("/v1/chat/completions", json=ASK)).status_code == 200
    assert "Exception" not in caplog.text
