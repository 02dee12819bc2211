"""When does the first byte leave, how does a stream end, and what if the client goes away?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import openai
import pytest

from rungwise.edge.openai_answer import ChunkFrames
from rungwise.edge.sse import FULL, StreamedAnswer
from rungwise.errors import LadderExhausted, StoreError, TierError
from rungwise.types import Piece, Released, Settled
from tests.edge.doubles import (
    ASK,
    HELLO,
    SETTLED,
    ScriptedCascade,
    answer,
    app,
    client,
    released,
    serving,
)

pytestmark = pytest.mark.anyio

CHAT = "/v1/chat/completions"
STREAM = {**ASK, "stream": True}
BROKEN = TierError("tier1", "broken", "half a stream")


def request(body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    kind, size = "content-type: application/json", f"content-length: {len(content)}"
    head = f"POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{kind}\r\n{size}\r\n\r\n"
    return head.encode() + content


async def test_a_stream_with_its_headers() -> None:
    async with client(app()) as http:
        told = await http.post(CHAT, json=STREAM)
    assert told.status_code == 200
    assert told.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert told.headers["cache-control"] == "no-cache"
    assert told.headers["x-request-id"] == "req_1"
    assert told.headers["x-rungwise-tier"] == "tier1"
    assert told.headers["x-rungwise-model"] == "demo-bottom"
    assert told.headers["x-rungwise-rungs-tried"] == "1"
    assert told.headers["x-rungwise-step-type"] == "open_chat"
    assert told.text.endswith("data: [DONE]\n\n") and told.text.count("[DONE]") == 1


async def test_a_model_name_that_fits_no_header_is_made_to_fit() -> None:
    cascade = ScriptedCascade([released(model="a\r\nb: é"), Piece(finish="stop"), SETTLED])
    async with client(app(cascade)) as http:
        assert (await http.post(CHAT, json=ASK)).headers["x-rungwise-model"] == "a??b: ?"


@pytest.mark.parametrize("error", [BROKEN, StoreError("disk full"), OSError("odd")])
async def test_a_stream_that_broke_off_says_so_and_has_no_done(error: Exception) -> None:
    go = asyncio.Event()
    cascade = ScriptedCascade([*HELLO[:2], go, error])
    async with serving(app(cascade)) as port:
        async with openai.AsyncOpenAI(
            base_url=f"http://127.0.0.1:{port}/v1", api_key="x", max_retries=0
        ) as sdk:
            chunks = await sdk.chat.completions.create(**ASK, stream=True)
            seen = []
            with pytest.raises(openai.APIError):
                async for chunk in chunks:
                    seen.append(chunk.choices[0].delta.content)
                    go.set()
        assert seen == ["", "hel"]
        again = ScriptedCascade([*HELLO[:2], go, error])
    assert cascade.closed.is_set()
    async with client(app(again, heartbeat_s=60)) as http:
        go.clear()
        task = asyncio.create_task(http.post(CHAT, json=STREAM))
        await again.begun.wait()
        asyncio.get_running_loop().call_later(0.02, go.set)
        told = (await task).text
    *_, last, end = told.split("\n\n")
    assert end == "" and set(json.loads(last.removeprefix("data: "))) == {"error"}
    assert "[DONE]" not in told and '"finish_reason":"stop"' not in told


@pytest.mark.parametrize("usage", [False, True])
async def test_a_finish_that_waits_is_not_told_when_the_answer_fails(usage: bool) -> None:
    go = asyncio.Event()
    cascade = ScriptedCascade([*HELLO[:-1], go, StoreError("disk full")])
    asked = {**STREAM, "stream_options": {"include_usage": usage}}
    async with client(app(cascade)) as http:
        asyncio.get_running_loop().call_later(0.02, go.set)
        told = (await http.post(CHAT, json=asked)).text
    assert '"finish_reason":"stop"' not in told and "[DONE]" not in told
    assert '"code":"store_error"' in told


async def test_the_official_client_reads_a_stream() -> None:
    async with (
        serving(app(ScriptedCascade(answer(*(Piece(f"{i} ") for i in range(200)))))) as port,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x") as sdk,
    ):
        chunks = [
            chunk
            async for chunk in await sdk.chat.completions.create(
                **ASK, stream=True, n=2, stream_options={"include_usage": True}
            )
        ]
    texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].index == 0]
    assert "".join(t or "" for t in texts) == "".join(f"{i} " for i in range(200))
    assert sum(bool(c.choices and c.choices[0].finish_reason) for c in chunks) == 2
    last = chunks[-1]
    assert last.usage is not None and last.usage.total_tokens == 17
    assert last.model_extra is not None and last.model_extra["rungwise"]["tier"] == "tier1"
    assert {(c.id, c.created, c.model) for c in chunks} == {("req_1", 1700000000, "demo-bottom")}


# ---- held ------------------------------------------------------------------------------------


async def test_nothing_leaves_before_the_release() -> None:
    go = asyncio.Event()
    async with serving(app(cascade := ScriptedCascade([go, *HELLO]))) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(STREAM))
        await cascade.begun.wait()
        first = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        done, _ = await asyncio.wait({first}, timeout=0.05)
        assert not done
        go.set()
        assert b"x-rungwise-tier: tier1" in await first
        assert (await reader.readuntil(b"[DONE]")).count(b'"role":"assistant"') == 1
        writer.close()


@pytest.mark.parametrize("ending", ["answered", "failed"])
async def test_a_long_hold_opens_the_stream_with_comments(ending: str) -> None:
    go = asyncio.Event()
    failure = LadderExhausted((), TierError("tier2", "overloaded", "busy"))
    steps = [go, *HELLO] if ending == "answered" else [go, failure]
    async with serving(app(ScriptedCascade(steps), heartbeat_s=0.02)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(STREAM))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200") and b"x-request-id: req_1" in head
        assert b"x-rungwise" not in head
        for _ in range(2):
            assert b": held" in await reader.readuntil(b": held\n\n")
        go.set()
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
    after = rest[rest.index(b"data: ") :]
    assert b"held" not in after
    assert (b"[DONE]" in after) == (ending == "answered")
    assert (b'"code":"ladder_exhausted"' in after) == (ending == "failed")


async def test_comments_are_for_holds_and_not_for_pauses_after_the_release() -> None:
    go = asyncio.Event()
    async with client(app(ScriptedCascade([*HELLO[:2], go, *HELLO[2:]]), heartbeat_s=0.01)) as http:
        asyncio.get_running_loop().call_later(0.05, go.set)
        told = await http.post(CHAT, json=STREAM)
    assert "held" not in told.text and told.text.endswith("[DONE]\n\n")


async def test_the_official_client_does_not_mind_comments() -> None:
    go = asyncio.Event()
    async with (
        serving(app(ScriptedCascade([go, *HELLO]), heartbeat_s=0.01)) as port,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="x") as sdk,
    ):
        asyncio.get_running_loop().call_later(0.05, go.set)
        chunks = await sdk.chat.completions.create(**ASK, stream=True)
        assert "".join([c.choices[0].delta.content or "" async for c in chunks]) == "hello"


# ---- the client goes away --------------------------------------------------------------------


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("stage", ["held", "released"])
async def test_a_client_that_goes_away_stops_the_work(body: dict[str, Any], stage: str) -> None:
    never = asyncio.Event()
    steps = [never] if stage == "held" else [*HELLO[:2], never]
    cascade = ScriptedCascade(steps)
    async with serving(app(cascade)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body))
        await cascade.begun.wait()
        if stage == "released" and body is STREAM:
            await reader.readuntil(b'"hel"')
        writer.transport.abort()
        await asyncio.wait_for(cascade.closed.wait(), 1)


async def test_a_client_that_goes_away_while_comments_are_sent_stops_the_work() -> None:
    cascade = ScriptedCascade([asyncio.Event()])
    async with serving(app(cascade, heartbeat_s=0.01)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(STREAM))
        await reader.readuntil(b": held")
        writer.close()
        await asyncio.wait_for(cascade.closed.wait(), 1)


async def test_a_client_that_goes_away_with_its_buffers_full_stops_the_work() -> None:
    flood = [released(), *(Piece("x" * 10_000) for _ in range(3000)), asyncio.Event()]
    cascade = ScriptedCascade(flood)
    async with serving(app(cascade)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**12)
        writer.write(request(STREAM))
        await reader.read(10)
        writer.transport.abort()
        await asyncio.wait_for(cascade.closed.wait(), 1)


# ---- the server goes away --------------------------------------------------------------------


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("stage", ["arriving", "held", "released"])
async def test_at_the_end_of_the_grace_period_an_open_answer_ends_like_any_other(
    body: dict[str, Any], stage: str, caplog: pytest.LogCaptureFixture
) -> None:
    never = asyncio.Event()
    cascade = ScriptedCascade([never] if stage == "held" else [*HELLO[:2], never])
    async with serving(app(cascade), grace_s=0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(body)[: -1 if stage == "arriving" else None])
        if stage != "arriving":
            await cascade.begun.wait()
        if stage == "released" and body is STREAM:
            await reader.readuntil(b'"hel"')
        else:
            await asyncio.sleep(0.01)
    told = await reader.read()
    writer.close()
    assert b'"code":"stopping"' in told
    if stage == "released" and body is STREAM:
        assert told.endswith(b"0\r\n\r\n") and b"[DONE]" not in told
    else:
        assert told.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1" in told
    assert cascade.closed.is_set() or stage == "arriving"
    assert not [record for record in caplog.records if record.exc_info]
    said = [r.message for r in caplog.records if r.levelname in ("ERROR", "WARNING")]
    assert said == ["Cancel 1 running task(s), timeout graceful shutdown exceeded"]


# ---- the response alone ----------------------------------------------------------------------


class Echo:
    def render(self, event: Released | Piece | Settled) -> str:
        return event.text if isinstance(event, Piece) else ""


class Wire:
    """What a server hands to an app; sends wait for `writable`."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.writable, self.disconnected = asyncio.Event(), asyncio.Event()
        self.writable.set()

    async def receive(self) -> dict[str, Any]:
        await self.disconnected.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        self.sent.append(message)


