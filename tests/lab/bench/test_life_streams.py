"""Is a stream that was cut told from one that ended, whatever its server sent at the end?"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from rungwise.lab.bench.life_streams import Stream, get, post
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream, refused_url

pytestmark = pytest.mark.anyio

OWN = "m-2026"
HALF = openai_stream(openai_delta("half "), openai_delta("an "), done=False)
DONE = b"data: [DONE]\n\n"
FAULT = b'data: {"error":{"message":"gone","type":"server_error","code":"unavailable"}}\n\n'


def ended(reason: str) -> bytes:
    return HALF + openai_stream(openai_delta("answer", finish=reason))


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def openai_delta_event(text: str) -> bytes:
    return openai_stream(openai_delta(text), done=False).strip()


async def seen(answer: Answer, own: str = OWN) -> Stream:
    stream = Stream(own=own)
    async with Upstream(answer) as upstream:
        await stream.follow(port_of(upstream.url), {"stream": True})
    return stream


@pytest.mark.parametrize(
    ("answer", "saw", "told", "tokens"),
    [
        (Answer(ended("length")), "a whole answer", "length", 3),
        (Answer(ended("abort")), "cut, and yet [DONE]", "abort", 3),
        (Answer(HALF + DONE), "cut, and yet [DONE]", None, 2),
        (Answer(HALF + FAULT), "a typed error", "unavailable", 2),
        (Answer(HALF + FAULT + DONE), "a typed error, then [DONE]", "unavailable", 2),
        (Answer(HALF, then="cut"), "cut without a word", None, 2),
        (Answer(HALF, then="reset"), "cut without a word", None, 2),
        (Answer(HALF), "cut without a word", None, 2),
        (Answer(silent=True, then="cut"), "no answer", None, 0),
        (Answer(b": held\n\n" + FAULT), "a typed error", "unavailable", 0),
    ],
)
async def test_what_is_seen_of_an_end(answer: Answer, saw: str, told: object, tokens: int) -> None:
    stream = await seen(answer)
    assert (stream.saw, stream.told, stream.tokens) == (saw, told, tokens)
    assert stream.begun.is_set() and stream.ended > 0


async def test_a_stream_is_under_way_once_enough_has_come_or_it_says_that_it_is_held() -> None:
    stream = Stream(own=OWN, enough=3)
    stream._event(openai_delta_event("one"))
    stream._event(openai_delta_event("two"))
    assert not stream.begun.is_set()
    stream._event(openai_delta_event("three"))
    assert stream.begun.is_set()
    held = Stream(own=OWN, enough=3)
    held._event(b": held")
    assert held.begun.is_set()


async def test_a_whole_answer_of_another_model_is_the_next_rungs() -> None:
    assert (await seen(Answer(ended("stop")), own="mine")).saw == "a whole answer of the next rung"


async def test_a_refusal_in_json_is_a_typed_error() -> None:
    body = FAULT.removeprefix(b"data: ").strip()
    stream = await seen(Answer(body, status=503, type="application/json", framing="close"))
    assert (stream.status, stream.saw, stream.told) == (503, "a typed error", "unavailable")


async def test_where_nobody_listens_there_is_no_answer() -> None:
    port = port_of(refused_url())
    stream = Stream(own=OWN)
    await stream.follow(port, {})
    assert stream.saw == "no answer"
    assert await get(port, "/readyz") == await post(port, {}) == (None, None)


async def test_a_whole_answer_comes_with_its_status() -> None:
    told: Any = {"model": OWN}
    answer = Answer(json.dumps(told).encode(), type="application/json", framing="close")
    async with Upstream(answer) as upstream:
        assert await post(port_of(upstream.url), {"stream": False}) == (200, told)
        assert await get(port_of(upstream.url), "/health") == (200, told)


async def test_a_stream_that_has_no_end_is_left() -> None:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        event = openai_delta_event("one") + b"\n\n"
        writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay, "127.0.0.1", 0)
    stream = Stream(own=OWN)
    following = asyncio.create_task(stream.follow(server.sockets[0].getsockname()[1], {}))
    await stream.begun.wait()
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert (stream.saw, stream.tokens) == ("nothing more, and no end", 1) and stream.ended > 0
    server.close()
    await server.wait_closed()
