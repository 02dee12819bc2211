"""Do streams of a real engine end whole when the server is told to stop? A process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from rungwise.lab.children import free_port

pytestmark = [
    pytest.mark.engine,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of each other
]

START_S = 300.0
"""Longer than any start of the demo model seen."""
CONFIG = """
server: {grace_s: 120}
box: {state: '%(folder)s/state'}
ledger: {path: '%(folder)s/rungwise.db'}
tiers:
  - name: tier1
    kind: vllm
    model: '%(model)s'
    served_as: demo-bottom
    engine: {dtype: bfloat16, max_model_len: 2048, max_num_seqs: 16, kv_cache_gib: 0.25,
      enforce_eager: true}
"""
ASK = {
    "model": "tier1",
    "messages": [{"role": "user", "content": "x"}],
    "max_tokens": 1500,
    "temperature": 2.0,  # noise, for seconds
    "seed": 1,
    "stream": True,
}


@asynccontextmanager
async def serving(folder: Path, model: Path) -> AsyncIterator[tuple[psutil.Popen, str]]:
    config, port = folder / "drain.yaml", free_port()
    config.write_text(CONFIG % {"folder": folder, "model": model})
    command = [sys.executable, "-m", "rungwise", "serve", "--config", str(config)]
    with (folder / "log").open("wb") as log:
        process = psutil.Popen([*command, "--port", str(port)], stdout=log, stderr=log)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.poll() is None:
            for each in (process, *process.children(recursive=True)):
                each.kill()
            process.wait()


def said(log: Path) -> str:
    return log.read_text()[-9000:]


async def until_ready(process: psutil.Popen, http: httpx.AsyncClient, log: Path) -> None:
    end = time.monotonic() + START_S
    while True:
        assert process.poll() is None and time.monotonic() < end, said(log)
        try:
            if (await http.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)


async def read(http: httpx.AsyncClient, begun: asyncio.Event) -> list[Any]:
    events: list[Any] = []
    async with http.stream("POST", "/v1/chat/completions", json=ASK) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                events.append(line[6:] if line == "data: [DONE]" else json.loads(line[6:]))
            if len(events) > 3:
                begun.set()
    return events


async def test_four_streams_end_whole_after_sigterm_and_then_the_engine_stops(
    tmp_path: Path, demo_model: Path
) -> None:
    async with (
        serving(tmp_path, demo_model) as (process, url),
        httpx.AsyncClient(base_url=url, timeout=START_S, trust_env=False) as http,
    ):
        await until_ready(process, http, tmp_path / "log")
        engine = process.children(recursive=True)
        begun = [asyncio.Event() for _ in range(4)]
        reading = [asyncio.ensure_future(read(http, each)) for each in begun]
        await asyncio.gather(*(each.wait() for each in begun))
        process.send_signal(signal.SIGTERM)
        while "draining" not in (told := (await http.get("/readyz")).json()):
            await asyncio.sleep(0.02)
        assert told["open"] == 4
        refused = await http.post("/v1/chat/completions", json=ASK)
        assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1
        for events in await asyncio.gather(*reading):
            assert events[-1] == "[DONE]"
            assert [c["finish_reason"] for e in events[:-1] for c in e["choices"]][-1] is not None
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert "open answers ended: 4, cut: 0" in said(tmp_path / "log")
        _, left = await asyncio.to_thread(psutil.wait_procs, engine, 30)
        assert not left
