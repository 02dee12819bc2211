"""Which rungs are chosen for a chat, with which bars, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.config import PriceConfig, WorthConfig
from rungwise.policy.choosing import Choice, EveryRung, Judged, Step
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Past
from rungwise.policy.paying import BestRung, PayingRungs
from rungwise.policy.saying import dollars
from rungwise.policy.window import Window
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import Attempt, Bar, Chat, Confidence, Onward, Plan, StepType, Usage
from tests.policy.foreseeing import Foreseeing, asking

NAMES = ("t1", "t2", "t3")
PRICES = (0.1, 2.0, 20.0)
"""Dollars for a million tokens written: a draft of 100 tokens costs $.00001, $.0002, $.002."""


def ladder(*prices: float | None, local: tuple[str, ...] = ()) -> list[ScriptedTier]:
    return [
        ScriptedTier(
            name,
            local=name in local,
            price=None if price is None else PriceConfig(input=0.0, output=price, cache_read=0.0),
        )
        for name, price in zip(NAMES, prices or PRICES, strict=False)
    ]


def expecting(*prices: float | None, now: float = 0.0) -> Expectations:
    return Expectations(ladder(*prices), unix=lambda: now)


def windowed(start: str = "t1") -> Window:
    return Window(rungs=NAMES, start=start, reach=NAMES)


def step(chat: Chat, start: str = "t1") -> Step:
    """Where it starts higher than the table, evidence has spoken."""
    floor = start if start != "t1" else None
    kind = StepType.OPEN_CHAT
    return Step(chat=chat, step_type=kind, window=windowed(), start=start, floor=floor)


def pays(
    difficulty: Foreseeing,
    right_usd: float = 0.01,
    *,
    promise: bool = False,
    expectations: Expectations | None = None,
    second_usd: float = 0.0,
    **more: Any,
) -> PayingRungs:
    return PayingRungs(
        difficulty,  # type: ignore[arg-type]
        expectations or expecting(),
        WorthConfig(right_usd=right_usd, second_usd=second_usd),
        keeps_promise=promise,
        **more,
    )


def chosen(*right: float, right_usd: float = 0.01, start: str = "t1", **more: Any) -> Choice:
    difficulty, wish = more.pop("difficulty", Foreseeing()), more.pop("wish", {})
    chat = difficulty.tell(asking(*right, **wish))
    return pays(difficulty, right_usd, **more).choose(step(chat, start))


# ---- which rungs -----------------------------------------------------------------------------


def test_a_step_that_the_lowest_rung_will_do_for_starts_there_and_a_hard_one_does_not() -> None:
    assert chosen(0.97, 0.98, 0.99).rungs[0] == "t1"
    hard = chosen(0.02, 0.05, 0.95)
    assert hard.rungs == ("t3",) and hard.bars == ()


def test_what_is_worth_little_is_drafted_cheaply_whatever_comes_of_it() -> None:
    found = chosen(0.3, 0.4, 0.9, right_usd=1e-7)
    assert found.rungs == NAMES, "those above are there for when it fails"
    assert found.bars == tuple(Bar(tier=t, confidence=0.0, waives=True) for t in ("t1", "t2"))


def test_the_why_is_short_and_holds_the_numbers() -> None:
    found = chosen(0.8, 0.3, 0.97)
    assert found.why == (
        "pays: t1 (p .80, $0.00001) then t3 (p .97, $0.002); right is worth $0.01; "
        "next best t1 then t2 then t3, $0.000068 less"
    )
    assert found.rungs == ("t1", "t3")
    assert [(f.tier, f.probability) for f in found.forecasts] == [
        ("t1", 0.8),
        ("t2", 0.3),
        ("t3", 0.97),
    ]


def test_a_raised_start_is_a_floor() -> None:
    assert chosen(0.97, 0.98, 0.99, start="t2").rungs[0] == "t2"


def test_rungs_below_the_tables_start_are_taken_where_they_are_foreseen_to_do() -> None:
    difficulty = Foreseeing()
    chat = difficulty.tell(asking(0.97, 0.98, 0.99))
    window = windowed("t3")
    told = Step(chat=chat, step_type=StepType.OPEN_CHAT, window=window, start="t3")
    assert pays(difficulty).choose(told).rungs[0] == "t1"
    assert pays(difficulty).choose(step(chat, "t3")).rungs == ("t3",), "evidence raised it"
    rejected = replace(told, floor="t2")
    assert pays(difficulty).choose(rejected).rungs[0] == "t2", "evidence below the table's start"


# ---- promises --------------------------------------------------------------------------------


def test_a_promise_leaves_thresholds_in_force_and_always_ends_at_the_highest_rung() -> None:
    for right in ((0.9, 0.95, 0.97), (0.3, 0.4, 0.9)):
        for right_usd in (1e-7, 1e-3, 1.0):
            found = chosen(*right, right_usd=right_usd, promise=True)
            assert found.rungs[-1] == "t3"
            assert not any(bar.waives for bar in found.bars)


def test_a_rung_that_would_have_to_be_surer_than_it_gets_is_passed_over() -> None:
    def least(threshold: float | None) -> Callable[[str, StepType], Judged]:
        return lambda tier, _: Judged(reads=True, least=threshold if tier == "t1" else 0.5)

    easy = (0.9, 0.91, 0.97)
    assert chosen(*easy, promise=True, judges=least(0.5)).rungs[0] == "t1"
    assert chosen(*easy, promise=True, judges=least(1.01)).rungs[0] != "t1"
    assert chosen(*easy, promise=True, judges=least(None)).rungs[0] != "t1"
    assert chosen(*easy, promise=False, judges=least(None)).rungs[0] == "t1"


def test_after_a_rung_that_nobody_judges_the_others_are_for_when_it_fails() -> None:
    def judges(tier: str, step_type: StepType) -> Judged | None:
        return None if tier == "t1" else Judged(reads=True, least=0.5)

    for promise in (True, False):
        found = chosen(0.9, 0.91, 0.92, promise=promise, judges=judges)
        assert found.rungs == NAMES and "t1 (p .90, $0.00001); right" in found.why


def test_a_gate_without_a_confidence_is_asked_for_none_where_no_promise_is_kept() -> None:
    def judges(tier: str, step_type: StepType) -> Judged | None:
        return Judged(reads=False, least=None)

    found = chosen(0.9, 0.91, 0.92, judges=judges)
    assert found.bars[0] == Bar(tier="t1", confidence=0.0, waives=True)


# ---- what is not known -----------------------------------------------------------------------


def test_an_unknown_price_leaves_the_table_in_charge() -> None:
    found = chosen(0.9, 0.9, 0.9, expectations=expecting(0.1, None, 20.0), start="t2")
    assert found.rungs == ("t2", "t3") and found.bars == () and len(found.forecasts) == 3
    assert found.why == "pays: what t2 costs is not known, so as the table says"


def test_a_rung_that_nothing_is_foreseen_of_stays_where_the_table_has_it() -> None:
    difficulty = Foreseeing(known=("t1", "t3"))
    found = chosen(0.02, 0.95, difficulty=difficulty)
    assert found.rungs == ("t2", "t3") and "nothing is foreseen of t2: kept" in found.why
    assert "t2" not in {bar.tier for bar in found.bars}
    none = chosen(difficulty=Foreseeing(known=()))
    assert none.rungs == NAMES and "nothing is foreseen of these rungs" in none.why


def test_a_time_that_is_not_known_is_not_called_quick() -> None:
    difficulty = Foreseeing(seconds=None)
    found = chosen(0.9, 0.91, 0.92, difficulty=difficulty, second_usd=0.5)
    assert found.rungs[0] == "t1", "no time is known: none differs"


# ---- what the caller allows ------------------------------------------------------------------


def test_the_caller_may_ask_for_more_certainty_than_pays() -> None:
    cheap = {"right_usd": 1e-5}
    assert chosen(0.6, 0.7, 0.99, **cheap).rungs[0] == "t1"
    sure = chosen(0.6, 0.7, 0.99, **cheap, wish={"least_right": 0.98})
    assert sure.rungs == ("t3",)
    none = chosen(0.6, 0.7, 0.9, **cheap, wish={"least_right": 0.99})
    assert none.rungs[-1] == "t3" and "no plan is foreseen to be right with p 0.99" in none.why


def test_the_caller_may_ask_for_less_cost_or_time_than_pays() -> None:
    dear = chosen(0.1, 0.7, 0.99, right_usd=1.0, wish={"most_nano": 300_000})
    assert dear.why.startswith("pays: t2") or dear.why.startswith("pays: t1 (p .10, $0.00001) then")
    assert " then t3 (" not in dear.why
    quick = chosen(0.5, 0.7, 0.99, right_usd=1.0, wish={"deadline_s": 1.5})
    assert " then t" not in quick.why.split(";")[0], "two drafts would take two seconds"
    never = chosen(0.5, 0.7, 0.99, right_usd=1.0, wish={"most_nano": 1, "deadline_s": 0.1})
    assert "no plan is expected to cost so little" in never.why
    assert "no plan is expected to end in time" in never.why
    assert never.why.startswith("pays: t1 (")


# ---- a warm prefix ---------------------------------------------------------------------------


def test_a_conversation_stays_where_its_prefix_is_warm_unless_moving_pays() -> None:
    priced = [
        ScriptedTier(
            name,
            local=False,
            price=PriceConfig(input=usd, output=usd, cache_read=usd / 10),
        )
        for name, usd in zip(NAMES, (1.0, 2.0, 20.0), strict=True)
    ]
    difficulty = Foreseeing()
    chat = difficulty.tell(asking(0.9, 0.91, 0.92))
    past = Past(tier="t2", at=0.0, prompt_tokens=10_000)
    for now, first in ((100.0, "t2"), (400.0, "t1")):
        chooser = pays(
            difficulty, 1e-4, expectations=Expectations(priced, unix=lambda now=now: now)
        )
        found = chooser.choose(replace(step(chat), past=past))
        assert found.rungs[0] == first, found.why
    assert pays(difficulty, 1e-4).choose(step(chat)).rungs[0] == "t1"


# ---- going on --------------------------------------------------------------------------------


def refused(
    tier: str, p: float | None, asked: float | None = 0.9, cost: int | None = 10_000
) -> Attempt:
    return Attempt(
        tier=tier,
        model="m",
        state="abandoned",
        reason="",
        usage=Usage(),
        cost_nano=cost,
        started_s=0.0,
        first_piece_s=None,
        ended_s=1.0,
        confidence=None if p is None else Confidence(probability=p, calibration="c"),
        threshold=asked,
    )


def planned(choice: Choice) -> Plan:
    return Plan(
        rungs=choice.rungs,
        step_type=StepType.OPEN_CHAT,
        why=choice.why,
        bars=choice.bars,
        forecasts=choice.forecasts,
    )


def onward(*right: float, after: Attempt, right_usd: float = 0.01, **more: Any) -> Onward:
    """From a plan of all rungs."""
    difficulty = more.pop("difficulty", Foreseeing(pull=more.pop("pull", 0.5)))
    chat = difficulty.tell(asking(*right, **more.pop("wish", {})))
    chooser = pays(difficulty, right_usd, **more)
    plan = replace(planned(chooser.choose(step(chat))), rungs=NAMES)
    return chooser.onward(plan, chat, [after])


def test_after_a_refusal_what_it_tells_is_heeded() -> None:
    """Where t1 was nearly sure t2 is worth a try; where it was surely wrong t2 is, too."""
    near = onward(0.6, 0.8, 0.97, after=refused("t1", 0.85), pull=3.0)
    assert near.rungs == ("t2", "t3") and near.why == ""
    far = onward(0.6, 0.8, 0.97, after=refused("t1", 0.0), pull=3.0)
    assert far.rungs == ("t3",)
    assert far.why.startswith("after t1 (p .00) t3 (p .")


def test_what_a_check_refused_was_surely_wrong() -> None:
    told = [
        onward(0.6, 0.8, 0.97, after=refused("t1", p, asked), pull=3.0)
        for p, asked in ((None, None), (0.95, 0.9), (0.0, 0.9))
    ]
    assert told[0] == told[1] == told[2]


def test_the_bars_are_set_anew() -> None:
    before = chosen(0.6, 0.8, 0.97, difficulty=Foreseeing(pull=0.5)).bars
    after = onward(0.6, 0.8, 0.97, after=refused("t1", 0.5)).bars
    assert [bar.tier for bar in after] == ["t2"] and after[0] not in before


def test_with_one_rung_left_there_is_nothing_to_choose() -> None:
    found = onward(0.6, 0.8, 0.97, after=refused("t2", 0.5))
    assert found == Onward(rungs=("t3",))


def test_what_is_spent_counts_against_what_the_caller_allows() -> None:
    wish = {"most_nano": 2_150_000}
    cheap = onward(0.6, 0.8, 0.97, after=refused("t1", 0.8, cost=0), wish=wish, right_usd=1.0)
    spent = onward(0.6, 0.8, 0.97, after=refused("t1", 0.8, cost=200_000), wish=wish, right_usd=1.0)
    assert "no plan is expected to cost so little" not in cheap.why
    assert cheap.rungs == ("t3",) and "no plan" not in spent.why
    assert spent.rungs == ("t2", "t3") and spent.bars[0].confidence == 0


def test_a_price_that_got_unknown_goes_on_as_planned() -> None:
    found = onward(
        0.6, 0.8, 0.97, after=refused("t1", 0.1), expectations=expecting(0.1, None, 20.0)
    )
    assert found == Onward(rungs=("t2", "t3"))


# ---- the one best rung -----------------------------------------------------------------------


def routes(*right: float, right_usd: float = 0.01, **more: Any) -> Choice:
    difficulty = Foreseeing()
    chat = difficulty.tell(asking(*right, **more.pop("wish", {})))
    chooser = BestRung(
        difficulty,  # type: ignore[arg-type]
        expecting(),
        WorthConfig(right_usd=right_usd),
        **more,
    )
    return chooser.choose(step(chat))


def test_a_router_takes_one_rung_and_asks_no_confidence_of_it() -> None:
    found = routes(0.5, 0.9, 0.95)
    assert found.rungs == ("t2", "t3")
    assert found.bars == (Bar(tier="t2", confidence=0.0, waives=True),)
    assert found.why.startswith("route: t2 (p .90, $0.0002); right is worth $0.01; next best t3")
    assert routes(0.5, 0.9, 0.95, right_usd=1.0).rungs == ("t3",)
    assert routes(0.5, 0.9, 0.95, wish={"least_right": 0.95}).rungs == ("t3",)


# ---- every rung ------------------------------------------------------------------------------


def test_forecasts_change_nothing_of_a_cascade() -> None:
    difficulty = Foreseeing()
    chat = difficulty.tell(asking(0.1, 0.2, 0.9))
    plain = EveryRung().choose(step(chat, "t2"))
    told = EveryRung(difficulty).choose(step(chat, "t2"))  # type: ignore[arg-type]
    assert plain.forecasts == () and len(told.forecasts) == 3
    assert replace(told, forecasts=()) == plain and plain.rungs == ("t2", "t3")


# ---- whatever is foreseen --------------------------------------------------------------------

P = st.floats(0.001, 0.999)


@settings(max_examples=60)
@given(
    right=st.tuples(P, P, P),
    worth=st.floats(1e-7, 100.0),
    start=st.sampled_from(NAMES),
    promise=st.booleans(),
)
def test_what_is_chosen_is_of_the_window_rising_and_asks_for_probabilities(
    right: tuple[float, ...], worth: float, start: str, promise: bool
) -> None:
    difficulty = Foreseeing()
    chat = difficulty.tell(asking(*right))
    for chooser in (
        pays(difficulty, worth, promise=promise),
        BestRung(difficulty, expecting(), WorthConfig(right_usd=max(worth, 1e-6))),  # type: ignore[arg-type]
        EveryRung(difficulty),  # type: ignore[arg-type]
    ):
        found = chooser.choose(step(chat, start))
        places = [NAMES.index(rung) for rung in found.rungs]
        assert places and places == sorted(set(places))
        assert all(0 <= bar.confidence <= 1 for bar in found.bars)
        assert {bar.tier for bar in found.bars} <= set(NAMES)


@pytest.mark.parametrize(
    ("nano", "told"),
    [
        (0.0, "$0"),
        (-5.0, "$0"),
        (20_000.0, "$0.00002"),
        (123_456.0, "$0.00012"),
        (2e6, "$0.002"),
        (1e9, "$1"),
        (12.34e9, "$12"),
        (1234e9, "$1234"),
    ],
)
def test_dollars_are_told_with_two_digits_that_count(nano: float, told: str) -> None:
    assert dollars(nano) == told