def streamed(events: AsyncGenerator[Any, None]) -> StreamedAnswer:
    return StreamedAnswer(events, Echo(), id="req_1", heartbeat_s=60)


async def test_pieces_that_are_ready_leave_together() -> None:
    async def events() -> AsyncGenerator[Any, None]:
        yield released()
        for _ in range(100):
            yield Piece("a")
        await asyncio.sleep(0.01)
        yield Piece("b")
        yield SETTLED

    wire = Wire()
    await streamed(events())({}, wire.receive, wire.send)
    assert [m["body"] for m in wire.sent[1:]] == [b"a" * 100, b"b"]
    assert [m["more_body"] for m in wire.sent[1:]] == [True, False]


@pytest.mark.parametrize("usage", [False, True])
async def test_choices_that_were_held_whole_come_at_once_and_keep_the_protocol(usage: bool) -> None:
    go, wire = asyncio.Event(), Wire()
    pieces = [Piece(text, index) for text in ("a", "b") for index in (0, 1)]
    ends = [Piece(choice=1, finish="stop"), Piece(choice=0, finish="length")]

    async def events() -> AsyncGenerator[Any, None]:
        await go.wait()
        for event in (released(), *pieces, *ends, SETTLED):
            yield event

    async def send(message: Any) -> None:
        await wire.send(message)
        if sum(b"held" in m.get("body", b"") for m in wire.sent) == 2:
            go.set()

    frames = ChunkFrames(choices=2, show_usage=usage, created=17)
    stream = StreamedAnswer(events(), frames, id="req_1", heartbeat_s=0.01)
    await stream({}, wire.receive, send)
    told = b"".join(m.get("body", b"") for m in wire.sent).decode()
    assert told.startswith(": held\n\n: held\n\ndata: ") and told.count("held") == 2
    *chunks, done, end = told[len(": held\n\n") * 2 :].split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    shown = [json.loads(chunk.removeprefix("data: ")) for chunk in chunks]
    for index, finish in ((0, "length"), (1, "stop")):
        own = [c for chunk in shown for c in chunk["choices"] if c["index"] == index]
        assert [c["delta"].get("role") for c in own] == ["assistant", None, None, None]
        assert "".join(c["delta"].get("content", "") for c in own) == "ab"
        assert [c["finish_reason"] for c in own] == [None, None, None, finish]
    assert [bool(chunk.get("usage")) for chunk in shown].count(True) == usage


