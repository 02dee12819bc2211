"""What does an adapter's rung have of its own, and what is its engine's? None is started here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rungwise.build.ladder import build_ladder
from rungwise.config import Config
from rungwise.contracts import Tier
from rungwise.errors import TierError
from rungwise.types import Chat, Done, Message, Sampling, Usage

CHAT = Chat(messages=(Message(role="user", text="word " * 3000),))


def rungs(base: dict[str, Any] | None = None, **adapter: Any) -> tuple[Tier, Tier]:
    own = {"name": "law", "kind": "adapter", "of": "t1", "model": "adapters/law-8b", **adapter}
    engine = {"name": "t1", "kind": "vllm", "model": "org/m", **(base or {})}
    law, t1 = build_ladder(Config.model_validate({"tiers": [own, engine]}))
    return law, t1


def test_it_is_called_and_shown_by_its_own_names() -> None:
    law, _ = rungs()
    assert (law.name, law.model, law.local) == ("law", "law-8b", True)
    assert rungs(served_as="legal")[0].model == "legal"


def test_its_drafts_cost_the_engines_time() -> None:
    law, base = rungs({"usd_per_gpu_hour": 2})
    done = Done(model="law-8b", usage=Usage(), engine_s=1.8)
    assert law.cost_nano(done) == base.cost_nano(done) == 1_000_000
    assert law.most_nano(CHAT) == 0 and law.saturation() is None


def test_its_abilities_are_the_models_within_its_own_context() -> None:
    law, base = rungs({"engine": {"max_model_len": 1024}})
    assert law.lacks(CHAT) == base.lacks(CHAT) is not None
    law, base = rungs({"context": 32768}, context=1024)
    assert base.lacks(CHAT) is None is not law.lacks(CHAT)
    law, base = rungs(card="claude-haiku-4-5")
    shown = replace(CHAT, sampling=Sampling(top_logprobs=1))
    assert base.lacks(shown) is None and law.lacks(shown) == "gives no log-probabilities"


@pytest.mark.anyio
async def test_what_its_engine_lacks_is_said_in_its_own_name() -> None:
    law, _ = rungs()
    assert await law.health() == "law: the engine is not started"
    with pytest.raises(TierError) as raised:
        await anext(law.draft(CHAT, read=True))  # type: ignore[arg-type]
    assert (raised.value.tier, raised.value.fault) == ("law", "unavailable")
    await law.stop()
