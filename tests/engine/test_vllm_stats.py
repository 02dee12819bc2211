"""What an engine tells of itself is what its drafts were, and another engine takes nothing away."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY
from tests.engine.test_vllm_tier import chat, write

from rungwise.config import VllmTierConfig
from rungwise.observe.metrics import Metrics
from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Sampling

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]


def stats_of(tier: VllmTier) -> EngineStats:
    stats = tier.stats
    assert stats is not None
    return stats


async def test_its_tokens_are_those_of_its_drafts(tier: VllmTier) -> None:
    stats = stats_of(tier)
    prompt, written, ended = stats.prompt, stats.written, sum(stats.ended.values())
    firsts = sum(stats.first_token.counts)
    _, done = await write(tier, chat("Count to ten.", Sampling(max_tokens=8), stream=True))
    assert stats.prompt - prompt == done.usage.input + done.usage.cache_read
    assert stats.written - written == done.usage.output + done.usage.reasoning
    assert sum(stats.ended.values()) - ended == sum(stats.first_token.counts) - firsts == 1
    assert stats_of(tier).running == stats_of(tier).waiting == 0, "nobody asks it for anything"


async def test_a_second_engine_takes_none_of_the_firsts_series(
    tier: VllmTier, engine_config: VllmTierConfig
) -> None:
    metrics, second = Metrics(), VllmTier(engine_config.model_copy(update={"name": "tier2"}))
    for each in (tier, second):
        metrics.watch_engine_metrics(each)
    await second.start()
    try:
        before = stats_of(tier).written
        for each in (tier, second):
            await write(each, chat("Count to ten.", Sampling(max_tokens=8)))
        body = metrics.render()[0].decode()
    finally:
        await second.stop()
    assert stats_of(tier).written > before and stats_of(second).written > 0
    for name in ("tier1", "tier2"):
        assert f'rungwise_engine_generation_tokens_total{{tier="{name}"}}' in body
    assert "vllm:num_requests_running" not in REGISTRY._names_to_collectors, "its own are off"
