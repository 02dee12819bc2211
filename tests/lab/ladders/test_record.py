"""Every rung drafts every step of the suite, on scripted tiers."""

from collections.abc import Iterator

import pytest

from rungwise.lab.ladders.record import record_ladder, template_of
from rungwise.lab.steps import generate
from rungwise.tiers.scripted import ScriptedTier, say
from tests.lab.knowing import KnowingTier

pytestmark = pytest.mark.anyio
SIGNALS = {"low": ("mean_logprob", "min_logprob")}


def ticks() -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += 0.25


async def test_every_rung_is_asked_and_checked_and_only_the_named_are_read() -> None:
    steps = list(generate("calibration", 90))
    tiers = [KnowingTier("low", steps, 0.5), KnowingTier("high", steps, 0.95)]
    done, clock = list[int](), ticks()
    rows = await record_ladder(
        tiers,
        steps,
        SIGNALS,
        concurrency=4,
        clock=lambda: next(clock),
        progress=lambda: done.append(1),
    )
    assert [row.id for row in rows] == [step.id for step in steps] and len(done) == 180
    share = {name: sum(r.tiers[name].correct for r in rows) / 90 for name in ("low", "high")}
    assert 0.35 < share["low"] < 0.65 and share["high"] > 0.85
    assert all(set(row.tiers["low"].readings) == set(SIGNALS["low"]) for row in rows)
    assert not any(row.tiers["high"].readings for row in rows)
    assert any(tiers[0].reads) and not any(tiers[1].reads)
    assert all(row.tiers["low"].cost_usd is None for row in rows), "unknown, and not zero"
    assert all((row.tiers["low"].latency_ms or 0) >= 250 for row in rows)


async def test_a_row_holds_what_the_router_sees_and_its_template() -> None:
    steps = [s for s in generate("calibration", 40) if s.tools or s.response_schema][:6]
    tier = KnowingTier("low", steps)
    rows = await record_ladder(
        [tier], steps, {}, concurrency=1, clock=lambda: 0.0, progress=lambda: None
    )
    for step, row in zip(steps, rows, strict=True):
        assert row.group == template_of(step) == f"{step.step_type}/{step.difficulty}"
        assert row.prompt == step.messages[1]["content"]
        assert row.system == step.messages[0]["content"]
        assert len(row.tools) == len(step.tools) and row.schema == step.response_schema


async def test_a_draft_that_cannot_be_read_has_no_readings() -> None:
    steps = list(generate("calibration", 9))
    (row, *_) = await record_ladder(
        [ScriptedTier("low", say("no idea"))],
        steps,
        SIGNALS,
        concurrency=2,
        clock=lambda: 0.0,
        progress=lambda: None,
    )
    assert not row.tiers["low"].readings and not row.tiers["low"].correct
