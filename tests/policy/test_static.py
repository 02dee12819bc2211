"""Which rungs the owner's table and the caller's wish leave."""

from typing import Any

import pytest

from rungwise.config import RouteConfig, RoutingConfig
from rungwise.errors import CallerError
from rungwise.policy.static import StaticRouter
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Chat, Message, StepType, Wish

LADDER = (ScriptedTier("t1"), ScriptedTier("t2", local=False), ScriptedTier("t3", local=False))


def rungs(route: RouteConfig | None = None, **wish: Any) -> tuple[str, ...]:
    table = {StepType.PLANNING: route} if route else {}
    router = StaticRouter(LADDER, RoutingConfig(step_types=table))
    asked = Wish(step_type=StepType.PLANNING, **wish)
    return router.plan(Chat(messages=(Message(role="user", text="x"),), wish=asked)).rungs


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
    router = StaticRouter(LADDER, RoutingConfig())
    plan = router.plan(Chat(messages=(), wish=Wish(ceiling="t2")))
    assert plan.step_type is StepType.OPEN_CHAT
    assert plan.why == (
        "open_chat starts at t1 (no step type was named); the caller's ceiling is t2"
    )
