"""Which plan comes of the owner's table, the caller's wish, and what a chooser makes of them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from rungwise.config import RouteConfig, RoutingConfig
from rungwise.errors import CallerError
from rungwise.policy.choosing import Choice, EveryRung, Step
from rungwise.policy.memory import Memory, Past
from rungwise.policy.router import PolicyRouter
from rungwise.policy.sketch import sketch_of
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Attempt, Chat, Message, Onward, Plan, StepType, Wish
from tests.ledger.test_sql import ATTEMPT
from tests.routed import routed

LADDER = (ScriptedTier("t1"), ScriptedTier("t2", local=False), ScriptedTier("t3", local=False))


def plan(
    route: RouteConfig | None = None,
    ladder: Sequence[ScriptedTier] = LADDER,
    *,
    may_hurry: bool = False,
    **wish: Any,
) -> Plan:
    table = {StepType.EXTRACTION: route} if route else {}
    router = routed(ladder, RoutingConfig(step_types=table, hurry=may_hurry))
    asked = Wish(step_type=StepType.EXTRACTION, **wish)
    return router.plan(Chat(messages=(Message(role="user", text="x"),), wish=asked))


def rungs(route: RouteConfig | None = None, **wish: Any) -> tuple[str, ...]:
    return plan(route, **wish).rungs


@pytest.mark.parametrize(
    ("route", "wish", "expected"),
    [
        (None, {}, ("t1", "t2", "t3")),
        (RouteConfig(start="t2"), {}, ("t2", "t3")),
        (RouteConfig(ceiling="t2"), {}, ("t1", "t2")),
        (RouteConfig(start="t2", ceiling="t2"), {}, ("t2",)),
        (None, {"floor": "t2"}, ("t2", "t3")),
        (None, {"ceiling": "t1"}, ("t1",)),
        (RouteConfig(start="t3"), {"ceiling": "t1"}, ("t1",)),
        (RouteConfig(start="t2"), {"floor": "t1"}, ("t2", "t3")),
        (None, {"pin": "t2"}, ("t2",)),
        (None, {"local_only": True}, ("t1",)),
        (RouteConfig(start="t2"), {"local_only": True}, ("t1",)),
        (None, {"pin": "t1", "local_only": True}, ("t1",)),
    ],
)
def test_rungs(route: RouteConfig | None, wish: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert rungs(route, **wish) == expected


def test_local_only_never_leaves_the_box() -> None:
    with pytest.raises(CallerError, match="not on this machine"):
        rungs(pin="t2", local_only=True)
    with pytest.raises(CallerError, match="local only"):
        rungs(floor="t2", local_only=True)


def test_privacy_wins_over_the_start_rung_but_not_over_a_ceiling() -> None:
    upside_down = (ScriptedTier("t1", local=False), ScriptedTier("t2"), ScriptedTier("t3"))
    assert plan(RouteConfig(start="t3"), upside_down, local_only=True).rungs == ("t3",)
    with pytest.raises(CallerError, match="no tier of this machine"):
        plan(None, upside_down, local_only=True, ceiling="t1")
    with pytest.raises(CallerError, match="no tier of this machine"):
        plan(RouteConfig(ceiling="t1"), upside_down, local_only=True)


@pytest.mark.parametrize(
    ("route", "wish", "expected"),
    [
        (None, {}, ("t1", "t2", "t3")),
        (RouteConfig(start="t2"), {}, ("t1", "t2", "t3")),
        (None, {"floor": "t2"}, ("t1", "t2", "t3")),
        (RouteConfig(ceiling="t2"), {}, ("t1", "t2")),
        (None, {"ceiling": "t2"}, ("t1", "t2")),
        (RouteConfig(ceiling="t2"), {"ceiling": "t1"}, ("t1",)),
        (RouteConfig(ceiling="t1"), {"ceiling": "t3"}, ("t1",)),
        (None, {"local_only": True}, ("t1",)),
        (RouteConfig(start="t2"), {"local_only": True}, ("t1",)),
        (None, {"pin": "t2"}, ("t2",)),
        (None, {"pin": "t1", "local_only": True}, ("t1",)),
    ],
)
def test_who_may_be_shown_a_request(
    route: RouteConfig | None, wish: dict[str, Any], expected: tuple[str, ...]
) -> None:
    planned = plan(route, **wish)
    assert planned.reach == expected
    assert set(planned.rungs) <= set(planned.reach)


def test_the_owner_says_after_how_long_the_next_rung_starts_beside_a_held_draft() -> None:
    assert plan().headstart_s is None
    assert plan(RouteConfig(headstart_s=0.5)).headstart_s == 0.5
    assert plan(RouteConfig(headstart_s=0.5), pin="t1").headstart_s is None


def test_for_a_caller_in_a_hurry_it_starts_at_once() -> None:
    for route in (None, RouteConfig(headstart_s=0.5)):
        planned = plan(route, hurry=True, may_hurry=True)
        assert planned.headstart_s == 0.0 and "hurry" in planned.why
        denied = plan(route, hurry=True)
        assert denied.headstart_s == (route and route.headstart_s)
        assert "not allowed" in denied.why, "it pays for two rungs: the owner must want that"
    assert plan(pin="t1", hurry=True).rungs == ("t1",)


def test_the_owners_ceiling_wins_over_the_callers_floor() -> None:
    with pytest.raises(CallerError, match="t3 stands above t1") as raised:
        rungs(RouteConfig(ceiling="t1"), floor="t3")
    assert raised.value.param == "x-rungwise-floor"


@pytest.mark.parametrize("wish", [{"floor": "t3"}, {"ceiling": "t1"}])
def test_a_pin_outside_the_callers_own_limits_is_refused(wish: dict[str, str]) -> None:
    with pytest.raises(CallerError, match="excludes it"):
        rungs(pin="t2", **wish)
    assert rungs(pin="t2", floor="t2", ceiling="t2") == ("t2",)


def test_the_plan_says_why() -> None:
    router = routed(LADDER)
    plan = router.plan(Chat(messages=(), wish=Wish(ceiling="t2")))
    assert plan.step_type is StepType.OPEN_CHAT
    assert plan.why == (
        "open_chat starts at t1 (no step type was named); the caller's ceiling is t2"
    )


# ---- how sure a draft must be ----------------------------------------------------------------


def test_the_owners_row_asks_every_rung_for_so_much_confidence() -> None:
    planned = plan(RouteConfig(least_confidence=0.8))
    assert [(bar.tier, bar.confidence, bar.waives) for bar in planned.bars] == [
        ("t1", 0.8, False),
        ("t2", 0.8, False),
        ("t3", 0.8, False),
    ]
    assert plan().bars == ()


# ---- conversations ---------------------------------------------------------------------------


def test_the_steps_of_one_conversation_are_told_to_be_so() -> None:
    router, first = routed(LADDER), Message(role="user", text="hello")
    again = (first, Message(role="assistant", text="yes?"), Message(role="user", text="more"))
    told = [router.plan(Chat(messages=m)).conversation for m in ((first,), again, again[2:])]
    assert told[0] == told[1] is not None and told[2] != told[0]


def test_the_tag_of_a_private_chat_keeps_it_on_this_machine() -> None:
    router = routed(LADDER, RoutingConfig(private_tags=("secret",)))
    chat = Chat(messages=(Message(role="user", text="x"),), tags=frozenset({"secret", "other"}))
    planned = router.plan(chat)
    assert planned.rungs == planned.reach == ("t1",) and "its tag is private" in planned.why
    assert router.plan(Chat(messages=chat.messages)).rungs == ("t1", "t2", "t3")


@pytest.mark.parametrize(
    "chat",
    [
        Chat(messages=(Message(role="user", text="x"),), wish=Wish(local_only=True)),
        Chat(messages=(Message(role="user", text="x"),), wish=Wish(local_only=True, pin="t1")),
        Chat(messages=(Message(role="user", text="x"),), tags=frozenset({"secret"})),
    ],
    ids=["local only", "local only and pinned", "a private tag"],
)
def test_no_sketch_is_kept_of_a_chat_that_stays_on_this_machine(chat: Chat) -> None:
    config = RoutingConfig(keep_sketches=True, private_tags=("secret",))
    assert routed(LADDER, config).plan(chat).sketch is None


@pytest.mark.parametrize("text", ["Goal: say hi", "goal: say hi"])
def test_what_a_rule_by_text_starts_higher_is_paid_for_like_a_climb(text: str) -> None:
    rule = {"step_type": "multi_step_reasoning", "prompt": "^Goal:"}
    planned = routed(LADDER, RoutingConfig.model_validate({"rules": [rule]})).plan(
        Chat(messages=(Message(role="user", text=text),))
    )
    assert planned.usual == "t1"
    fits = text.startswith("Goal")
    assert planned.rungs == (("t3",) if fits else ("t1", "t2", "t3"))
    assert planned.otherwise == (("t1", "t2", "t3") if fits else ())


@pytest.mark.parametrize("wish", [Wish(), Wish(pin="t2")])
def test_a_sketch_is_kept_where_the_owner_wants_it_of_pinned_chats_too(wish: Wish) -> None:
    chat = Chat(messages=(Message(role="user", text="x"),), wish=wish)
    assert routed(LADDER, RoutingConfig()).plan(chat).sketch is None
    kept = routed(LADDER, RoutingConfig(keep_sketches=True)).plan(chat).sketch
    assert kept is not None and kept == sketch_of(chat).to_bytes()


class Broken(EveryRung):
    """A chooser with a fault."""

    def choose(self, step: Step) -> Choice:
        raise ZeroDivisionError

    def onward(
        self, plan: Plan, chat: Chat, refused: Sequence[Attempt], past: Past | None = None
    ) -> Onward:
        raise ZeroDivisionError


def broken() -> PolicyRouter:
    config = RoutingConfig(step_types={StepType.PLANNING: RouteConfig(start="t3")})
    return PolicyRouter(
        typer=Typer(config),
        table=Table(LADDER, config.step_types),
        memory=Memory(config.affinity, lambda: 1e9),
        chooser=Broken(),
        default=StepType.EXTRACTION,
        private_tags=frozenset({"secret"}),
    )


@pytest.mark.parametrize(
    ("chat", "rungs"),
    [
        (Chat(messages=(), wish=Wish()), ("t1", "t2", "t3")),
        (Chat(messages=(), wish=Wish(step_type=StepType.PLANNING)), ("t3",)),
        (Chat(messages=(), wish=Wish(ceiling="t2")), ("t1", "t2")),
        (Chat(messages=(), wish=Wish(), tags=frozenset({"secret"})), ("t1",)),
    ],
)
def test_where_choosing_fails_the_table_decides_within_the_same_limits(
    chat: Chat, rungs: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    plan = broken().plan(chat)
    assert plan.rungs == rungs and "planning failed" in plan.why
    assert "ZeroDivisionError" in caplog.text
    with pytest.raises(CallerError):
        broken().plan(replace(chat, wish=Wish(pin="t2", floor="t3")))


def test_where_choosing_again_fails_it_goes_on_as_planned() -> None:
    plan = Plan(rungs=("t1", "t2", "t3"), step_type=StepType.EXTRACTION, why="")
    refused = replace(ATTEMPT, tier="t1")
    assert broken().onward(plan, Chat(messages=()), [refused]) == Onward(rungs=("t2", "t3"))
