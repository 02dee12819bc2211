"""Where each step type starts that the owner says nothing of, on ladders of one rung to four."""

from __future__ import annotations

import pytest

from rungwise.policy.table import SHIPPED, Table
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import StepType, Wish

LOW = "classification extraction format_conversion tool_selection open_chat".split()
MIDDLE = "planning code_generation summarisation".split()
HIGH = ["multi_step_reasoning"]


def starts(rungs: int, step_type: str) -> str:
    ladder = [ScriptedTier(f"t{i}") for i in range(1, rungs + 1)]
    return Table(ladder, {}).window(StepType(step_type), Wish()).start


def test_every_step_type_has_a_place() -> None:
    assert set(SHIPPED) == set(StepType)
    assert {*LOW, *MIDDLE, *HIGH} == {step_type.value for step_type in StepType}


@pytest.mark.parametrize(
    ("rungs", "low", "middle", "high"),
    [(1, "t1", "t1", "t1"), (2, "t1", "t1", "t2"), (3, "t1", "t2", "t3"), (4, "t1", "t2", "t4")],
)
def test_low_middle_and_high_are_places_on_any_ladder(
    rungs: int, low: str, middle: str, high: str
) -> None:
    assert {starts(rungs, step_type) for step_type in LOW} == {low}
    assert {starts(rungs, step_type) for step_type in MIDDLE} == {middle}
    assert {starts(rungs, step_type) for step_type in HIGH} == {high}


@pytest.mark.parametrize("rungs", [1, 2, 3, 4])
@pytest.mark.parametrize("step_type", StepType)
def test_every_rung_up_to_the_top_is_left_to_climb_to(rungs: int, step_type: StepType) -> None:
    ladder = [ScriptedTier(f"t{i}") for i in range(1, rungs + 1)]
    window = Table(ladder, {}).window(step_type, Wish())
    assert window.rungs == tuple(tier.name for tier in ladder)
    assert window.usual[-1] == f"t{rungs}"
