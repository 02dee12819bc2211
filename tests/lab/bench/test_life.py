"""Is the right process killed, and nothing measured where nothing is open?"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from rungwise.lab.bench import life
from rungwise.lab.bench.life import _core_of, _kill, _open, _stop, _watch
from rungwise.lab.children import Child
from tests.doubles.upstream import Answer, Request, Upstream, openai_delta, openai_stream

pytestmark = pytest.mark.anyio

ASKED = argparse.Namespace(streams=2, max_tokens=100, grace=1.0)
HALF = openai_stream(*[openai_delta("half ")] * life.UNDER_WAY, done=False)
NAMED = """
open("/proc/self/comm", "w").write({name!r})
print("named", flush=True)
input()
"""


@pytest.fixture
def core() -> Iterator[subprocess.Popen[str]]:
    """A process below this one that calls itself what vLLM calls its engine's."""
    command = [sys.executable, "-c", NAMED.format(name="VLLM::EngineCore")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "named\n"
        yield process
        process.kill()


def server(port: int, process: subprocess.Popen[str], *, ladder: str | None = None) -> life._Server:
    return life._Server(
        name="it",
        port=port,
        ready="/ready",
        model="m",
        shown="m-2026",
        ladder=ladder,
        process=Child(cast("subprocess.Popen[bytes]", process), Path("it.log")),
    )


def port_of(upstream: Upstream) -> int:
    return int(upstream.url.rpartition(":")[2])


def test_the_engines_process_is_known_by_its_name(core: subprocess.Popen[str]) -> None:
    assert _core_of(os.getpid()) == core.pid


def test_without_an_engine_nothing_is_killed() -> None:
    with pytest.raises(RuntimeError, match="and 0 were"):
        _core_of(os.getpid())


async def test_streams_that_end_by_themselves_are_no_measurement(
    core: subprocess.Popen[str],
) -> None:
    whole = Answer(openai_stream(openai_delta("short", finish="stop")))
    async with Upstream(whole) as upstream:
        with pytest.raises(RuntimeError, match="ended before anything"):
            await _open(server(port_of(upstream), core), ASKED, 0)


async def test_nothing_is_done_to_streams_before_each_has_as_many_tokens(
    core: subprocess.Popen[str],
) -> None:
    slow = Answer((HALF[: len(HALF) // 2], HALF[len(HALF) // 2 :], b""), drip_s=0.1, then="cut")
    async with Upstream(slow) as upstream:
        streams, following = await _open(server(port_of(upstream), core), ASKED, 0)
        assert [stream.tokens for stream in streams] == [life.UNDER_WAY] * 2
        await asyncio.gather(*following)


async def test_each_change_of_what_it_says_of_itself_is_kept(core: subprocess.Popen[str]) -> None:
    said = [
        Answer(told, status=status, framing="close")
        for status, told in (
            (200, b'{"tiers":["tier1","tier2"]}'),
            (200, b'{"tiers":["tier2"]}'),
            (200, b'{"tiers":["tier2"]}'),
            (503, b'{"tiers":[]}'),
            (503, b'{"draining":true}'),
            (200, b""),
        )
    ]
    seen: list[tuple[float, str]] = []
    async with Upstream(*said) as upstream:
        watch = asyncio.create_task(_watch(server(port_of(upstream), core), seen))
        async with asyncio.timeout(20):
            while len(seen) < 5:
                await asyncio.sleep(0.01)
        watch.cancel()
    assert [told for _, told in seen] == [
        "200 (tier1, tier2)",
        "200 (tier2)",
        "503 (no rung)",
        "503",
        "200",
    ]


async def test_what_a_server_that_only_cuts_comes_to(
    core: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(life, "_core_of", lambda _: core.pid)
    cut = Answer((HALF, b""), drip_s=0.1, then="cut")
    async with Upstream(cut) as upstream:
        found = await _kill(server(port_of(upstream), core), ASKED)
    streams = found["streams"]
    assert isinstance(streams, list) and [s["saw"] for s in streams] == ["cut without a word"] * 2
    assert (found["lives"], found["back_s"], found["exit_status"]) == (False, None, -9)


async def test_a_server_that_ends_while_its_streams_go_on(core: subprocess.Popen[str]) -> None:
    whole = openai_stream(openai_delta("end", finish="stop"))

    def answer(request: Request) -> Answer:
        if request.body is not None and request.body["stream"]:
            return Answer((HALF, whole), drip_s=0.2)
        return Answer(b"{}", framing="close")

    async with Upstream(answer) as upstream:
        found = await _stop(server(port_of(upstream), core), ASKED)
    streams = found["streams"]
    assert isinstance(streams, list) and [s["saw"] for s in streams] == ["a whole answer"] * 2
    assert found["exit_status"] == -15 and found["new_work"] == "status 200"
