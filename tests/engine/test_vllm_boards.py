"""Does the GPU board show something of a real engine, by a real Prometheus?"""

from __future__ import annotations

import pytest
from tests.boards import asked_of_engines, unshown
from tests.doubles.box import exposed
from tests.engine.test_vllm_tier import chat, write
from tests.prometheus import prometheus

from rungwise.observe.metrics import Metrics
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import Sampling

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]


async def test_every_panel_of_an_engines_own_figures_shows_something(tier: VllmTier) -> None:
    metrics = Metrics()
    metrics.watch_engine_metrics(tier)
    asked = asked_of_engines()
    assert len(asked) >= 10
    async with exposed(metrics) as port, prometheus(port) as seen:
        for _ in range(3):
            await write(tier, chat("Count to ten.", Sampling(max_tokens=8), stream=True))
            await seen.scraped()
        assert not (found := await unshown(seen, asked)), "\n" + "\n".join(found)
