"""How much may come before a request is known, and from how many at once?"""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack, suppress

import pytest

from tests.edge.doubles import ASK, ScriptedCascade, app, serving

pytestmark = pytest.mark.anyio

BODY = json.dumps(ASK).encode()
JSON = b"content-type: application/json\r\n"
ASKED = b"POST /v1/chat/completions HTTP/1.1\r\n%bcontent-length: %d\r\n\r\n%b"
WHOLE = ASKED % (JSON, len(BODY), BODY)
HEALTH = b"GET /healthz HTTP/1.1\r\n\r\n"
KIB = 1024


async def said(port: int, *parts: bytes) -> bytes:
    """Everything the server says to these bytes until it closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = asyncio.create_task(to_the_end(reader))
    with suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.001)
    told = await heard
    writer.close()
    return told


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    told = b""
    with suppress(ConnectionError):
        while more := await reader.read(65536):
            told += more
    return told


def fault(told: bytes) -> tuple[int, str]:
    head, body = told.split(b"\r\n\r\n")
    assert b"connection: close" in head and b"content-type: application/json" in head
    return int(head.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET /healthz HTTP/1.1\r\nx: ", *[b"a" * KIB] * 80],
        [b"GET /healthz HTTP/1.1\r\n", *[b"a" * KIB] * 80],
        [b"GET /healthz HTTP/1.1\r\n", *[b"x: " + b"a" * KIB + b"\r\n"] * 80],
        [b"GET /healthz HTTP/1.1\r\n", b"x:\r\n" * 2000, b"\r\n"],
        [b"GET /", *[b"a" * KIB] * 80],
        [b"GET /healthz HTTP/1.1\r\nx: " + b"a" * 70 * KIB + b"\r\n\r\n"],
    ],
    ids=["value", "name", "headers", "many", "address", "at once"],
)
async def test_a_head_without_end_is_refused(parts: list[bytes]) -> None:
    async with serving(app()) as port:
        assert fault(await said(port, *parts)) == (431, "head_too_large")


async def test_a_trailer_without_end_closes_the_connection() -> None:
    chunked = JSON + b"transfer-encoding: chunked\r\n"
    begun = b"POST /v1/chat/completions HTTP/1.1\r\n" + chunked + b"\r\n1\r\n{\r\n0\r\n"
    async with serving(app(ScriptedCascade([asyncio.Event()]))) as port:
        assert b"200" not in await said(port, begun, *[b"x: " + b"a" * KIB + b"\r\n"] * 80)
        assert b"200" not in await said(port, begun, b"x: ", *[b"a" * KIB] * 80)


@pytest.mark.parametrize(
    "begun", [b"", b"\r\n", b"G", b"GET /healthz HTTP/1.1\r\nx: y\r\n"], ids=repr
)
async def test_a_head_that_is_not_whole_in_time_is_refused(begun: bytes) -> None:
    async with serving(app(), head_s=0.05) as port:
        assert fault(await said(port, begun)) == (408, "request_timeout")


async def test_so_is_the_head_of_a_later_request() -> None:
    async with serving(app(), head_s=0.05) as port:
        told = await said(port, HEALTH, b"GET /healthz HTTP/1.1\r\nx: y\r\n")
    first, second = told.split(b'{"alive":true}')
    assert b" 200 " in first and fault(second) == (408, "request_timeout")


async def test_an_answer_may_take_longer_than_a_head() -> None:
    go = asyncio.Event()
    async with serving(app(ScriptedCascade([go, *ScriptedCascade().steps])), head_s=0.05) as port:
        asyncio.get_running_loop().call_later(0.15, go.set)
        told = await said(port, WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
    assert b" 200 " in told and b"hello" in told


async def test_what_is_not_http_is_told_so_in_our_shape() -> None:
    async with serving(app()) as port:
        assert fault(await said(port, b"\x16\x03\x01 hello\r\n\r\n")) == (400, "not_http")


async def test_requests_ahead_of_their_answers_are_bounded() -> None:
    async with serving(app(ScriptedCascade([asyncio.Event()])), waiting=3) as port:
        assert await said(port, WHOLE + HEALTH * 5) == b""


async def test_a_connection_is_closed_once_it_was_idle_for_so_long() -> None:
    async with serving(app(), idle_s=0.05) as port, asyncio.timeout(3):  # uvicorn's own is 5
        assert (await said(port, HEALTH)).endswith(b'{"alive":true}')


async def test_a_connection_may_be_idle_for_longer_than_clients_keep_theirs() -> None:
    async with serving(app()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for pause_s in (0.0, 5.5):  # an SDK's is 5
            await asyncio.sleep(pause_s)
            writer.write(HEALTH)
            assert await reader.readuntil(b'{"alive":true}')
        writer.close()


async def test_an_idle_connection_makes_room_the_longest_idle_one_first() -> None:
    async with serving(app(), connections=2) as port, AsyncExitStack() as stack:
        kept = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(HEALTH)
            await reader.readuntil(b'{"alive":true}')
            kept.append((reader, writer))
        (first, _), (second, writer) = kept
        third = WHOLE.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
        assert b" 200 " in await said(port, third)
        assert await first.read() == b""
        writer.write(HEALTH)
        assert await second.readuntil(b'{"alive":true}')


async def test_one_connection_too_many_is_told_to_come_again() -> None:
    cascade = ScriptedCascade()
    async with serving(app(cascade), connections=2) as port, AsyncExitStack() as stack:
        for _ in range(2):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
        told = await said(port, WHOLE)
        assert fault(told) == (503, "too_many_connections")
        assert b"retry-after: 1\r\n" in told
        assert b'{"alive":true}' in await said(
            port, HEALTH.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
        )
    assert not cascade.chats
