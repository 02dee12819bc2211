"""The load generator counts what a server sends, and calls a broken server broken."""

import pytest

from rungwise.lab.bench.load import ask, load
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream

pytestmark = pytest.mark.anyio

STREAM = openai_stream(openai_delta("a"), {"usage": {"completion_tokens": 7}})


def port_of(upstream: Upstream) -> int:
    return int(upstream.url.rsplit(":", 1)[1])


async def test_a_stream_is_counted() -> None:
    async with Upstream(Answer(STREAM)) as upstream:
        done = await load("127.0.0.1", port_of(upstream), [b"{}"], concurrency=2, requests=6)
    assert done.requests == 6 and done.tokens == 42
    assert len(done.latencies_s) == len(done.first_s) == 6 and done.rps > 0
    assert len(done.first_token_s) == len(done.tokens_s) == 6 and done.events_s == ()
    assert {f"http://{asked.headers['host']}" for asked in upstream.requests} == {upstream.url}


@pytest.mark.parametrize(
    "answer", [Answer(b"{}", status=503), Answer(openai_stream(openai_delta("a"), done=False))]
)
async def test_a_broken_server_is_not_a_fast_one(answer: Answer) -> None:
    async with Upstream(answer) as upstream:
        with pytest.raises(RuntimeError):
            await load("127.0.0.1", port_of(upstream), [b"{}"], concurrency=1, requests=1)


WHOLE = b'{"usage":{"completion_tokens":7}}'


async def test_a_whole_answer_has_no_first_byte_of_its_own() -> None:
    whole = Answer(WHOLE, headers={"content-length": str(len(WHOLE))}, framing="close")
    async with Upstream(whole) as upstream:
        done = await load("127.0.0.1", port_of(upstream), [b"{}"], concurrency=1, requests=1)
    assert done.tokens == 7 and len(done.latencies_s) == 1 and done.first_s == ()


async def test_one_that_is_asked_for_says_when_its_headers_came() -> None:
    whole = Answer(WHOLE, headers={"content-length": str(len(WHOLE))}, framing="close", drip_s=0.05)
    async with Upstream(whole) as upstream:
        asked = await ask("127.0.0.1", port_of(upstream), b"{}")
    assert asked.status == 200 and 0 < asked.first_s < asked.latency_s
