"""Does a request travel as the official SDK would send it, and end when nobody waits any more?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anthropic
import openai
import pytest
from tests.doubles.upstream import Answer, Request, Upstream, openai_delta, openai_stream

from rungwise.tiers.hosted.hosted_faults import Refused, fault_of, may_be_billed
from rungwise.tiers.hosted.hosted_wire import Address, Stream, Wire, address_of

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret-1234567890"
BODY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "Grüße, 東京"}],
    "stream": True,
}
HELLO = openai_stream(openai_delta("Hi", finish="stop"))
OWN = {"accept", "accept-encoding", "connection"}
"""What is ours to say: that a stream is wanted, and uncompressed."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def wire_to(url: str, path: str = "v1/chat/completions") -> AsyncIterator[Wire]:
    wire = Wire(Address(url=f"{url}/{path}", headers={"Authorization": f"Bearer {KEY}"}))
    try:
        yield wire
    finally:
        await wire.close()


def soon() -> float:
    return asyncio.get_running_loop().time() + 5


async def read(stream: Stream) -> list[bytes]:
    found: list[bytes] = []
    while events := await stream.more(soon()):
        found += events
    stream.close()
    return found


def told(request: Request) -> dict[str, str]:
    """What an SDK's client says of itself and of its retries may differ."""
    return {k: v for k, v in request.headers.items() if k not in OWN and "stainless" not in k}


async def test_the_request_is_the_openai_sdks_own() -> None:
    async with Upstream(Answer(HELLO)) as upstream:
        sdk = openai.AsyncOpenAI(api_key=KEY, base_url=f"{upstream.url}/proxy/v1")
        async for _ in await sdk.chat.completions.create(**BODY):
            pass
        await sdk.close()
        with openai.OpenAI(api_key=KEY, base_url=f"{upstream.url}/proxy/v1/") as same:
            wire = Wire(address_of(same, "chat/completions"))
        await read(await wire.open(BODY))
        await wire.close()
        theirs, ours = upstream.requests
    agent = ours.headers["user-agent"]
    assert agent == theirs.headers["user-agent"].replace("Async", "")
    assert {**told(ours), "user-agent": ""} == {**told(theirs), "user-agent": ""}
    assert (ours.path, ours.body) == (theirs.path, theirs.body)
    assert ours.path == "/proxy/v1/chat/completions"


async def test_the_request_is_the_anthropic_sdks_own() -> None:
    body = {**BODY, "max_tokens": 9}
    async with Upstream(Answer(b"")) as upstream:
        sdk = anthropic.AsyncAnthropic(api_key=KEY, base_url=upstream.url)
        async for _ in await sdk.messages.create(**body):
            pass
        await sdk.close()
        with anthropic.Anthropic(api_key=KEY, base_url=upstream.url) as same:
            wire = Wire(address_of(same, "v1/messages"))
        await read(await wire.open(body))
        await wire.close()
        theirs, ours = upstream.requests
    assert {**told(ours), "user-agent": ""} == {**told(theirs), "user-agent": ""}
    assert (ours.path, ours.body) == (theirs.path, theirs.body)


async def test_a_connection_is_used_again_after_a_whole_answer_only() -> None:
    answers = (Answer(HELLO), Answer(HELLO), Answer(HELLO, then="hang"))
    async with Upstream(*answers) as upstream, wire_to(upstream.url) as wire:
        assert len(await read(await wire.open(BODY))) == 1
        assert len(await read(await wire.open(BODY))) == 1
        assert upstream.connections == 1
        stream = await wire.open(BODY)
        assert await stream.more(soon())
        stream.close()
        await asyncio.wait_for(upstream.gone.wait(), 5)


async def test_hundreds_of_answers_come_at_one_time() -> None:
    async with (
        Upstream(Answer(HELLO, then="hang")) as upstream,
        wire_to(upstream.url) as wire,
    ):
        streams = await asyncio.gather(*(wire.open(BODY) for _ in range(256)))
        assert all([await stream.more(soon()) for stream in streams])
        for stream in streams:
            stream.close()


async def test_time_is_up_also_where_there_is_always_more_to_read() -> None:
    half = Answer(openai_stream(openai_delta("Hi"), done=False), then="hang")
    async with Upstream(half) as upstream, wire_to(upstream.url) as wire:
        stream = await wire.open(BODY)
        with pytest.raises(TimeoutError):
            await stream.more(asyncio.get_running_loop().time())
        with pytest.raises(TimeoutError):
            while True:
                await stream.more(asyncio.get_running_loop().time() + 0.05)
        stream.close()


