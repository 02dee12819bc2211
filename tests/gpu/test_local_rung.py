"""Does a rung on a real GPU count its joules, keep its prefixes and stop at once?

Opt-in: `pytest -m gpu tests/gpu`, with rungwise[gpu] installed. The demo's small model, so that it
takes a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.lab.bench.rung_drafts import draft, drafts, question, words
from rungwise.observe.gpu import GpuAbsent, energy_joules, gpus
from rungwise.tiers.local.energy import Energy
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Chat, Message, Sampling

pytestmark = [pytest.mark.gpu, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]


def babble(seed: int) -> Chat:
    """At this temperature the model writes until it is stopped."""
    return Chat(
        messages=(Message(role="user", text="go on"),),
        sampling=Sampling(max_tokens=400, temperature=2.0, seed=seed),
    )


Counters = Callable[[], Sequence[float] | None]


@pytest.fixture(scope="module")
def counters() -> Counters:
    found = gpus()
    if isinstance(found, GpuAbsent):
        pytest.skip(f"no GPU: {found.why}")
    read = energy_joules(None)
    if read is None:
        pytest.skip("this GPU counts no energy")
    return read


@pytest.fixture(scope="module")
async def tier(counters: Counters) -> AsyncIterator[VllmTier]:
    config = VllmTierConfig(
        name="tier1",
        kind="vllm",
        model=str(Path(__file__).parents[2] / "models/demo/bottom"),
        usd_per_gpu_hour=2,
        engine=EngineConfig(
            dtype="bfloat16", max_model_len=2048, kv_cache_gib=1, enforce_eager=True
        ),
    )
    tier = VllmTier(config, energy=Energy(counters, time.perf_counter))
    await tier.start()
    yield tier
    await tier.stop()


async def test_what_the_drafts_used_is_what_the_gpu_counted(
    tier: VllmTier, counters: Counters
) -> None:
    before = counters()
    done = await drafts(tier, [babble(i) for i in range(64)], 16)
    after = counters()
    assert before is not None and after is not None
    told = sum(one.done.joules or 0.0 for one in done)
    assert told == pytest.approx(after[0] - before[0], rel=0.1)
    assert all(tier.cost_nano(one.done) for one in done)


async def test_a_prefix_that_was_read_is_not_read_again(tier: VllmTier) -> None:
    prefix = words(seed=1, count=300)
    cold = await draft(tier, question("why?", prefix))
    warm = await draft(tier, question("how?", prefix))
    assert cold.cached == 0 and warm.cached > 0.9 * cold.prompt
    assert warm.prompt == warm.read + warm.cached


async def test_a_draft_that_is_given_up_costs_its_part(tier: VllmTier) -> None:
    whole = await draft(tier, babble(1), read=True)
    early = await draft(tier, babble(1), read=True, stop=16)
    assert tier.unfinished == 0 and early.written < whole.written
    assert (tier.cost_nano(early.done) or 0) < (tier.cost_nano(whole.done) or 0)


async def test_an_idle_engine_uses_power_too(tier: VllmTier) -> None:
    before = tier.standing()
    await asyncio.sleep(0.2)
    after = tier.standing()
    assert after.idle_joules > before.idle_joules and after.busy_s == before.busy_s
