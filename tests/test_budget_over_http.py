"""Do two servers on one PostgreSQL keep a key's cap, and every kind of limit, over HTTP?

Real processes of `rungwise serve`, a real upstream whose bill is added up beside them.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from rungwise.lab.children import free_port
from tests.access.accounts import account
from tests.doubles.upstream import Answer, Request, Upstream, openai_delta, openai_stream

pytestmark = pytest.mark.anyio

MOST = 50
"""Tokens that an answer may have; each costs a thousandth of a dollar, the prompt nothing."""
NANO = 1_000_000
ANSWERS = 10
CONFIG = """
server: {{port: {port}, max_connections: 1000}}
access: {{stored_keys: true, refresh_s: 0.2}}
ledger: {{url_env: STORE}}
tiers:
  - name: tier1
    kind: openai
    model: small
    base_url: '{url}/v1'
    api_key_env: KEY
    price: {{input: 0, output: 1000, cache_read: 0}}
"""


class Bill:
    """What the upstream would charge: random lengths, never more than was asked for."""

    def __init__(self, seed: int) -> None:
        self.draw, self.nano = random.Random(seed), 0

    def __call__(self, request: Request) -> Answer:
        tokens = self.draw.randint(1, int(request.body.get("max_tokens", MOST)))
        self.nano += tokens * NANO
        usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
        chunks = [openai_delta("yes"), openai_delta(finish="stop"), {"usage": usage}]
        return Answer(openai_stream(*chunks, done=True))


def environ(store: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "STORE": store, "KEY": "any"}


@asynccontextmanager
async def serving(
    folder: Path, upstream: str, store: str, *, killed: bool = False
) -> AsyncIterator[str]:
    """A server's address, once it is ready. `killed`: in the end it gets no time to say goodbye."""
    port = free_port()
    config = folder / f"{port}.yaml"
    config.write_text(CONFIG.format(port=port, url=upstream))
    command = [sys.executable, "-m", "rungwise", "serve", "--config", str(config)]
    with (folder / f"{port}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environ(store), stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(60):
            while not await is_ready(http, url):
                assert process.returncode is None, (folder / f"{port}.log").read_text()
                await asyncio.sleep(0.1)
        yield url
    finally:
        if process.returncode is None:
            (process.kill if killed else process.terminate)()
        await process.wait()


async def is_ready(http: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def keys(folder: Path, store: str, *arguments: str) -> str:
    """What `rungwise keys ...` prints."""
    (config, *_) = files(folder, "*.yaml")
    command = [sys.executable, "-m", "rungwise", "keys", *arguments, "--config", str(config)]
    process = await asyncio.create_subprocess_exec(
        *command, env=environ(store), stdout=subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode().strip()


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


async def ask(http: httpx.AsyncClient, url: str, secret: str, **headers: str) -> httpx.Response:
    body = {
        "model": "auto",
        "max_tokens": MOST,
        "messages": [{"role": "user", "content": "Is it?"}],
    }
    head = {"authorization": f"Bearer {secret}", **headers}
    return await http.post(f"{url}/v1/chat/completions", json=body, headers=head)


async def known(http: httpx.AsyncClient, urls: list[str], secret: str, *, so: bool = True) -> None:
    """Wait until every server knows a key, or has forgotten it."""
    head = {"authorization": f"Bearer {secret}"}
    async with asyncio.timeout(30):
        for url in urls:
            while ((await http.get(f"{url}/v1/models", headers=head)).status_code == 200) != so:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def two_servers(
    folder: Path, store: str, bill: Bill
) -> AsyncIterator[tuple[list[str], httpx.AsyncClient]]:
    async with AsyncExitStack() as running:
        upstream = await running.enter_async_context(Upstream(bill))
        servers = (serving(folder, upstream.url, store) for _ in range(2))
        urls = await asyncio.gather(*map(running.enter_async_context, servers))
        limits = httpx.Limits(max_connections=None)
        yield (
            urls,
            await running.enter_async_context(
                httpx.AsyncClient(trust_env=False, limits=limits, timeout=60)
            ),
        )


async def test_two_servers_keep_a_cap_to_the_nano_dollar(
    tmp_path: Path, postgres_url: str, thorough: bool
) -> None:
    bill = Bill(1)
    async with two_servers(tmp_path, postgres_url, bill) as (urls, http):
        for seed in range(10 if thorough else 1):
            before, name = bill.nano, f"seed{seed}"
            cap = f"{MOST * ANSWERS * NANO / 1e9}/ever"
            secret = await keys(tmp_path, postgres_url, "create", name, "--cap", cap)
            await known(http, urls, secret)
            asked = (ask(http, urls[number % 2], secret) for number in range(500))
            told = await asyncio.gather(*asked)
            paid = [answer for answer in told if answer.status_code == 200]
            refused = [answer for answer in told if answer.status_code == 402]
            assert len(paid) + len(refused) == 500 and len(paid) >= ANSWERS
            assert "cap on spending" in refused[0].json()["error"]["message"]
            spent = sum(round(a.json()["rungwise"]["cost_usd"] * 1e9) for a in paid)
            assert spent == bill.nano - before <= MOST * ANSWERS * NANO
            async with account(postgres_url) as books:
                assert (await books.books())[name, "all", "ever"] == (spent, 0)
                assert await books.open() == []


async def test_a_key_s_answer_is_given_once_and_its_revocation_reaches_every_server(
    tmp_path: Path, postgres_url: str
) -> None:
    bill = Bill(2)
    async with two_servers(tmp_path, postgres_url, bill) as (urls, http):
        secret = await keys(tmp_path, postgres_url, "create", "ci", "--rpm", "3")
        await known(http, urls, secret)
        first, second = [await ask(http, url, secret, **{"Idempotency-Key": "k"}) for url in urls]
        assert first.json()["id"] == second.json()["id"]
        assert first.json()["choices"] == second.json()["choices"]
        assert second.json()["rungwise"]["cost_usd"] == 0
        assert bill.nano == round(first.json()["rungwise"]["cost_usd"] * 1e9)
        told = [await ask(http, urls[0], secret) for _ in range(3)]
        assert [answer.status_code for answer in told] == [200, 200, 429]
        assert int(told[-1].headers["retry-after"]) >= 1
        await keys(tmp_path, postgres_url, "revoke", "ci")
        await known(http, urls, secret, so=False)
        assert (await ask(http, urls[1], secret)).status_code == 401
    assert not any(secret in log.read_text() for log in files(tmp_path, "*.log"))


async def test_what_a_killed_server_had_set_aside_is_put_in_order_when_the_next_one_starts(
    tmp_path: Path,
) -> None:
    store = f"sqlite:///{tmp_path / 'own.db'}"
    async with (
        Upstream(Answer(silent=True)) as upstream,
        httpx.AsyncClient(trust_env=False, timeout=60) as http,
    ):
        async with serving(tmp_path, upstream.url, store, killed=True) as url:
            secret = await keys(tmp_path, store, "create", "ci", "--cap", "1/day")
            await known(http, [url], secret)
            asking = asyncio.create_task(ask(http, url, secret))
            await upstream.asked.wait()
        with pytest.raises(httpx.TransportError):
            await asking
        async with serving(tmp_path, upstream.url, store), account(store) as books:
            assert await books.open() == []
            assert await books.books() == {("ci", "all", "day"): (MOST * NANO, 0)}
            ((_, state),) = await books.entries()
            assert state == "lost" and await books.costs() == [MOST * NANO]
