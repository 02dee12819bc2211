"""Is a vLLM across the network as good a rung as the one in process?"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from rungwise.config import OpenAITierConfig
from rungwise.drafts import collect
from rungwise.tiers.hosted.openai import OpenAITier
from rungwise.types import Chat, Done, Message, Piece, Sampling

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

START_S = 240
KEY = "remote-vllm-test"
ASKED = Message(role="user", text="Write lete(x): add 34.")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, demo_model: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(demo_model), "--served-model-name", "demo", "--api-key", KEY]
    command += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "2048"]
    command += ["--dtype", "bfloat16", "--max-num-seqs", "8", "--enforce-eager"]
    command += ["--enable-prompt-tokens-details"]  # else it tells nobody what was cached
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "DO_NOT_TRACK": "1"}
    log_file = tmp_path_factory.mktemp("remote") / "log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        end = time.monotonic() + START_S
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, log_file.read_text()[-2000:]
            assert time.monotonic() < end, log_file.read_text()[-2000:]
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        finally:
            # its engine is of its own session, so nobody else's process is meant
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _metric(url: str, name: str) -> float:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"{name}{{"))


@pytest.fixture
async def tier(url: str) -> AsyncIterator[OpenAITier]:
    config = OpenAITierConfig(
        name="remote",
        kind="openai",
        model="demo",
        base_url=f"{url}/v1",
        api_key_env="K",
        logprobs=True,
    )
    config = config.model_copy(update={"api_key": SecretStr(KEY)})
    tier = OpenAITier(config, dialect="vllm")
    await tier.start()
    yield tier
    await tier.stop()


async def write(tier: OpenAITier, chat: Chat) -> tuple[list[Piece], Done]:
    drafting = tier.draft(chat, read=True, likeliest=2)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


async def test_every_token_is_read_and_counted(tier: OpenAITier) -> None:
    sampling = Sampling(max_tokens=48, temperature=0, top_logprobs=1)
    pieces, done = await write(tier, Chat(messages=(ASKED,), sampling=sampling))
    readings = [value for piece in pieces for value in piece.logprobs]
    assert len(readings) == done.usage.output <= 48
    assert all(value is not None and value <= 0 for value in readings)
    assert all(rivals for piece in pieces for rivals in piece.likeliest)
    assert collect(pieces)[0].finish in ("stop", "length") and not done.usage.estimated


async def test_a_prefix_is_cached_for_its_tenant_alone(tier: OpenAITier) -> None:
    rules = Message(role="system", text="Rules: be kind. " * 60)
    chat = Chat(messages=(rules, ASKED), sampling=Sampling(max_tokens=2, temperature=0))
    cached = []
    for tenant in ("a", "a", "b", "b"):
        asked = Chat(messages=chat.messages, sampling=chat.sampling, tenant=tenant)
        cached.append((await write(tier, asked))[1].usage.cache_read)
    assert cached[0] == cached[2] == 0
    assert cached[1] == cached[3] >= 128


async def test_closing_a_draft_stops_the_generation_there(tier: OpenAITier, url: str) -> None:
    noise = Sampling(max_tokens=1900, temperature=2.0, seed=1)
    before = _metric(url, "vllm:generation_tokens_total")
    drafting = tier.draft(Chat(messages=(ASKED,), sampling=noise), read=True)
    await anext(drafting)
    await drafting.aclose()
    end = time.monotonic() + 30
    while _metric(url, "vllm:num_requests_running"):
        assert time.monotonic() < end
        await asyncio.sleep(0.05)
    assert _metric(url, "vllm:generation_tokens_total") - before < 1000
    assert drafting.spent().usage.estimated