async def test_a_slow_client_holds_the_answer_back() -> None:
    given = 0

    async def events() -> AsyncGenerator[Any, None]:
        nonlocal given
        yield released()
        for given in range(100):  # noqa: B007
            yield Piece("a" * 10_000)
        yield SETTLED

    wire = Wire()
    wire.writable.clear()
    task = asyncio.create_task(streamed(events())({}, wire.receive, wire.send))
    for _ in range(50):
        await asyncio.sleep(0)
    assert given * 10_000 < 3 * FULL
    wire.writable.set()
    await task
    assert sum(len(m.get("body", b"")) for m in wire.sent) == 100 * 10_000


async def test_a_server_that_says_gone_by_oserror_is_understood() -> None:
    closed = asyncio.Event()

    async def events() -> AsyncGenerator[Any, None]:
        try:
            yield released()
            yield Piece("a")
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def send(message: Any) -> None:
        raise OSError("gone")

    await streamed(events())({}, Wire().receive, send)
    assert closed.is_set()


async def test_a_ledger_that_fails_for_a_client_that_is_gone_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = asyncio.Event()

    async def events() -> AsyncGenerator[Any, None]:
        try:
            yield released()
            begun.set()
            await asyncio.Event().wait()
        finally:
            raise StoreError("disk full")

    wire = Wire()
    task = asyncio.create_task(streamed(events())({}, wire.receive, wire.send))
    await begun.wait()
    wire.disconnected.set()
    await task
    assert "req_1" in caplog.text and "disk full" in caplog.text


async def test_a_server_that_stops_closes_the_answer() -> None:
    begun, closed = asyncio.Event(), asyncio.Event()

    async def events() -> AsyncGenerator[Any, None]:
        try:
            begun.set()
            await asyncio.Event().wait()
            yield SETTLED
        finally:
            await asyncio.sleep(0)
            closed.set()

    wire = Wire()
    task = asyncio.create_task(streamed(events())({}, wire.receive, wire.send))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed.is_set()
