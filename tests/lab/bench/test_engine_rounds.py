"""Under an end a point takes fewer or shorter turns, and never too few rounds: against servers
that do as they are told."""

import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from rungwise.lab.bench.engine import measure
from rungwise.lab.bench.engine_figures import Point
from rungwise.lab.bench.engine_rounds import Asked, take_rounds
from rungwise.lab.bench.served import Server
from tests.doubles.upstream import Answer, Request, Upstream, openai_delta, openai_stream

pytestmark = pytest.mark.anyio

STREAM = openai_stream(openai_delta("a"), {"usage": {"completion_tokens": 7}})
ASKED = Asked(rounds=8, seconds=0.01, max_tokens=8, words_per_token=1.0)
POINT = Point(concurrency=2, stream=True, prompt_tokens=4, shared_prefix=0)


@asynccontextmanager
async def three(whole_s: float = 0.0, stream_s: float = 0.0) -> AsyncIterator[Sequence[Server]]:
    """So long takes an answer."""

    def answer(asked: Request) -> Answer:
        return Answer(STREAM, drip_s=stream_s if asked.body["stream"] else whole_s)

    async with AsyncExitStack() as stack:
        up = {n: await stack.enter_async_context(Upstream(answer)) for n in ("vllm", "off", "on")}
        yield [Server(name, int(one.url.rsplit(":", 1)[1]), "m") for name, one in up.items()]


async def test_without_an_end_every_round_is_taken() -> None:
    async with three() as servers:
        found = await take_rounds(servers, POINT, ASKED)
    assert found is not None
    assert {name: len(turns) for name, turns in found.items()} == {"vllm": 8, "off": 8, "on": 8}


@pytest.mark.parametrize(("rounds", "taken"), [(8, 5), (3, 3)])
async def test_when_its_share_is_over_a_point_still_has_the_rounds_of_an_interval(
    rounds: int, taken: int
) -> None:
    async with three() as servers:
        found = await take_rounds(
            servers, POINT, replace(ASKED, rounds=rounds), until=time.perf_counter()
        )
    assert found is not None and {len(turns) for turns in found.values()} == {taken}


async def test_turns_are_shortened_to_fit_into_the_share() -> None:
    async with three(stream_s=0.005) as servers:
        asked = replace(ASKED, seconds=1000.0)
        found = await take_rounds(servers, POINT, asked, until=time.perf_counter() + 0.2)
    assert found is not None and found["on"][0].round.requests < 100


async def test_a_point_without_time_for_its_rounds_is_left_out() -> None:
    async with three(stream_s=0.02) as servers:
        begin = time.perf_counter()
        assert await take_rounds(servers, POINT, ASKED, end=begin + 0.1) is None
        assert await take_rounds(servers, POINT, ASKED, end=begin + 60) is not None


async def test_the_next_one_is_taken_where_it_fits_and_what_was_left_out_is_told_again() -> None:
    written: list[tuple[int, list[Point]]] = []
    points = [replace(POINT, concurrency=1, stream=stream) for stream in (False, True)]

    def write(found: list[dict[str, object]], left: Sequence[Point]) -> None:
        written.append((len(found), list(left)))

    async with three(whole_s=0.2) as servers:
        asked = replace(ASKED, rounds=5)
        end = time.perf_counter() + 2.5
        found = await measure(servers, points, asked, end, write)
    assert [one["stream"] for one in found] == [True]
    assert written == [(0, points), (1, [points[0]])]


async def test_when_the_time_is_over_what_is_left_out_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    written: list[object] = []
    over = time.perf_counter()
    found = await measure([], [POINT], ASKED, over, lambda f, left: written.append((f, left)))
    assert found == [] and written == [([], [POINT])]
    told = "no time left for 5 rounds of 2 at a time, streamed, 4 tokens"
    assert capsys.readouterr().out.strip() == told


async def test_a_server_that_refuses_is_named_with_what_it_said() -> None:
    said = b'{"error": {"message": "tier2: HTTP 404"}}'
    refusal = Answer(said, 400, headers={"content-length": str(len(said))}, framing="close")
    async with three() as (vllm, off, _), Upstream(refusal) as third:
        on = Server("on", int(third.url.rsplit(":", 1)[1]), "m")
        with pytest.raises(RuntimeError, match=r"2 at a time, .*, gate on: .* 400 .*HTTP 404"):
            await take_rounds((vllm, off, on), POINT, ASKED)


async def test_a_measurement_without_an_end_takes_every_point() -> None:
    async with three() as servers:
        found = await measure(servers, [POINT], ASKED, math.inf, lambda *_: None)
    assert [one["requests_per_round"] for one in found] and len(found) == 1
