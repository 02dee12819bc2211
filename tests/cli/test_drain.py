"""What becomes of open answers, and of new ones, when a real server is told to stop?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from rungwise.ledger.sql import read_entries
from rungwise.types import Entry
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream
from tests.nursery import Nursery, Process, nursery

pytestmark = pytest.mark.anyio

CONFIG = """
server: {{grace_s: {grace_s}}}
ledger: {{path: '{folder}/rungwise.db'}}
prices: {{book: none}}
tiers:
  - {{name: tier1, kind: openai, model: m, base_url: '{url}/v1', api_key_env: KEY,
     price: {{input: 1, output: 2}}}}
"""
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
WORDS = 12
"""Before an answer waits to be let on."""
PATIENCE_S = 30.0


@dataclass
class Scene:
    """A server with one rung, whose drafts stop before their last part until `go` is set."""

    forks: Nursery
    process: Process
    http: httpx.AsyncClient
    go: asyncio.Event
    folder: Path

    @property
    def said(self) -> str:
        return self.process.said

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    async def draining(self) -> dict[str, Any]:
        """What it says of itself, once it drains."""
        async with asyncio.timeout(PATIENCE_S):
            while "draining" not in (told := (await self.http.get("/readyz")).json()):
                await asyncio.sleep(0.01)
        return dict(told)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.forks.ended(self.process)

    def entries(self) -> list[Entry]:
        return list(read_entries(self.folder / "rungwise.db"))


@asynccontextmanager
async def serving(folder: Path, *, grace_s: float) -> AsyncIterator[Scene]:
    go = asyncio.Event()
    first = openai_stream(*(openai_delta(f"word{i} ") for i in range(WORDS)), done=False)
    last = openai_stream(openai_delta("end", finish="stop"))
    upstream = Upstream(Answer((first, last), until=go))
    async with upstream, nursery() as forks:
        config = folder / "drain.yaml"
        config.write_text(CONFIG.format(url=upstream.url, folder=folder, grace_s=grace_s))
        process = await forks.serve(config, {"KEY": "any"}, log=folder / "log")
        limits = httpx.Limits(max_keepalive_connections=8)
        async with httpx.AsyncClient(
            base_url=process.url, trust_env=False, timeout=PATIENCE_S, limits=limits
        ) as http:
            yield Scene(forks, process, http, go, folder)


@dataclass
class Asking:
    """One caller: what it was told so far."""

    path: str
    stream: bool
    status: int = 0
    text: str = ""
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, http: httpx.AsyncClient) -> None:
        body = {
            "model": "auto",
            "messages": [{"role": "user", "content": "Go on and on."}],
            "stream": self.stream,
            **({"max_tokens": 1000} if self.path == MESSAGES else {}),
        }
        async with http.stream("POST", self.path, json=body) as answer:
            self.status = answer.status_code
            async for part in answer.aiter_text():
                self.text += part
                if f"word{WORDS - 1}" in self.text:
                    self.begun.set()

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = [line[6:] for line in self.text.splitlines() if line.startswith("data: {")]
        return [json.loads(line) for line in lines]

    @property
    def whole(self) -> bool:
        end = "data: [DONE]" if self.path == CHAT else "event: message_stop"
        return self.status == 200 and "end" in self.text and (end in self.text or not self.stream)

    @property
    def broken_off(self) -> bool:
        """By a typed error, after the words that were there, and with no mark of an end."""
        if not self.stream:
            return self.status == 503 and json.loads(self.text)["error"]["code"] == "stopping"
        last, text = self.events[-1], self.text
        kind = last["error"]["code"] if self.path == CHAT else last["error"]["type"]
        ends = "[DONE]" in text or "message_stop" in text
        return kind in ("stopping", "overloaded_error") and "word0" in text and not ends


async def asked(scene: Scene, *askings: Asking) -> asyncio.Future[Any]:
    """All of them, once each is at its last word before it waits."""
    tasks = asyncio.gather(*(asking.ask(scene.http) for asking in askings))
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(asking.begun.wait() for asking in askings if asking.stream))
    return tasks


async def test_open_answers_end_and_new_ones_are_told_when_to_come_again(tmp_path: Path) -> None:
    async with serving(tmp_path, grace_s=60) as scene:
        streams = [Asking(path, True) for path in (CHAT, CHAT, MESSAGES, MESSAGES)]
        tasks = await asked(scene, *streams)
        scene.signal(signal.SIGTERM)
        ready = await scene.draining()
        assert (ready["ready"], ready["open"]) == (False, 4) and 0 < ready["left_s"] <= 60
        for path, kind in ((CHAT, "server_error"), (MESSAGES, "overloaded_error")):
            refused = Asking(path, stream=False)
            await refused.ask(scene.http)
            assert refused.status == 503 and json.loads(refused.text)["error"]["type"] == kind
        told = await scene.http.post(CHAT, json={})
        assert 1 <= int(told.headers["retry-after"]) <= 60
        assert told.headers["connection"] == "close"
        assert (await scene.http.get("/healthz")).status_code == 200
        assert "rungwise_" in (await scene.http.get("/metrics")).text
        scene.go.set()
        await tasks
        assert all(stream.whole for stream in streams)
        assert await scene.ended() == 0
        assert "open answers ended: 4, cut: 0" in scene.said
        assert [entry.state for entry in scene.entries()] == ["answered"] * 4


async def test_while_it_drains_an_earlier_answer_can_be_looked_up(tmp_path: Path) -> None:
    async with serving(tmp_path, grace_s=60) as scene:
        scene.go.set()
        early = Asking(CHAT, stream=True)
        await early.ask(scene.http)
        scene.go.clear()
        tasks = await asked(scene, late := Asking(CHAT, stream=True))
        scene.signal(signal.SIGINT)
        await scene.draining()
        id = early.events[0]["id"]
        assert (await scene.http.get(f"/v1/answers/{id}")).json()["id"] == id
        scene.go.set()
        await tasks
        assert late.whole and await scene.ended() == 0


async def test_what_does_not_end_in_time_is_told_so_and_written_down(tmp_path: Path) -> None:
    async with serving(tmp_path, grace_s=0.3) as scene:
        askings = [Asking(CHAT, True), Asking(MESSAGES, True), Asking(CHAT, False)]
        tasks = await asked(scene, *askings)
        scene.signal(signal.SIGTERM)
        await tasks
        assert all(asking.broken_off for asking in askings)
        assert await scene.ended() == 0
        assert "open answers ended: 0, cut: 3" in scene.said
        entries = scene.entries()
        assert len(entries) == 3
        for entry in entries:
            (attempt,) = entry.attempts
            assert attempt.usage.output >= WORDS and (entry.cost_nano or 0) > 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGINT, 130)]
)
@pytest.mark.usefixtures("usual_signals")
async def test_a_second_signal_ends_it_at_once_and_in_order(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    async with serving(tmp_path, grace_s=3600) as scene:
        askings = [Asking(CHAT, True), Asking(MESSAGES, True)]
        tasks = await asked(scene, *askings)
        scene.signal(number)
        await scene.draining()
        scene.signal(number)
        await tasks
        assert all(asking.broken_off for asking in askings)
        assert await scene.ended() == status
        assert len(scene.entries()) == 2
        assert all(entry.attempts[0].usage.output >= WORDS for entry in scene.entries())


async def test_idle_connections_do_not_hold_it_up(tmp_path: Path) -> None:
    async with serving(tmp_path, grace_s=3600) as scene:
        port = int(scene.process.url.rpartition(":")[2])
        opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = opened[0]
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        await reader.readuntil(b'{"alive":true}')
        scene.signal(signal.SIGTERM)
        assert await scene.ended() == 0
        for _, writer in opened:
            writer.close()
