"""Is anything lost, or counted twice, when the whole server is killed at any moment?

A real `rungwise serve` on SQLite and on PostgreSQL gets SIGKILL again and again while dozens of
callers wait; the upstream keeps its own log of what it served.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import select

from rungwise.ledger.report import read_report
from rungwise.ledger.sql import read_entries
from rungwise.store.database import Database
from rungwise.store.tables import reservation, server, spending
from rungwise.types import Entry
from tests.doubles.till import Act, Asked, Rates, Served, Till
from tests.doubles.upstream import Upstream
from tests.nursery import Nursery, nursery

pytestmark = pytest.mark.anyio

CALLERS = 32
"""Each has a key of its own, and one request at a time: so it is known whose a lost one is."""
ROUND = 1_000_000
RATES = {"low": Rates(75, 7, 93, 150, 301), "top": Rates(1250, 125, 1562, 2500, 10_000)}
CONFIG = """
server: {{api_keys_env: CALLERS}}
ledger: {{url_env: STORE}}
access: {{limits: {{caps: [{{usd: 900000, window: ever}}]}}}}
prices: {{book: none}}
tiers:
  - {{name: low, kind: responses, model: tiny, base_url: '{url}/low/v1', price: {low}, {more}}}
  - {{name: top, kind: openai, model: small, base_url: '{url}/top/v1', price: {top}, {more}}}
