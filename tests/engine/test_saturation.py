"""Does a rung that has too much to do let the next one take the step, and only then?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.engine.test_vllm_tier import NOISE, chat, write
from tests.routed import routed
from tests.test_cascade import ListLedger

from rungwise.access.free import FreePurse
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.config import SpillConfig, VllmTierConfig
from rungwise.story import Clock
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Caller, Entry
from rungwise.verify.checks import Checks

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]

AT_ONCE, ASKED = 4, 10


@pytest.fixture(scope="module")
async def busy(engine_config: VllmTierConfig) -> AsyncIterator[VllmTier]:
    """An engine for four drafts at once that tells how full its KV cache is."""
    engine = engine_config.engine.model_copy(update={"max_num_seqs": AT_ONCE})
    spill = SpillConfig(kv_use=0.0001)
    tier = VllmTier(engine_config.model_copy(update={"engine": engine, "spill": spill}))
    await tier.start()
    yield tier
    await tier.stop()


def spilling(tier: VllmTier, spill: SpillConfig, monkeypatch: pytest.MonkeyPatch) -> VllmTier:
    monkeypatch.setattr(tier, "_config", tier._config.model_copy(update={"spill": spill}))
    return tier


async def asked_at_once(tier: VllmTier) -> list[Entry]:
    """The entries of ten steps that come together, with a second rung above the engine."""
    ladder, ledger = (tier, ScriptedTier("tier2", *[say("taken")] * ASKED)), ListLedger()
    cascade = Cascade(
        ladder=ladder,
        router=routed(ladder),
        gates={},
        verifier=Checks(),
        cache=NoCache(),
        purse=FreePurse(),
        ledger=ledger,
        clock=Clock(now=time.perf_counter, unix=time.time),
    )

    async def one(number: int) -> None:
        async for _ in cascade.answer(chat(), Caller(), id=f"req_{number}"):
            pass

    await asyncio.gather(*map(one, range(ASKED)))
    assert all(entry.state == "answered" for entry in ledger.entries)
    return ledger.entries


async def test_steps_spill_once_one_draft_waits(
    busy: VllmTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    tier = spilling(busy, SpillConfig(waiting=1), monkeypatch)
    entries = await asked_at_once(tier)
    spilled = [entry.attempts[0] for entry in entries if entry.tier == "tier2"]
    assert len(spilled) == ASKED - AT_ONCE - 1, "four run, and one may wait"
    assert {attempt.state for attempt in spilled} == {"spilled"}
    assert {attempt.reason for attempt in spilled} == {
        "a draft waits for the engine (spill.waiting: 1)"
    }
    assert {attempt.cost_nano for attempt in spilled} == {0}
    assert tier.saturation() is None, "it has time again"


async def test_without_a_limit_they_wait_for_the_engine(
    busy: VllmTier, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = await asked_at_once(spilling(busy, SpillConfig(), monkeypatch))
    assert {entry.tier for entry in entries} == {"tier1"}
    assert all(entry.cost_nano for entry in entries)


async def test_a_full_kv_cache_spills_and_an_engine_without_drafts_never(busy: VllmTier) -> None:
    await write(busy, chat())
    assert busy.saturation() is None
    drafting = busy.draft(chat(sampling=NOISE, stream=True), read=False)
    async with asyncio.timeout(20):
        while busy.saturation() is None:
            await anext(drafting)
    assert "% of the KV cache is in use (spill.kv_use: 0.0001)" in (busy.saturation() or "")
    await drafting.aclose()
    assert busy.saturation() is None, "though the scheduler has said nothing new"


async def test_a_draft_that_comes_whole_is_seen_at_work_before_its_end(busy: VllmTier) -> None:
    """Else whoever ends first would be billed for all that were held with it."""
    before = busy.standing().busy_s
    long = asyncio.ensure_future(write(busy, chat(sampling=replace(NOISE, seed=3))))
    _, short = await write(busy, chat(sampling=replace(NOISE, max_tokens=60, seed=3)))
    busy_s = busy.standing().busy_s - before
    assert not long.done(), "this seed babbles"
    assert 0.2 * busy_s < (short.engine_s or 0.0) < 0.8 * busy_s
    _, much = await long
    shares = (short.engine_s or 0.0) + (much.engine_s or 0.0)
    assert abs(shares - (busy.standing().busy_s - before)) < 1e-6
