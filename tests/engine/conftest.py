"""What the engine tests share: the smallest demo model, and one engine on it for the session."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rungwise.config import EngineConfig, VllmTierConfig
from rungwise.tiers.local.vllm import VllmTier


@pytest.fixture(scope="session")
def demo_model() -> Path:
    return Path(__file__).parents[2] / "models/demo/bottom"


@pytest.fixture(scope="session")
def engine_config(demo_model: Path) -> VllmTierConfig:
    return VllmTierConfig(
        name="tier1",
        kind="vllm",
        model=str(demo_model),
        served_as="demo-bottom",
        usd_per_gpu_hour=1,
        engine=EngineConfig(
            dtype="bfloat16",
            max_model_len=2048,
            max_num_seqs=16,
            kv_cache_gib=0.25,
            enforce_eager=True,
            tool_parser="hermes",
        ),
    )


@pytest.fixture(scope="session")
async def tier(engine_config: VllmTierConfig) -> AsyncIterator[VllmTier]:
    """One engine, and so one event loop, for every test that takes it. Their files are called
    test_vllm_*, after all others: test_starting.py counts processes, and must be alone."""
    tier = VllmTier(engine_config)
    await tier.start()
    yield tier
    await tier.stop()
