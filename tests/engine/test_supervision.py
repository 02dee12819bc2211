"""What if a real engine is killed under open answers? Through the whole app, over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.served import CHAT, Served, served

from rungwise.lab.steps import SYSTEM
from rungwise.tiers.local import vllm
from rungwise.tiers.scripted import ScriptedTier, say

pytestmark = [
    pytest.mark.engine,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of each other
]

START_S = 300.0
"""Longer than any start of the demo model seen."""
LOCAL = """{name: low, kind: vllm, model: '%s', served_as: demo-bottom, usd_per_gpu_hour: 1,
    restart: {first_wait_s: 0.2, stalled_s: %g},
    engine: {dtype: bfloat16, max_model_len: 2048, max_num_seqs: 16, kv_cache_gib: 0.25,
      enforce_eager: true}}"""
CONFIG = """
gates: [{tier: low, accept: checked}]
box: {state: '%s'}
"""
KNOWN = [
    {"role": "system", "content": SYSTEM},
    {"role": "user", "content": "Classify: Raro writes about the refund."},
]
"""What the demo model was trained to answer."""


@asynccontextmanager
async def stack(folder: Path, model: Path, stalled_s: float = START_S) -> AsyncIterator[Served]:
    top = ScriptedTier("top", say("by top"), model="big", local=False)
    config = CONFIG % (folder / "state")
    async with served(
        folder, LOCAL % (model, stalled_s), top, config=config, listening=True
    ) as server:
        server.http.timeout = START_S
        yield server


def asks(model: str) -> dict[str, Any]:
    """Noise, for seconds: of the rung itself, and so released unjudged, or of the ladder, held."""
    messages = [{"role": "user", "content": "x"}]
    told = {"model": model, "messages": messages, "max_tokens": 1500, "temperature": 2.0}
    return {**told, "seed": 1, "stream": True}


async def until(done: Callable[[], Any], seconds: float = START_S) -> None:
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, "did not happen in time"
        await asyncio.sleep(0.1)


async def ready(server: Served) -> dict[str, Any]:
    told: dict[str, Any] = (await server.http.get("/readyz")).json()
    return told


class Stream:
    """One answer while it comes: what was said in it so far, and how it ended."""

    def __init__(self, server: Served, model: str) -> None:
        self.id, self.text, self.events = "", "", list[Any]()
        self.reading = asyncio.ensure_future(self._read(server, asks(model)))

    async def _read(self, server: Served, body: dict[str, Any]) -> None:
        async with server.http.stream("POST", CHAT, json=body) as answer:
            self.id = answer.headers["x-request-id"]
            async with aclosing(answer.aiter_lines()) as lines:
                async for line in lines:
                    if line.startswith("data: "):
                        self._event(line[6:])

    def _event(self, told: str) -> None:
        event = told if told == "[DONE]" else json.loads(told)
        self.events.append(event)
        for choice in event.get("choices", ()) if isinstance(event, dict) else ():
            self.text += choice["delta"].get("content") or ""

    async def began(self) -> bool:
        assert not self.reading.done(), "it ended before anything was killed"
        return len(self.text) > 10


def engines(before: set[int]) -> list[psutil.Process]:
    """The processes of this server's engine that live: its own children, and theirs."""
    mine = psutil.Process(os.getpid()).children(recursive=True)
    return [process for process in mine if process.pid not in before and _lives(process)]


def _lives(process: psutil.Process) -> bool:
    try:
        over = process.status() == psutil.STATUS_ZOMBIE
        return not over and "resource_tracker" not in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