gates: [{{tier: low, accept: checked}}]
"""
MORE = "max_tokens: 20000, api_key_env: KEY, guards: {retries: 0, breaker_failures: 0}"


def script(asked: Asked) -> Act:
    """Some climb; some are slow, so that a kill meets them at every point."""
    drip_s = (0.0, 0.0, 0.001, 0.004)[asked.number % 4]
    wrong = asked.rung == "low" and asked.number % 3 == 0
    return Act("2 + 2 = 5" if wrong else "fine words", drip_s=drip_s)


@dataclass
class Heard:
    """What was acknowledged: its last byte came, with the extension."""

    costs: dict[str, int] = field(default_factory=dict)
    """By id."""
    deaths: list[float] = field(default_factory=list)
    """When each life of the server ended, in Unix seconds."""


async def ask_until_dead(http: aiohttp.ClientSession, url: str, place: int, heard: Heard) -> None:
    """One caller, until its server is gone."""
    head = {"authorization": f"Bearer {key_of(place)}"}
    numbers = iter(range(place * 1000, (place + 1) * 1000))
    try:
        for number in numbers:
            number += ROUND * len(heard.deaths)
            body = {
                "model": "auto",
                "stream": number % 2 == 0,
                "messages": [{"role": "user", "content": f"What is it? #{number}"}],
            }
            path = f"{url}/v1/chat/completions"
            async with http.post(path, json=body, headers=head) as answer:
                said = (await answer.read()).decode()
                assert answer.status == 200, said
            if body["stream"] and "data: [DONE]" not in said:
                return  # broken off by the kill
            heard.costs[answer.headers["x-request-id"]] = cost_of(said)
    except aiohttp.ClientError:
        pass


def key_of(place: int) -> str:
    return f"a-key-of-caller-{place}"


def cost_of(said: str) -> int:
    lines = [line[6:] for line in said.splitlines() if line.startswith("data: {")] or [said]
    (told,) = [e["rungwise"] for e in map(json.loads, lines) if "rungwise" in e]
    return round(told["cost_usd"] * 1e9)


async def killed(
    forks: Nursery, config: Path, environ: dict[str, str], heard: Heard, chance: random.Random
) -> None:
    """One life of the server, with every caller at work in the end; some answers long."""
    process = await forks.serve(config, environ, log=config.with_suffix(".log"))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        asking = [
            asyncio.ensure_future(ask_until_dead(http, process.url, place, heard))
            for place in range(CALLERS)
        ]
        enough = len(heard.costs) + chance.randrange(2 * CALLERS)
        async with asyncio.timeout(60):
            while len(heard.costs) < enough:
                await asyncio.sleep(0.001)
        await asyncio.sleep(chance.uniform(0, 0.01))
        assert not any(task.done() for task in asking)
        process.kill()
        await asyncio.gather(*asking)
        assert await forks.ended(process) == -9
    heard.deaths.append(time.time())


async def test_no_kill_loses_or_doubles_what_was_answered_or_served(
    tmp_path: Path, store_url: str, thorough: bool
) -> None:
    kills = (200 if "sqlite" in store_url else 60) if thorough else 6
    chance, heard, till = random.Random(20261125), Heard(), Till(script, RATES)
    async with Upstream(till) as upstream, nursery() as forks:
        config = tmp_path / "server.yaml"
        prices = {name: rates.yaml for name, rates in RATES.items()}
        config.write_text(CONFIG.format(url=upstream.url, more=MORE, **prices))
        keys = ",".join(map(key_of, range(CALLERS)))
        environ = {"KEY": "any", "STORE": store_url, "CALLERS": keys}
        for _ in range(kills):
            await killed(forks, config, environ, heard, chance)
        last = await forks.serve(config, environ, log=config.with_suffix(".log"))
        in_order(store_url, heard, till.served, kills)
        last.kill()
        await forks.ended(last)


# ---- what must hold --------------------------------------------------------------------------


def in_order(store: str, heard: Heard, bill: Sequence[Served], kills: int) -> None:
    entries = list(read_entries(store))
    by_id = {entry.id: entry for entry in entries}
    assert len(by_id) == len(entries), "none twice"
    assert heard.costs.keys() <= by_id.keys(), "none lost"
    assert all(by_id[id].cost_nano == cost for id, cost in heard.costs.items())
    lost = [entry for entry in entries if entry.state == "lost"]
    assert not any(entry.id in heard.costs for entry in lost)
    assert len(heard.costs) > kills * 10 and len(lost) > kills * 5, "kills met work"
    covered(entries, bill, heard.deaths)
    summed(store, entries)


def covered(entries: Iterable[Entry], bill: Iterable[Served], deaths: Sequence[float]) -> None:
    """Every call that was served is an attempt, to the nano-dollar, or its caller lost an answer in
    that life of the server, which is counted as no less."""
    lines = {line.id: line for line in bill}
    lost: Counter[tuple[str, int]] = Counter()
    worst: Counter[tuple[str, int]] = Counter()
    for entry in entries:
        if entry.state == "lost":
            whose = (entry.caller, bisect(deaths, entry.at))
            lost[whose] += 1
            worst[whose] += entry.cost_nano or 0
            assert {attempt.state for attempt in entry.attempts} == {"lost"}
            continue
        for attempt in entry.attempts:
            line = lines.pop(attempt.billed_as or "")
            assert attempt.cost_nano == line.nano and not attempt.usage.estimated
    served: Counter[tuple[str, int]] = Counter()
    for line in lines.values():
        life, number = divmod(line.number, ROUND)
        served[f"key{number // 1000 + 1}", life] += line.nano
    assert set(lost.values()) == {1}, "a caller asks one thing at a time"
    assert served.keys() <= lost.keys() and served <= worst


def summed(store: str, entries: Sequence[Entry]) -> None:
    """What caps, reports and entries say is one and the same, and nothing is set aside."""
    spent: Counter[str] = Counter()
    for entry in entries:
        assert entry.cost_nano is not None
        spent[entry.caller] += entry.cost_nano
    with Database(store).looking() as connection:
        assert connection.execute(select(reservation)).all() == []
        assert len(connection.execute(select(server)).all()) == 1, "the dead are struck out"
        rows = connection.execute(select(spending)).all()
    assert {row.caller: (row.spent, row.reserved) for row in rows} == {
        caller: (nano, 0) for caller, nano in spent.items()
    }
    told = read_report(store, ("key",))
    assert {line.key[0]: line.cost_nano for line in told.lines} == dict(spent)
