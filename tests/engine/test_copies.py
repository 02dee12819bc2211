"""Do two copies of a model serve one rung, as one copy would?"""

from __future__ import annotations

import asyncio

import psutil
import pytest
from tests.engine.test_vllm_tier import NOISE, chat, text_of, write

from rungwise.config import SpillConfig, VllmTierConfig
from rungwise.tiers.local.vllm import VllmTier

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]

AT_ONCE = 2
"""Drafts of each copy."""


async def test_two_copies_share_the_drafts_of_one_rung(engine_config: VllmTierConfig) -> None:
    engine = engine_config.engine.model_copy(
        update={"data_parallel_size": 2, "max_num_seqs": AT_ONCE}
    )
    spill = SpillConfig(waiting=1, kv_use=0.0001)
    tier = VllmTier(engine_config.model_copy(update={"engine": engine, "spill": spill}))
    before = set(psutil.Process().children(recursive=True))
    await tier.start()
    try:
        drafts = await asyncio.gather(*[write(tier, chat(), read=True) for _ in range(6)])
        assert len({text_of(pieces) for pieces, _ in drafts}) == 1
        for pieces, done in drafts:
            assert sum(len(piece.logprobs) for piece in pieces) == done.usage.output
        running = [tier.draft(chat(sampling=NOISE), read=True) for _ in range(2 * AT_ONCE)]
        for drafting in running:
            await anext(drafting)
        assert tier.unfinished == 2 * AT_ONCE, "all of them write: two on each copy"
        assert "KV cache" in (tier.saturation() or ""), "room for a draft, but not for its cache"
        for drafting in running:
            await drafting.aclose()
        assert tier.unfinished == 0 and tier.saturation() is None
        asked = chat("Is it so?", labels=("yes", "no"))
        assert any(piece.shown for piece in (await write(tier, asked))[0])
        assert await tier.health() is None
    finally:
        made = set(psutil.Process().children(recursive=True)) - before
        copies = [child for child in made if "EngineCor" in child.name()]
        await tier.stop()
    assert len(copies) == 2
    _, alive = psutil.wait_procs(copies, timeout=5)
    assert not alive, "no copy outlives its rung"
