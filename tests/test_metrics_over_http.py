"""What a server tells Prometheus is what docs/metrics.md says, and does not grow with junk."""

import re
from pathlib import Path

import pytest
from openai import APIStatusError

from rungwise.access.budget import AUDITS
from rungwise.config import PriceConfig
from rungwise.store.sql import Store
from rungwise.tiers.scripted import ScriptedTier, say
from tests.access.accounts import Account, bids, capped
from tests.access.test_purse import gone
from tests.observe.test_metrics import DOCS
from tests.served import served

pytestmark = pytest.mark.anyio


def series(text: str) -> set[str]:
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"}


async def test_a_server_tells_every_metric_of_the_docs_and_no_other(tmp_path: Path) -> None:
    async with served(tmp_path, ScriptedTier("tier1", say("It is."), model="small")) as server:
        await server.ask()
        text = await server.metrics()
    there = dict(re.findall(r"^# TYPE (rungwise_\w+) (\w+)$", text, re.MULTILINE))
    told = dict(re.findall(r"^\| `(rungwise_\w+)` \| (\w+) \|", DOCS, re.MULTILINE))
    assert there == told
    assert "process_resident_memory_bytes" in text and "_created" not in text
    assert 'tier="tier1"' in text


async def test_junk_names_of_models_users_tasks_and_paths_make_no_series(tmp_path: Path) -> None:
    tier = ScriptedTier("tier1", *[say("It is.")] * 25, model="small")
    async with served(tmp_path, tier) as server:
        await server.ask()
        before = series(await server.metrics())
        for number in range(20):
            junk = f"junk-{number}"
            await server.http.get(f"/{junk}")
            await server.http.post(
                "/v1/chat/completions",
                json={"model": junk, "messages": [{"role": "user", "content": "x"}]},
            )
            await server.ask(user=junk, metadata={"task": junk}, headers={"x-rungwise-task": junk})
        assert series(await server.metrics()) == before


async def test_a_step_that_a_cap_refuses_is_counted_though_nothing_of_it_is_written(
    tmp_path: Path,
) -> None:
    price = PriceConfig(input=1, output=2, cache_read=1)
    paid = ScriptedTier("paid", say("It is."), model="small", local=False, price=price)
    paid.most = 10_000
    async with served(tmp_path, paid) as server:
        await server.ask(model="paid")
        for model in ("paid", "auto", "paid"):
            with pytest.raises(APIStatusError, match="402"):
                await server.ask(model=model, headers={"x-rungwise-max-usd": "0.000000001"})
        told = await server.metrics()
    assert 'rungwise_refused_for_money_total{route="paid"} 2.0' in told
    assert 'rungwise_refused_for_money_total{route="auto"} 1.0' in told
    assert 'state="unpaid"' not in told, "these are of entries"


async def test_what_a_dead_server_lost_is_told_once_and_at_its_worst_case(tmp_path: Path) -> None:
    store = Store(tmp_path / "rungwise.db")
    await store.start()
    dead = Account(store, id=gone())
    await dead.lease.renew()
    for id, caller in (("req_1", "ci"), ("aud_1", AUDITS)):
        await dead.purse.reserve(
            id, capped(10**9, name=caller), bids(0, 250_000_000), most_nano=None
        )
    await store.stop()

    async def told() -> set[str]:
        tier = ScriptedTier("tier1", say("It is."), model="small", local=False)
        async with served(tmp_path, tier) as server:
            text = await server.metrics()
        return {
            line
            for line in text.splitlines()
            if line.startswith(("rungwise_answers_total", "rungwise_cost_usd", "rungwise_attempts"))
        }

    answers = 'rungwise_answers_total{route="other",state="lost",step_type="open_chat",tier="none"}'
    assert await told() == {
        f"{answers} 1.0",
        'rungwise_attempts_total{role="draft",state="lost",tier="tier1"} 1.0',
        'rungwise_attempts_total{role="audit",state="lost",tier="tier1"} 1.0',
        'rungwise_cost_usd_total{role="draft",tier="tier1"} 0.25',
        'rungwise_cost_usd_total{role="audit",tier="tier1"} 0.25',
    }
    assert await told() == {f"{answers} 0.0"}, "the next server finds it in the ledger"
