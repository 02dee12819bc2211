"""The load generator counts what a server sends, and calls a broken server broken."""

import pytest

from rungwise.lab.bench.load import interval_of_ratio, load
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream

pytestmark = pytest.mark.anyio

STREAM = openai_stream(openai_delta("a"), {"usage": {"completion_tokens": 7}})


def port_of(upstream: Upstream) -> int:
    return int(upstream.url.rsplit(":", 1)[1])


async def test_a_stream_is_counted() -> None:
    async with Upstream(Answer(STREAM)) as upstream:
        done = await load("127.0.0.1", port_of(upstream), [b"{}"], concurrency=2, requests=6)
    assert done.requests == 6 and done.tokens == 42
    assert len(done.latencies_s) == 6 and done.rps > 0
    assert len(done.first_token_s) == len(done.tokens_s) == 6 and done.events_s == ()
    assert {f"http://{asked.headers['host']}" for asked in upstream.requests} == {upstream.url}


@pytest.mark.parametrize(
    "answer", [Answer(b"{}", status=503), Answer(openai_stream(openai_delta("a"), done=False))]
)
async def test_a_broken_server_is_not_a_fast_one(answer: Answer) -> None:
    async with Upstream(answer) as upstream:
        with pytest.raises(RuntimeError):
            await load("127.0.0.1", port_of(upstream), [b"{}"], concurrency=1, requests=1)


def test_the_ratio_is_paired() -> None:
    middle, low, high = interval_of_ratio([2.0, 4.0, 8.0], [1.0, 2.0, 4.0])
    assert (middle, low, high) == (2.0, 2.0, 2.0)
