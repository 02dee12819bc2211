"""What another router would have done is written down, and never done."""

import pytest

from rungwise.errors import CallerError
from rungwise.policy.shadow import Shadowing
from rungwise.types import Attempt, Chat, Message, Onward, Plan, Shadow, StepType, Usage, Wish

CHAT = Chat(messages=(Message(role="user", text="x"),))


class Fixed:
    """A router that plans one plan, or fails."""

    def __init__(self, *rungs: str, fault: Exception | None = None) -> None:
        self.rungs, self.fault = rungs, fault

    def plan(self, chat: Chat) -> Plan:
        if self.fault is not None:
            raise self.fault
        return Plan(rungs=self.rungs, step_type=StepType.OPEN_CHAT, why="why " + self.rungs[0])

    def onward(self, plan: Plan, chat: Chat, refused: list[Attempt]) -> Onward:  # type: ignore[override]
        return Onward(rungs=self.rungs[1:], why="on")


def test_the_live_plan_is_done_and_the_other_is_told() -> None:
    plan = Shadowing(Fixed("t1", "t2"), Fixed("t3"), name="pays").plan(CHAT)  # type: ignore[arg-type]
    assert plan.rungs == ("t1", "t2") and plan.why == "why t1"
    assert plan.shadow == Shadow(router="pays", rungs=("t3",), why="why t3")


def test_where_a_rung_is_pinned_no_router_has_a_choice_and_no_shadow_plans() -> None:
    pinned = Chat(messages=CHAT.messages, wish=Wish(pin="t1"))
    assert Shadowing(Fixed("t1"), Fixed("t3"), name="pays").plan(pinned).shadow is None  # type: ignore[arg-type]


def test_whatever_goes_wrong_in_the_shadow_is_only_told() -> None:
    for fault in (CallerError("not so"), ZeroDivisionError("oh")):
        plan = Shadowing(Fixed("t1"), Fixed(fault=fault), name="route").plan(CHAT)  # type: ignore[arg-type]
        assert plan.rungs == ("t1",) and plan.shadow is not None
        assert plan.shadow.rungs == () and f"it has no plan: {fault}" in plan.shadow.why


def test_what_goes_wrong_in_the_light_is_raised() -> None:
    with pytest.raises(CallerError):
        Shadowing(Fixed(fault=CallerError("no")), Fixed("t1"), name="pays").plan(CHAT)  # type: ignore[arg-type]


def test_after_a_refusal_only_the_live_router_is_asked() -> None:
    refused = Attempt(
        tier="t1",
        model="m",
        state="abandoned",
        reason="",
        usage=Usage(),
        cost_nano=0,
        started_s=0.0,
        first_piece_s=None,
        ended_s=0.0,
    )
    router = Shadowing(Fixed("t1", "t2"), Fixed(fault=ZeroDivisionError()), name="pays")  # type: ignore[arg-type]
    assert router.onward(router.plan(CHAT), CHAT, [refused]) == Onward(rungs=("t2",), why="on")