async def test_a_redirect_is_not_followed() -> None:
    async with Upstream(Answer(HELLO)) as elsewhere:
        there = {"location": f"{elsewhere.url}/v1/chat/completions"}
        async with (
            Upstream(Answer(b"", 307, None, there)) as upstream,
            wire_to(upstream.url) as wire,
        ):
            with pytest.raises(Refused) as caught:
                await wire.open(BODY)
        assert elsewhere.requests == [], "the prompt is for one upstream only"
    fault = fault_of("t", caught.value, opened=False, secret=KEY)
    assert (fault.fault, fault.message) == ("broken", "HTTP 307: sent elsewhere")


async def test_an_error_whose_words_are_cut_off_keeps_its_status() -> None:
    async with (
        Upstream(Answer(b"{", 503, "application/json", then="reset")) as upstream,
        wire_to(upstream.url) as wire,
    ):
        with pytest.raises(Refused) as caught:
            await wire.open(BODY)
    assert fault_of("t", caught.value, opened=False, secret=KEY).fault == "overloaded"


async def test_what_is_not_http_is_broken() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH_9\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with wire_to(f"http://127.0.0.1:{port}") as wire:
        with pytest.raises(Exception) as caught:
            await wire.open(BODY)
    server.close()
    fault = fault_of("t", caught.value, opened=False, secret=KEY)  # type: ignore[arg-type]
    assert fault.fault == "broken" and "not HTTP" in fault.message


def test_a_key_that_no_header_can_carry_is_told_before() -> None:
    for key in ("sk-1\nx: y", "sk-\u20ac"):
        with (
            openai.OpenAI(api_key=key, base_url="http://127.0.0.1:9/v1") as sdk,
            pytest.raises(ValueError) as caught,
        ):
            address_of(sdk, "x")
        assert key not in str(caught.value)


def test_the_key_is_not_shown() -> None:
    shown = repr(Address(url="http://x", headers={"a": KEY}, proxy=f"http://u:{KEY}@p"))
    assert KEY not in shown


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.example.com/v1", "http://proxy:3128"),
        ("https://inside.example.org/v1", None),
        ("http://127.0.0.1:9/v1", None),
        ("http://api.example.com/v1", None),
    ],
)
def test_the_environments_proxy_is_asked_but_not_for_this_machine(
    url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example.org")
    with openai.OpenAI(api_key=KEY, base_url=url) as sdk:
        assert address_of(sdk, "x").proxy == proxy


async def test_the_proxy_is_used() -> None:
    async with Upstream(Answer(HELLO)) as proxy:
        wire = Wire(Address(url="http://api.invalid/v1/x", headers={}, proxy=proxy.url))
        assert await read(await wire.open(BODY))
        await wire.close()
    assert proxy.requests[0].path == "http://api.invalid/v1/x"


def test_only_certificates_that_are_trusted_will_do() -> None:
    with openai.OpenAI(api_key=KEY, base_url="https://api.example.com/v1") as sdk:
        trust = address_of(sdk, "x").trust
    assert trust is not None and trust.check_hostname
    assert trust.verify_mode.name == "CERT_REQUIRED"


async def test_a_kept_connection_that_is_closed_as_it_is_used_is_replaced_once() -> None:
    gone = Answer(silent=True, then="cut")
    async with Upstream(Answer(HELLO), gone, Answer(HELLO)) as upstream:
        async with wire_to(upstream.url) as wire:
            for _ in range(2):
                assert len(await read(await wire.open(BODY))) == 1
        assert (upstream.connections, len(upstream.requests)) == (2, 3)


async def test_a_new_connection_that_is_closed_may_have_been_read() -> None:
    gone = Answer(silent=True, then="reset")
    async with Upstream(gone, Answer(HELLO)) as upstream, wire_to(upstream.url) as wire:
        with pytest.raises(OSError) as caught:
            await wire.open(BODY)
    assert len(upstream.requests) == 1 and may_be_billed(caught.value, took_s=0.0)


async def test_it_is_replaced_once_and_no_more() -> None:
    gone = Answer(silent=True, then="reset")
    async with Upstream(Answer(HELLO), Answer(HELLO), gone, gone, Answer(HELLO)) as upstream:
        async with wire_to(upstream.url) as wire:
            for stream in await asyncio.gather(wire.open(BODY), wire.open(BODY)):
                await read(stream)
            with pytest.raises(OSError):
                await wire.open(BODY)
        assert (upstream.connections, len(upstream.requests)) == (2, 4)
