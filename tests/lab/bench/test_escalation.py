"""How much later an answer is that had to climb, on steps made by hand and behind a wire."""

import json
from pathlib import Path

import pytest

from rungwise.lab.bench.escalation import Climbed, climb_all, escalation_figures
from rungwise.lab.steps import Step, generate
from rungwise.tiers.scripted import ScriptedTier, say
from tests.served import served


def climbed(auto: float, straight: float, **below: float) -> Climbed:
    return Climbed(step_type="planning", auto_s=auto, straight_s=straight, below_s=below)


def test_what_is_added_is_a_share_of_the_straight_way_and_has_its_causes() -> None:
    steps = [climbed(1.5, 1.0, draft=0.4), climbed(3.0, 2.0, draft=0.5, judge=0.3)] * 10
    found = escalation_figures(steps, asked=50)
    assert (found["asked"], found["climbed"]) == (50, 20)
    assert found["added_share_p50"] == 0.5 and found["added_share_p50_interval"] == [0.5, 0.5]
    assert found["added_ms_p50"] == 500.0 and found["straight_ms_p50"] == 1000.0
    assert found["share_by_cause"] == pytest.approx({"draft": 0.6, "judge": 0.2, "all else": 0.2})


def test_the_interval_holds_the_median() -> None:
    steps = [climbed(1 + i / 100, 1.0) for i in range(100)]
    found = escalation_figures(steps, asked=100)
    low, high = found["added_share_p50_interval"]  # type: ignore[misc]
    assert 0.35 < low < found["added_share_p50"] < high < 0.65  # type: ignore[operator]
    assert found["added_share_p95"] == pytest.approx(0.94)


def test_where_nothing_climbed_nothing_is_told() -> None:
    with pytest.raises(ValueError, match="no step climbed"):
        escalation_figures([], asked=9)


GATES = "gates: [{tier: low, calibration: window.json}]"


@pytest.mark.anyio
async def test_only_steps_that_climb_are_compared(tmp_path: Path) -> None:
    sure, unsure = say("yes", logprobs=[-0.01]), say("well", logprobs=[-9.0])
    low = ScriptedTier("low", sure, unsure, unsure, model="small")
    high = ScriptedTier("high", say("surely"))
    done: list[int] = []

    def body_of(step: Step, model: str) -> bytes:
        return json.dumps({"model": model, "messages": list(step.messages)}).encode()

    steps = list(generate("test", 2, seed=5))
    async with served(tmp_path / "s", low, high, config=GATES, listening=True) as edge:
        port = edge.http.base_url.port
        assert port is not None
        found = await climb_all(port, steps, body_of, progress=lambda: done.append(1))
    (one,) = found
    assert one.step_type == steps[1].step_type and one.auto_s > 0 < one.straight_s
    assert list(one.below_s) == ["draft on low"]
    assert len(done) == 2 and len(low.chats) == 3 and len(high.chats) == 3
