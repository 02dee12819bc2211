"""What nobody could have done is in no plan: not in the one that is done, nor in its shadow."""

from collections.abc import Sequence

import pytest

from rungwise.confidence.gate import CalibratedGate
from rungwise.config import GateConfig, RoutingConfig
from rungwise.feasible import Feasible
from rungwise.policy.shadow import Shadowing
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Attempt, Caller, Chat, Message, Onward, Plan, Shadow, StepType
from tests.routed import routed

CHAT = Chat(messages=(Message(role="user", text="Tell me a tale."),))
ALL = Caller(name="all")
NO_FIRST = Caller(name="some", tiers=frozenset({"t2", "t3"}))


def ladder(*, unable: str | None = None) -> list[ScriptedTier]:
    low = ScriptedTier("t1")
    low.unable = unable
    return [low, ScriptedTier("t2", local=False), ScriptedTier("t3", local=False)]


def feasible(tiers: list[ScriptedTier], *, judged: bool = False) -> Feasible:
    """A gate without a calibration has no hope for any draft."""
    gate = CalibratedGate(GateConfig(tier="t1", calibration=None), None)
    return Feasible({tier.name: tier for tier in tiers}, {"t1": gate} if judged else {})


@pytest.mark.parametrize(
    ("unable", "caller", "judged", "left"),
    [
        (None, ALL, False, ("t1", "t2", "t3")),
        ("cannot call tools", ALL, False, ("t2", "t3")),
        (None, NO_FIRST, False, ("t2", "t3")),
        (None, ALL, True, ("t2", "t3")),
    ],
)
def test_a_shadow_like_the_live_router_is_the_same_whatever_is_not_possible(
    unable: str | None, caller: Caller, judged: bool, left: tuple[str, ...]
) -> None:
    tiers = ladder(unable=unable)
    router = routed(tiers, RoutingConfig.model_validate({"shadow": {"policy": "cascade"}}))
    plan = feasible(tiers, judged=judged).plan(router.plan(CHAT), CHAT, caller)
    assert plan.shadow is not None and plan.shadow.rungs == plan.rungs == left
    assert plan.shadow.why == plan.why


class Fixed:
    """It plans these rungs, where the table has `usual`."""

    def __init__(self, *rungs: str, usual: tuple[str, ...] = ()) -> None:
        self.rungs, self.usual = rungs, usual

    def plan(self, chat: Chat) -> Plan:
        return Plan(
            rungs=self.rungs,
            reach=("t1", "t2", "t3"),
            otherwise=self.usual,
            step_type=StepType.OPEN_CHAT,
            why="so",
        )

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        return Onward(rungs=self.rungs[1:])


def shadow_of(live: Fixed, other: Fixed, caller: Caller = ALL) -> Shadow:
    plan = Shadowing(live, other, name="route").plan(CHAT)
    found = feasible(ladder(unable="cannot call tools")).plan(plan, CHAT, caller).shadow
    assert found is not None
    return found


def test_where_its_only_rung_cannot_be_asked_it_takes_those_that_it_passed_over() -> None:
    found = shadow_of(Fixed("t2", "t3"), Fixed("t1"))
    assert found.rungs == ("t2", "t3") and "t1 cannot call tools; so t2, t3 too" in found.why


def test_a_shadow_that_would_have_been_refused_has_no_rungs_and_the_live_plan_goes_on() -> None:
    mine = Caller(name="mine", tiers=frozenset({"t2"}))
    found = shadow_of(Fixed("t2", usual=("t1",)), Fixed("t3"), mine)
    assert found.rungs == () and "this key may use t2" in found.why
