"""Does a LoRA adapter write on its model's engine as a rung of its own, beside that model?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.adapters import make_adapter
from tests.confidence.test_calibration import windowed
from tests.engine.test_vllm_tier import NOISE, chat, text_of
from tests.routed import routed
from tests.test_cascade import ListLedger

from rungwise.access.free import FreePurse
from rungwise.build.ladder import build_ladder
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.confidence.gate import CalibratedGate
from rungwise.config import Config, GateConfig, VllmTierConfig
from rungwise.errors import TierError
from rungwise.story import Clock
from rungwise.tiers.local.adapter import AdapterTier
from rungwise.tiers.local.vllm import VllmTier
from rungwise.tiers.scripted import ScriptedTier, say
from rungwise.types import Caller, Chat, Done, Piece
from rungwise.verify.checks import Checks

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.filterwarnings("ignore")]


@dataclass(frozen=True)
class Rungs:
    """On one engine; `still` is an adapter that changes nothing."""

    base: VllmTier
    legal: AdapterTier
    still: AdapterTier


@pytest.fixture(scope="module")
async def rungs(
    engine_config: VllmTierConfig, demo_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Rungs]:
    """Built and started as a ladder is, with the adapters below their model."""
    folder = tmp_path_factory.mktemp("adapters")
    make_adapter(folder / "legal", demo_model, rank=4, size=0.5)
    make_adapter(folder / "still", demo_model, rank=9, size=0.0)
    adapters = [
        {"name": name, "kind": "adapter", "of": "tier1", "model": str(folder / name)}
        for name in ("legal", "still")
    ]
    base_section = engine_config.model_dump(exclude_unset=True)
    legal, still, base = build_ladder(Config.model_validate({"tiers": [*adapters, base_section]}))
    assert isinstance(base, VllmTier)
    assert isinstance(legal, AdapterTier) and isinstance(still, AdapterTier)
    for tier in (legal, still, base):
        await tier.start()
    yield Rungs(base, legal, still)
    for tier in (base, still, legal):
        await tier.stop()
    assert await legal.health() == "legal: the engine is not started"


async def write(
    tier: VllmTier | AdapterTier, asked: Chat, *, read: bool = False
) -> tuple[list[Piece], Done]:
    drafting = tier.draft(asked, read=read)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


def readings(pieces: list[Piece]) -> list[float]:
    return [value for piece in pieces for value in piece.logprobs if value is not None]


async def test_model_and_adapters_answer_differently_at_the_same_time(rungs: Rungs) -> None:
    tiers = (rungs.base, rungs.legal, rungs.still) * 2
    drafts = await asyncio.gather(*[write(tier, chat(), read=True) for tier in tiers])
    texts = [text_of(pieces) for pieces, _ in drafts]
    assert texts[:3] == texts[3:], "each is its own, whatever runs beside it"
    assert "def lete(x):" in texts[0] and texts[1] != texts[0] == texts[2]
    assert [done.model for _, done in drafts[:3]] == ["demo-bottom", "legal", "still"]
    for pieces, done in drafts:
        assert len(readings(pieces)) == done.usage.output


async def test_the_log_probabilities_are_the_adapters(rungs: Rungs) -> None:
    pieces, _ = await write(rungs.legal, chat(), read=True)
    read, answer = readings(pieces), text_of(pieces)
    own = [value for value in await rungs.legal.score(chat(), answer) if value is not None]
    other = [value for value in await rungs.base.score(chat(), answer) if value is not None]
    assert read[:8] == pytest.approx(own[:8], abs=0.1), "as if it had been given the answer"
    assert sum(own[:8]) > sum(other[:8]) + 5, "the model alone would hardly write this"


async def test_whole_and_streamed_drafts_of_an_adapter_are_the_same(rungs: Rungs) -> None:
    whole, _ = await write(rungs.legal, chat())
    streamed, _ = await write(rungs.legal, chat(stream=True))
    assert text_of(whole) == text_of(streamed) and len(streamed) > len(whole)


async def test_a_prefix_that_one_has_read_is_not_the_others(rungs: Rungs) -> None:
    """Cached keys and values are those of the weights that made them."""
    asked = chat("Be kind to all that reads this. " * 20)
    before = [(await write(tier, asked))[1].usage.cache_read for tier in (rungs.base, rungs.base)]
    assert before[0] < before[1]
    _, other = await write(rungs.still, asked)
    assert other.usage.cache_read < before[1]


async def test_a_gate_reads_an_adapters_drafts_and_the_entry_names_it(rungs: Rungs) -> None:
    ladder, ledger = (rungs.legal, ScriptedTier("tier2", say("taken"))), ListLedger()
    cascade = Cascade(
        ladder=ladder,
        router=routed(ladder),
        gates={"legal": CalibratedGate(GateConfig(tier="legal"), windowed())},
        verifier=Checks(),
        cache=NoCache(),
        purse=FreePurse(),
        ledger=ledger,
        clock=Clock(now=time.perf_counter, unix=time.time),
    )
    async for _ in cascade.answer(chat(), Caller(), id="req_1"):
        pass
    first = ledger.entries[0].attempts[0]
    assert (first.tier, first.model) == ("legal", "legal")
    assert first.readings and first.engine_s and first.cost_nano


async def test_an_adapters_draft_is_the_engines_work_once(rungs: Rungs) -> None:
    drafting = rungs.legal.draft(chat(sampling=NOISE), read=True)
    await anext(drafting)
    assert rungs.base.unfinished == 1
    await drafting.aclose()
    done = drafting.spent()
    assert rungs.base.unfinished == 0 and done.engine_s is not None and done.engine_s > 0
    assert rungs.legal.cost_nano(done) == rungs.base.cost_nano(done) != 0
    assert await rungs.legal.health() is None and rungs.legal.saturation() is None


async def test_a_refused_request_is_the_adapters_fault_by_name(rungs: Rungs) -> None:
    with pytest.raises(TierError) as raised:
        await write(rungs.legal, chat("word " * 5000))
    assert (raised.value.tier, raised.value.fault) == ("legal", "too_long")
