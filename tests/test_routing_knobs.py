"""Does every key of `routing` reach the plan? Through the router as the server builds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rungwise.build.routing import build_routing
from rungwise.config import PriceConfig, RoutingConfig
from rungwise.errors import ConfigError
from rungwise.policy.choosing import Judged
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Bar, Chat, Message, Plan, StepType, Wish
from tests.policy.difficulties import document

WORTH = {"right_usd": 1.0}
EASY, HARD = "Name the river.", "Prove that it has no end, prove it well, prove it all."


def ladder() -> list[ScriptedTier]:
    cheap, dear = PriceConfig(input=0, output=10), PriceConfig(input=0, output=1000)
    return [ScriptedTier("t1", price=cheap), ScriptedTier("t2", local=False, price=dear)]


@pytest.fixture
def difficulty(tmp_path: Path) -> Path:
    """Of an easy text t1 is right nearly always, of a hard one hardly ever."""
    told = document()
    told["mix"][0] |= {"intercept": 4.0, "of_words": 3.0}
    told["usual"]["t2"] = {"all": {"tokens": 40.0, "seconds": 0.1, "count": 30}}
    path = tmp_path / "difficulty.json"
    path.write_text(json.dumps(told))
    return path


def planned(text: str = EASY, wish: Wish | None = None, **routing: Any) -> Plan:
    judged = Judged(reads=True, least=0.9)
    config = RoutingConfig(**routing)
    built = build_routing(config, ladder(), lambda: 1e9, lambda tier, kind: judged)
    return built.router.plan(Chat(messages=(Message(role="user", text=text),), wish=wish or Wish()))


def bar(plan: Plan, rung: str = "t1") -> Bar:
    found = plan.bar(rung)
    assert found is not None
    return found


def test_a_cascade_asks_every_rung_and_a_difficulty_beside_it_only_foresees(
    difficulty: Path,
) -> None:
    plain, told = planned(HARD), planned(HARD, difficulty=difficulty)
    assert plain.rungs == told.rungs == ("t1", "t2") and plain.forecasts == ()
    assert [forecast.tier for forecast in told.forecasts] == ["t1", "t2"]


def test_a_pure_router_takes_the_rung_that_is_foreseen_to_pay_and_judges_nothing(
    difficulty: Path,
) -> None:
    routes = {"policy": "route", "difficulty": difficulty, "worth": {"right_usd": 1.0}}
    assert planned(EASY, **routes).rungs[0] == "t1"
    assert bar(planned(EASY, **routes)) == Bar(tier="t1", confidence=0.0, waives=True)
    assert planned(HARD, **routes).rungs == ("t2",)


def test_what_pays_depends_on_what_a_right_answer_is_worth(difficulty: Path) -> None:
    pays = {"policy": "pays", "difficulty": difficulty, "promise": "waive"}
    assert planned(HARD, **pays, worth={"right_usd": 1.0}).rungs == ("t2",)
    cheap = planned(HARD, **pays, worth={"right_usd": 1e-6})
    assert cheap.rungs[0] == "t1" and bar(cheap).confidence == 0.0


def test_time_that_costs_money_passes_slow_rungs_over(difficulty: Path) -> None:
    """A draft of t1 takes two seconds as a rule, one of t2 a tenth of one."""
    pays = {"policy": "pays", "difficulty": difficulty, "promise": "waive"}
    worth = {"right_usd": 1.0, "second_usd": 0.0}
    assert planned(EASY, **pays, worth=worth).rungs[0] == "t1"
    assert planned(EASY, **pays, worth=worth | {"second_usd": 900.0}).rungs == ("t2",)


def test_a_promise_is_kept_or_waived(difficulty: Path) -> None:
    pays = {"policy": "pays", "difficulty": difficulty, "worth": {"right_usd": 1.0}}
    assert not any(bar.waives for bar in planned(EASY, **pays, promise="keep").bars)
    assert bar(planned(EASY, **pays, promise="waive")).waives


def test_a_shadow_plans_beside_and_changes_nothing(difficulty: Path) -> None:
    shadow = {"policy": "route", "difficulty": difficulty, "worth": {"right_usd": 1.0}}
    live, watched = planned(HARD), planned(HARD, shadow=shadow)
    assert live.shadow is None and live.rungs == watched.rungs
    assert watched.shadow is not None and watched.shadow.rungs == ("t2",)


def test_a_shadow_s_name_tells_which_artefact_it_foresees_by(difficulty: Path) -> None:
    def named(file: Path) -> str:
        shadow = planned(shadow={"policy": "route", "difficulty": file, "worth": WORTH}).shadow
        assert shadow is not None
        return shadow.router

    newer = difficulty.with_name(200 * "n" + ".json")
    newer.write_text(difficulty.read_text() + "\n")
    assert re.fullmatch(r"route:difficulty@[0-9a-f]{8}", named(difficulty))
    assert re.fullmatch(r"route:n{24}@[0-9a-f]{8}", named(newer))
    assert named(newer)[-8:] != named(difficulty)[-8:]
    plain = planned(shadow={"policy": "cascade"}).shadow
    assert plain is not None and plain.router == "cascade"


def test_the_default_step_type_is_the_owners() -> None:
    assert planned().step_type is StepType.OPEN_CHAT
    assert planned(default_step_type=StepType.PLANNING).step_type is StepType.PLANNING


def test_a_policy_that_foresees_needs_something_to_foresee_with(difficulty: Path) -> None:
    with pytest.raises(ValueError, match="foresees nothing without `difficulty`"):
        RoutingConfig(policy="pays")
    difficulty.write_text("{}")
    with pytest.raises(ConfigError, match=r"difficulty\.json"):
        planned(difficulty=difficulty)
