"""A replay takes recorded drafts as they are, estimates the others, and says which are which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from rungwise.config import GateConfig, PriceConfig, RouteConfig, RoutingConfig
from rungwise.config.routing import WorthConfig
from rungwise.errors import ConfigError
from rungwise.lab.replaying.asked import Thresholds
from rungwise.lab.replaying.drafts import Pricing
from rungwise.lab.replaying.means import Means
from rungwise.lab.replaying.plans import Foreseeing, Plans, TablePlans
from rungwise.lab.replaying.replay import Replayed, gather, replay
from rungwise.lab.replaying.shown import as_json, as_lines
from rungwise.lab.replaying.walk import Walker
from rungwise.policy.choosing import Judged
from rungwise.policy.difficulty_file import Provenance
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Memory
from rungwise.policy.paying import BestRung, PayingRungs
from rungwise.policy.router import PolicyRouter
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    Attempt,
    Bar,
    Baseline,
    Chat,
    Confidence,
    Entry,
    Message,
    Outcome,
    StepType,
    Usage,
)
from tests.ledger.steps import entries
from tests.served import fitted

GATES = (GateConfig(tier="low"), GateConfig(tier="mid"))


def ladder(*, input: float = 1.0, output: float = 10.0) -> tuple[ScriptedTier, ...]:
    """A local rung and a hosted one, at dollars per million tokens."""
    free, dear = PriceConfig(input=0, output=0), PriceConfig(input=input, output=output)
    return (
        ScriptedTier("low", local=True, price=free),
        ScriptedTier("mid", local=False, price=PriceConfig(input=0.1, output=1.0)),
        ScriptedTier("top", local=False, price=dear),
    )


def draft(tier: str, state: str = "released", **more: object) -> Attempt:
    told = Attempt(
        tier=tier,
        model="m",
        state=state,  # type: ignore[arg-type]
        reason="",
        usage=Usage(input=100, output=10),
        cost_nano={"low": 1_000, "mid": 20_000, "top": 200_000}[tier],
        started_s=0.0,
        first_piece_s=None,
        ended_s={"low": 0.1, "mid": 0.3, "top": 1.0}[tier],
    )
    return replace(told, **more)  # type: ignore[arg-type]


def judged(p: float, *, threshold: float = 0.8, tier: str = "low", **more: object) -> Attempt:
    sure = Confidence(probability=p, calibration="c")
    state = "released" if p >= threshold else "abandoned"
    return draft(tier, state, confidence=sure, threshold=threshold, **more)


def step(*attempts: Attempt, right: bool | None = None, **more: object) -> Entry:
    told = Entry(
        id="req",
        at=0.0,
        caller="a",
        route="auto",
        step_type=StepType.OPEN_CHAT,
        plan_why="",
        attempts=attempts,
        state="answered",
        first_byte_s=None,
        latency_s=sum(a.ended_s - a.started_s for a in attempts) + 0.01,
        outcome=None if right is None else Outcome(right=right),
        baselines=(Baseline(tier="mid", nano=20_000), Baseline(tier="top", nano=200_000)),
        rungs=("low", "mid", "top"),
    )
    return replace(told, **more)  # type: ignore[arg-type]


SURE = step(judged(0.9), right=True)
CLIMBED = step(judged(0.5), draft("mid"), right=True, rungs=("low", "mid"))


def replayed(
    entries: Sequence[Entry],
    *,
    plans: Plans | None = None,
    thresholds: Mapping[str, float] | None = None,
    tiers: tuple[ScriptedTier, ...] | None = None,
) -> Replayed:
    pricing = Pricing(tiers or ladder(), again=tiers is not None)
    means = gather(entries, pricing, lambda entry: None)
    plans = plans or Plans()
    asked = Thresholds(GATES, means, thresholds or {}, fixed=True)
    return replay(entries, plans, Walker(plans, pricing, means, asked), pricing)


def table(start: str, **more: object) -> RoutingConfig:
    row = RouteConfig(start=start, **more)  # type: ignore[arg-type]
    return RoutingConfig(step_types={StepType.OPEN_CHAT: row})


# ---- nothing changes -------------------------------------------------------------------------


def test_the_same_policy_gives_what_was_and_rests_on_nothing_else() -> None:
    told = replayed([SURE, CLIMBED])
    assert (told.walked, told.recorded, told.estimated_nano) == (2, 2, 0.0)
    assert told.before.nano == told.after.nano == told.recorded_nano == 1_000 + 21_000
    assert told.before.answers == told.after.answers == {"low": 1, "mid": 1}
    assert told.before.buckets == told.after.buckets
    assert told.after.accuracy == 1.0 and told.after.labelled == 2


def test_what_was_remembered_stays_as_it_was() -> None:
    recalled = step(draft("top", "recalled", cost_nano=0), right=False)
    told = replayed([recalled], plans=TablePlans(RoutingConfig(), table("top"), ladder()))
    assert (told.walked, told.recorded, told.after.nano) == (1, 1, 0.0)
    assert told.after.accuracy == 0.0


def test_steps_of_which_nothing_can_be_told_are_left_out_and_counted() -> None:
    failed = step(draft("low", "failed"), state="exhausted")
    unpriced = step(draft("low", cost_nano=None))
    told = replayed([failed, unpriced, SURE])
    assert (told.walked, told.not_answered, told.unpriced) == (1, 1, 1)
    assert told.before.nano == 1_000
    assert any("were not answered" in line for line in as_lines(told))


@given(entries(most=6))
def test_whatever_was_written_the_same_policy_gives_it_again(found: list[Entry]) -> None:
    """As far as it could have happened: one draft for each rung, the last of them given."""
    told = replayed([_likely(entry) for entry in found])
    assert told.walked + told.not_answered + told.unpriced + told.without_sketch == len(found)
    assert told.after.nano == pytest.approx(told.before.nano)
    assert told.recorded_nano + told.estimated_nano == pytest.approx(told.after.nano)
    assert told.after.answers == told.before.answers and told.estimated_nano == 0
    assert told.after.accuracy == told.before.accuracy


def _likely(entry: Entry) -> Entry:
    last = {a.tier: a for a in entry.attempts if a.role == "draft"}
    drafts = tuple(
        replace(
            attempt,
            state="abandoned",
            confidence=None,
            ended_s=float(place),
            threshold=attempt.threshold or None,  # 0 asks nothing: it refuses no draft
        )
        for place, attempt in enumerate(last.values())
    )
    if not drafts:
        return replace(entry, attempts=(), state="exhausted")
    given = replace(drafts[-1], state="released", threshold=None)
    rungs = tuple(attempt.tier for attempt in drafts)
    return replace(entry, attempts=(*drafts[:-1], given), rungs=rungs)


# ---- prices ----------------------------------------------------------------------------------


def test_recorded_usage_is_priced_again_exactly() -> None:
    top = step(draft("top"), rungs=("top",))
    told = replayed([top], tiers=ladder(input=2.0, output=20.0))
    assert told.before.nano == 200_000
    assert told.after.nano == 100 * 2_000 + 10 * 20_000
    assert told.recorded == 1 and told.estimated_nano == 0


def test_evidence_on_a_draft_is_priced_with_it() -> None:
    asked = draft("top", "asked", role="judge", ended_s=0.05, cost_nano=5_000)
    told = replayed([step(asked, judged(0.9))])
    assert told.after.nano == 6_000


# ---- thresholds ------------------------------------------------------------------------------


def test_a_lower_threshold_gives_out_what_was_refused_and_its_outcome_is_not_known() -> None:
    told = replayed([CLIMBED], thresholds={"low": 0.4})
    assert told.after.answers == {"low": 1.0} and told.after.nano == 1_000
    assert told.recorded == 1, "the draft was made, and was as sure as that"
    assert told.after.labelled == 0 and told.foreseen_right == pytest.approx(0.5)


def test_a_higher_threshold_climbs_to_drafts_that_were_never_made() -> None:
    told = replayed([SURE, CLIMBED], thresholds={"low": 0.95})
    assert told.recorded == 1, "the other one climbs as it did"
    assert told.after.answers == {"mid": 2.0}
    assert told.recorded_nano == 1_000 + 21_000 and told.estimated_nano == 20_000


@pytest.mark.parametrize("more", [{"reason": "the schema is broken"}, {"threshold": None}])
def test_what_a_check_spoke_against_is_refused_whatever_is_asked(more: dict[str, object]) -> None:
    checked = replace(judged(0.9), state="abandoned", **more)  # type: ignore[arg-type]
    told = replayed([step(checked, draft("mid"), rungs=("low", "mid"))], thresholds={"low": 0.1})
    assert told.after.answers == {"mid": 1.0} and told.recorded == 1


def test_a_draft_that_was_stopped_early_would_have_gone_on_as_drafts_usually_do() -> None:
    early = judged(0.5, reason="stopped early: p <= 0.50 < 0.80", ended_s=0.01, cost_nano=10)
    stopped = step(early, draft("mid"), rungs=("low", "mid"))
    told = replayed([SURE, stopped], thresholds={"low": 0.4})
    assert told.after.answers == {"low": 2.0} and told.recorded == 1
    assert told.recorded_nano == 1_000 and told.estimated_nano == 1_000
    higher = replayed([SURE, stopped], thresholds={"low": 0.85})
    assert higher.recorded == 2 and higher.after.nano == 1_000 + 20_010


def test_where_live_plans_had_bars_of_their_own_the_calibration_says_what_is_asked(
    tmp_path: Path,
) -> None:
    file = tmp_path / "c.json"
    file.write_text(fitted(threshold=0.95, mean_logprob=2.0).model_dump_json())
    gates = (GateConfig(tier="low", calibration=file), GateConfig(tier="mid", hold="none"))
    asked = Thresholds(gates, Means(), {}, fixed=False)
    kind = StepType.OPEN_CHAT
    assert asked.asked("low", kind, None, None) == 0.95
    assert asked.asked("low", kind, Bar(tier="low", confidence=0.99), None) == 0.99
    assert asked.asked("low", kind, Bar(tier="low", confidence=0.2, waives=True), None) == 0.2
    assert asked.judges("low", kind) == Judged(reads=True, least=0.95)
    assert asked.judges("mid", kind) is asked.judges("top", kind) is None
    instead = Thresholds(gates, Means(), {"low": 0.5}, fixed=False)
    assert instead.asked("low", kind, None, None) == 0.5
    with pytest.raises(ConfigError, match=r"none\.json"):
        Thresholds(
            (GateConfig(tier="low", calibration=Path("none.json")),), Means(), {}, fixed=False
        )


def test_a_draft_that_was_only_checked_is_given_out_whatever_confidence_others_have() -> None:
    checked = step(draft("low"))
    refused = step(draft("low", "abandoned"), draft("mid"), rungs=("low", "mid"))
    told = replayed([checked, refused])
    assert told.after.answers == {"low": 1.0, "mid": 1.0} and told.recorded == 2


def test_a_last_rungs_draft_that_is_judged_now_is_given_out_as_often_as_others_of_its_rung() -> (
    None
):
    last = step(draft("low"), rungs=("low",))
    plans = TablePlans(table("low", ceiling="low"), table("low"), ladder())
    steps = [SURE, CLIMBED, last]
    told = replayed(steps, plans=plans)
    assert told.after.answers == pytest.approx({"low": 1.5, "mid": 1.5})
    assert told.recorded == 2


# ---- tables ----------------------------------------------------------------------------------


def test_a_lower_start_splits_steps_by_how_often_its_drafts_are_given_out() -> None:
    high = step(draft("top"), rungs=("top",), right=True)
    live = RoutingConfig(step_types={StepType.OPEN_CHAT: RouteConfig(start="top")})
    plans = TablePlans(live, table("low"), ladder())
    steps = [*[replace(SURE, route="low", rungs=("low", "mid", "top"))] * 3, CLIMBED, high]
    told = replayed(steps, plans=plans)
    assert told.walked == 5 and told.recorded == 4
    assert told.after.answers["low"] == pytest.approx(3 + 0.75)
    assert told.after.answers["mid"] == pytest.approx(1 + 0.25)
    assert told.estimated_nano == pytest.approx(1_000 + 0.25 * 20_000)


def test_a_higher_start_takes_the_draft_that_was_made_there() -> None:
    told = replayed([CLIMBED], plans=TablePlans(table("low"), table("mid"), ladder()))
    assert told.after.answers == {"mid": 1.0} and told.after.nano == 20_000
    assert told.after.labelled == 1 and told.recorded == 1


def test_what_narrowed_the_live_plan_narrows_the_other_one_too() -> None:
    plans = TablePlans(table("low"), table("top"), ladder())
    assert plans.plan(CLIMBED).rungs == ("mid",)  # type: ignore[union-attr]
    assert plans.plan(SURE).rungs == ("top",)  # type: ignore[union-attr]
    lower = TablePlans(table("low"), table("low", ceiling="mid"), ladder())
    raised = step(draft("mid"), rungs=("mid", "top"))
    assert lower.plan(raised).rungs == ("mid",)  # type: ignore[union-attr]
    assert lower.plan(raised).narrowed  # type: ignore[union-attr]
    unable = step(judged(0.5), draft("top"), rungs=("low", "top"))
    same = TablePlans(table("low"), table("low", least_confidence=0.9), ladder())
    assert same.plan(unable).rungs == ("low", "top")  # type: ignore[union-attr]


def test_a_pinned_step_stays_where_it_was() -> None:
    pinned = step(draft("mid"), route="mid", rungs=("mid",))
    told = replayed([pinned], plans=TablePlans(table("low"), table("top"), ladder()))
    assert told.after.answers == {"mid": 1.0} and told.narrowed == 0


def test_a_row_s_least_confidence_is_asked_of_recorded_drafts() -> None:
    other = table("low", least_confidence=0.95)
    told = replayed([SURE, CLIMBED], plans=TablePlans(table("low"), other, ladder()))
    assert told.after.answers == {"mid": 2.0}


def test_an_entry_from_before_plans_were_written_down_is_planned_as_it_was_drafted() -> None:
    old = replace(CLIMBED, rungs=())
    assert replayed([old]).after.answers == {"mid": 1.0}


# ---- what is foreseen ------------------------------------------------------------------------


class Reach:
    """Confidences that say all there is: near 1 or near 0."""

    def chance(self, bar: float, probability: float) -> float:
        return 1.0 if bar <= 0 else probability

    def right(self, bar: float, probability: float) -> float:
        return probability


class Foreteller:
    """Hard chats have the word `hard`."""

    tiers = ("low", "mid", "top")

    def __init__(self, since: str | None = None, until: str | None = None) -> None:
        self.provenance = Provenance(
            data="d",
            data_sha256="0",
            rows=1,
            groups=1,
            date="2026-11-26",
            version="1",
            seed=0,
            folds=2,
            validated={},
            since=since,
            until=until,
        )

    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]:
        hard = sketch == sketch_of(HARD)
        return {"low": 0.02 if hard else 0.9, "mid": 0.05 if hard else 0.91, "top": 0.99}

    def after(self, refused: str, confidence: float, tier: str, probability: float) -> float:
        return probability

    def expected(self, tier: str, step_type: StepType) -> tuple[float | None, float | None]:
        return 10.0, 0.1

    def gate(self, tier: str) -> Reach:
        return Reach()


HARD = Chat(messages=(Message(role="user", text="a hard one"),))
EASY = Chat(messages=(Message(role="user", text="a plain one"),))


def foreseeing(
    policy: str,
    steps: Sequence[Entry],
    right_usd: float = 0.001,
    days: tuple[str | None, str | None] = (None, None),
) -> Foreseeing:
    other = RoutingConfig(
        policy=policy,  # type: ignore[arg-type]
        difficulty=Path("unread.json"),
        worth=WorthConfig(right_usd=right_usd),
        **({} if policy == "route" else {"promise": "waive"}),  # type: ignore[arg-type]
        step_types=table("low").step_types,
    )
    pricing = Pricing(ladder(), again=False)
    expectations = Expectations(ladder())
    means = gather(steps, pricing, expectations.learn)
    judges = Thresholds(GATES, means, {}, fixed=True).judges
    return Foreseeing(
        table("low"),
        other,
        ladder(),
        Foreteller(*days),  # type: ignore[arg-type]
        expectations,
        judges,
    )


def test_steps_of_the_days_that_a_predictor_was_learnt_from_are_a_warning() -> None:
    steps = [sketched(replace(SURE, at=day * 86_400.0 + 7), EASY) for day in range(5)]
    plans = foreseeing("route", steps, days=("1970-01-01", "1970-01-03"))
    told = replayed(steps, plans=plans)
    warning = "warning: 3 of 5 steps are of the days that the predictor was learnt from"
    assert any(line.startswith(warning) for line in as_lines(told))
    assert as_json(told)["learnt_from"] == {"days": ["1970-01-01", "1970-01-03"], "steps": 3}


@pytest.mark.parametrize("days", [(None, None), ("1969-01-01", "1969-12-31")])
def test_a_predictor_of_other_days_is_none(days: tuple[str | None, str | None]) -> None:
    steps = [sketched(SURE, EASY)]
    told = replayed(steps, plans=foreseeing("route", steps, days=days))
    assert told.of_learnt == 0 and not any("warning" in line for line in as_lines(told))


def sketched(entry: Entry, chat: Chat) -> Entry:
    return replace(entry, sketch=sketch_of(chat).to_bytes(), rungs=("low", "mid", "top"))


def test_a_router_sends_hard_steps_up_at_once_and_others_down() -> None:
    steps = [sketched(SURE, EASY), sketched(CLIMBED, HARD)]
    told = replayed(steps, plans=foreseeing("route", steps))
    assert told.walked == 2 and told.after.answers == {"low": 1.0, "top": 1.0}
    assert told.recorded == 1 and told.estimated_nano == 200_000
    assert told.after.untimed == 1.0, "that rung never drafted"
    assert "without 1 answers of rungs that never drafted" in "\n".join(as_lines(told))


def test_what_pays_climbs_where_a_draft_is_refused() -> None:
    steps = [sketched(step(judged(0.97)), EASY), sketched(CLIMBED, EASY)]
    told = replayed(steps, plans=foreseeing("pays", steps))
    assert told.after.answers == {"low": 1.0, "mid": 1.0} and told.recorded == 2
    dear = replayed(steps, plans=foreseeing("pays", steps, right_usd=10.0))
    assert dear.after.answers == pytest.approx({"mid": 1.91, "top": 0.09}), "not left to low at .97"
    assert dear.recorded == 1, "one draft of mid was never made: as probably given as foreseen"
    cheap = replayed(steps, plans=foreseeing("pays", steps, right_usd=0.00001))
    assert cheap.after.answers == {"low": 2.0} and cheap.recorded == 2


def test_without_a_sketch_nothing_is_foreseen_and_that_is_said() -> None:
    steps = [SURE, sketched(SURE, EASY), replace(SURE, sketch=b"junk")]
    told = replayed(steps, plans=foreseeing("route", steps))
    assert (told.walked, told.without_sketch) == (1, 2)
    assert any("2 steps that have no sketch" in line for line in as_lines(told))


def test_it_plans_what_the_router_would_plan_for_the_chat_itself() -> None:
    steps = [sketched(SURE, EASY), sketched(CLIMBED, HARD)]
    for policy in ("route", "pays"):
        plans, live = foreseeing(policy, steps), live_router(policy, steps)
        for chat, entry in ((EASY, steps[0]), (HARD, steps[1])):
            asked = live.plan(chat)
            replanned = plans.plan(entry)
            assert replanned is not None and replanned.rungs == asked.rungs
            assert [bar.tier for bar in replanned.bars] == [bar.tier for bar in asked.bars]


def live_router(policy: str, steps: Sequence[Entry]) -> PolicyRouter:
    expectations, config = Expectations(ladder()), table("low")
    for entry in steps:
        expectations.learn(entry)
    worth = WorthConfig(right_usd=0.001)
    judges = Thresholds(GATES, Means(), {}, fixed=True).judges
    foreteller: Any = Foreteller()
    chooser = (
        BestRung(foreteller, expectations, worth)
        if policy == "route"
        else PayingRungs(foreteller, expectations, worth, keeps_promise=False, judges=judges)
    )
    return PolicyRouter(
        typer=Typer(config),
        table=Table(ladder(), config.step_types),
        memory=Memory(config.affinity, lambda: 0.0),
        chooser=chooser,
    )


# ---- how it is told --------------------------------------------------------------------------


def test_lines_and_json_tell_the_same() -> None:
    told = replayed([SURE, CLIMBED], thresholds={"low": 0.95})
    shown, lines = as_json(told), "\n".join(as_lines(told))
    assert shown["rests_on"] == {
        "recorded_steps": 1,
        "estimated_steps": 1,
        "recorded_usd": 22_000 / 1e9,
        "estimated_usd": 20_000 / 1e9,
    }
    assert "of 2 steps 1 rest on recorded drafts alone, 1 on estimates too" in lines
    assert "0.000022 USD are recorded, 0.000020 estimated (47.6%)" in lines
    assert "low 50.0% mid 50.0%" in lines and "mid 100.0%" in lines
    assert "n=2" in lines and "same draft" in lines