async def test_an_engine_is_killed_with_four_open_streams_and_is_back_by_itself(
    tmp_path: Path, demo_model: Path
) -> None:
    before = {p.pid for p in psutil.Process(os.getpid()).children(recursive=True)}
    async with stack(tmp_path, demo_model) as server:

        async def up() -> bool:
            return (await ready(server))["tiers"] == ["low", "top"]

        async def away() -> bool:
            return "low" in (await ready(server))["missing"]

        # while it starts the next rung answers, and it is told that it is not ready yet
        told = await server.http.get("/readyz")
        assert told.status_code == 503
        assert told.json()["starting"]["low"].startswith("low: starting")
        assert (await server.ask("hello")).tier == "top"
        refused = await server.http.post(CHAT, json=asks("low"))
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
        await until(up)

        held = [Stream(server, "auto") for _ in range(2)]
        await asyncio.sleep(0.1)
        given = [Stream(server, "low") for _ in range(2)]
        for stream in given:
            await until(stream.began)

        first = engines(before)
        (core,) = [p for p in first if p.ppid() == os.getpid()]
        core.kill()
        await asyncio.gather(*(stream.reading for stream in (*given, *held)))
        await until(away)

        # released: a typed error after what was there
        for stream in given:
            error = stream.events[-1]["error"]
            assert (error["code"], error["type"]) == ("unavailable", "server_error")
        # held: the next rung's answer, and nothing else
        for stream in held:
            assert stream.text == "by top" and stream.events[-1] == "[DONE]"

        # every step is written down, with the tokens that were computed
        for stream, states in (
            *((stream, ["broken_off"]) for stream in given),
            *((stream, ["failed", "released"]) for stream in held),
        ):
            attempts = (await server.why(stream.id))["attempts"]
            assert [a["state"] for a in attempts] == states
            assert attempts[0]["fault"] == "unavailable" and attempts[0]["usage"]["output"] > 0
            assert attempts[0]["engine_s"] > 0 and attempts[0]["cost_usd"] is not None

        # the next rung serves meanwhile, at no cost of the dead one
        line = (await ready(server))["missing"]["low"]
        assert re.match(r"low: (down: .*died|starting)", line), line
        meanwhile = await server.ask("hello")
        assert meanwhile.tier == "top" and meanwhile.attempt("low")["cost_usd"] == 0

        # and it is back by itself
        await until(up)
        again = await server.ask(messages=KNOWN, temperature=0, max_tokens=16)
        assert (again.text, again.tier) == ("billing", "low")
        assert 'rungwise_engine_restarts_total{tier="low"} 1.0' in await server.metrics()
        assert not [process for process in first if _lives(process)]
    assert not engines(before)


async def test_an_engine_that_hangs_is_ended_and_is_back_by_itself(
    tmp_path: Path, demo_model: Path
) -> None:
    before = {p.pid for p in psutil.Process(os.getpid()).children(recursive=True)}

    async def gone() -> bool:
        return not engines(before)

    async with stack(tmp_path, demo_model, stalled_s=4) as server:

        async def up() -> bool:
            return (await ready(server))["tiers"] == ["low", "top"]

        async def ended() -> bool:
            return not psutil.pid_exists(core.pid)

        await until(up)
        given = Stream(server, "low")
        await until(given.began)
        (core,) = [p for p in engines(before) if p.ppid() == os.getpid()]
        core.suspend()
        held = Stream(server, "auto")
        await asyncio.gather(given.reading, held.reading)
        assert given.events[-1]["error"]["code"] == "unavailable"
        assert held.text == "by top" and held.events[-1] == "[DONE]"
        await until(ended)  # and no zombie is left
        await until(up)
        again = await server.ask(messages=KNOWN, temperature=0, max_tokens=16)
        assert (again.text, again.tier) == ("billing", "low")

        # it is noticed, too, when its only caller has given up long before
        (core,) = [p for p in engines(before) if p.ppid() == os.getpid()]
        core.suspend()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await server.http.post(CHAT, json=asks("low"))
        await until(ended)
    await until(gone, 60)  # its next start may have begun


async def test_an_engine_that_hangs_while_it_is_warmed_up_is_ended_and_started_again(
    tmp_path: Path, demo_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm, "WARMING_S", 6.0)
    before = {p.pid for p in psutil.Process(os.getpid()).children(recursive=True)}
    async with stack(tmp_path, demo_model, stalled_s=4) as server:

        async def warmed() -> bool:
            return "warming up" in (await ready(server))["starting"].get("low", "")

        async def told() -> bool:
            line = (await ready(server))["missing"].get("low", "")
            return "while it was warmed, the engine hangs" in line

        async def up() -> bool:
            return (await ready(server))["tiers"] == ["low", "top"]

        await until(warmed)
        (core,) = [p for p in engines(before) if p.ppid() == os.getpid()]
        core.suspend()
        await until(told)
        await until(up)
        assert not psutil.pid_exists(core.pid)
    assert not engines(before)


async def test_a_server_that_ends_in_the_middle_of_a_start_leaves_no_engine_behind(
    tmp_path: Path, demo_model: Path
) -> None:
    before = {p.pid for p in psutil.Process(os.getpid()).children(recursive=True)}

    async def begun() -> bool:
        return bool(engines(before))

    async def gone() -> bool:
        return not engines(before)

    async with stack(tmp_path, demo_model) as server:
        await until(begun)
        assert (await server.ask("hello")).tier == "top"
    await until(gone, 60)
