"""Does every panel and every rule show something of a real server, by a real Prometheus, and truly?

The server's traffic is real. GPUs, engines of vLLM, alarms, audits and outcomes are played by
tests/doubles/box.py, which Prometheus asks beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rungwise.config import PriceConfig
from rungwise.ledger.report import read_report
from rungwise.tiers.scripted import Script, ScriptedTier, fail, label, say
from rungwise.types import Chat
from tests.boards import (
    agree,
    asked_by_boards,
    asked_by_docs,
    asked_by_rules,
    shown_since,
    unshown,
)
from tests.doubles.box import Box, box
from tests.doubles.upstream import Answer, Upstream
from tests.prometheus import prometheus
from tests.served import CHAT, Served, hosted, hosted_words, served

pytestmark = pytest.mark.anyio

KEYS = ("the-key-of-who-asks",)
HEADERS = {"authorization": f"Bearer {KEYS[0]}"}
CONFIG = """
gates: [{{tier: low, calibration: self_check.json, self_check: {{}}}}]
answer_cache: {{store: memory}}
access: {{escalation_alarm: {{share: 0.1, least: 5, window: 50}}}}
ledger: {{path: '{ledger}'}}
"""
ROUNDS = 4
PRICE = ", price: {input: 1, output: 2, cache_read: 0.1}"
BREAKS = f"{PRICE}, guards: {{retries: 0, breaker_failures: 3, breaker_open_s: 60}}"
CACHED = {
    "prompt_tokens": 100,
    "completion_tokens": 10,
    "total_tokens": 110,
    "prompt_tokens_details": {"cached_tokens": 80},
}


def write(chat: Chat) -> Script:
    """What the lowest rung says, of drafts and when it is asked about them."""
    asked = " ".join(message.text for message in chat.messages)
    if chat.labels:
        return fail("timeout") if "unasked" in asked else label("yes", yes=0.95, no=0.05)
    return say("an answer of its own", logprob=-3.0 if "hard" in asked else -0.01)


class Ladder:
    """A server with rungs that answer, doubt, fail, refuse, spill and have no price."""

    def __init__(self, server: Served, low: ScriptedTier, ledger: Path) -> None:
        self.server, self.low, self.ledger, self._number = server, low, ledger, 0

    async def ask(self, text: str, *, model: str = "auto", **more: Any) -> int:
        """The status. A question is asked once only, but for those from the cache."""
        self._number += 1
        headers = HEADERS | more.pop("headers", {})
        words = text if more.get("temperature") == 0 else f"{text} {self._number}?"
        body = {"model": model, "messages": [{"role": "user", "content": words}], **more}
        return (await self.server.http.post(CHAT, json=body, headers=headers)).status_code

    async def round(self) -> None:
        """Everything that a ladder can do, once or more."""
        for _ in range(4):
            assert await self.ask("How easy is") == 200
        for _ in range(2):
            assert await self.ask("How hard is") == 200
            assert await self.ask("How unasked is") == 200
            assert await self.ask("How known is it?", temperature=0) == 200
        assert await self.ask("How dear is", model="odd") == 200
        assert await self.ask("How is", model="top") == 200
        assert await self.ask("How is", model="middle") == 503
        assert await self.ask("How is", model="strict") == 400
        poor = {"x-rungwise-max-usd": "0.000000001"}
        assert await self.ask("How hard is", headers=poor) == 402
        self.low.full = "9 drafts wait"
        assert await self.ask("How full is") == 200
        self.low.full = None


@asynccontextmanager
async def ladder(folder: Path) -> AsyncIterator[tuple[Ladder, int]]:
    low = ScriptedTier("low", write, model="small", price=PriceConfig(input=0.1, output=0.2))
    odd = ScriptedTier("odd", say("no price"), model="odd", local=False)
    ledger = folder / "ledger.db"
    answers = Answer(hosted_words("better words", usage=CACHED))
    async with (
        Upstream(Answer(status=500)) as broken,
        Upstream(Answer(status=400)) as picky,
        Upstream(answers) as upstream,
    ):
        rungs = (
            low,
            hosted("middle", broken.url, model="middle", more=BREAKS),
            hosted("strict", picky.url, model="picky", more=PRICE),
            hosted("top", upstream.url, model="big", more=PRICE),
            odd,
        )
        config = CONFIG.format(ledger=ledger)
        async with served(folder, *rungs, config=config, listening=True, callers=KEYS) as server:
            yield Ladder(server, low, ledger), int(server.http.base_url.port or 0)


# ---- tests -------------------------------------------------------------------------------------


async def work(asked: Ladder, played: Box) -> None:
    for _ in range(ROUNDS):
        await asked.round()
        played.work()
        await asyncio.sleep(0.5)  # so that figures grow between two scrapes


async def test_every_panel_and_every_rule_shows_something(tmp_path: Path) -> None:
    async with (
        ladder(tmp_path) as (asked, port),
        box() as (played, beside),
        prometheus(port, beside, key=KEYS[0]) as seen,
    ):
        await seen.scraped()
        await work(asked, played)
        await seen.scraped()
        await seen.until("route:rungwise_outcomes:right_low_rate1h")
        found = await unshown(seen, [*asked_by_boards(), *asked_by_rules(), *asked_by_docs()])
        told = await seen.told("/api/v1/rules")
    assert not found, "\n" + "\n".join(found)
    ill = [rule for group in told["groups"] for rule in group["rules"] if rule["health"] == "err"]
    assert not ill, ill


async def test_the_overviews_figures_are_the_ledgers(tmp_path: Path) -> None:
    async with ladder(tmp_path) as (asked, port), prometheus(port, key=KEYS[0]) as seen:
        for _ in range(ROUNDS):  # each series is well above zero before what is compared
            await asked.round()
        await seen.scraped()
        before, began = read_report(asked.ledger).all, await seen.number("time()")
        await seen.scraped()  # what is compared begins with a look at it
        for _ in range(ROUNDS):
            await asked.round()
            await asyncio.sleep(0.5)
        await seen.scraped()
        after, shown = read_report(asked.ledger).all, await shown_since(seen, began)
    agree(shown, before, after)
