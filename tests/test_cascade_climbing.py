"""How a step climbs where it pays: rungs passed over, bars, and the money for it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.access.free import FreePurse
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.confidence.gate import CalibratedGate
from rungwise.config import AffinityConfig, GateConfig, PriceConfig, RoutingConfig, WorthConfig
from rungwise.contracts import Ledger, Purse, Router
from rungwise.errors import CallerError, NotAllowed, OverBudget
from rungwise.policy.choosing import Chooser
from rungwise.policy.expected import Expectations
from rungwise.policy.memory import Memory
from rungwise.policy.paying import BestRung, PayingRungs
from rungwise.policy.router import PolicyRouter
from rungwise.policy.step_types import Typer
from rungwise.policy.table import Table
from rungwise.story import Clock
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say
from rungwise.types import (
    Attempt,
    Bar,
    Caller,
    Cap,
    Chat,
    Entry,
    Grant,
    Onward,
    Plan,
    Released,
    Settled,
    StepType,
    Usage,
)
from rungwise.verify.checks import Checks
from tests.access.accounts import account
from tests.policy.foreseeing import Foreseeing, asking
from tests.test_cascade import ListLedger, windowed
from tests.test_cascade_money import Envelope

pytestmark = pytest.mark.anyio

OUTPUT = {"t1": 0.1, "t2": 2.0, "t3": 20.0, "t4": 200.0}
"""Dollars for a million tokens: a draft of the expected 100 costs $.00001, $.0002, $.002."""
SURE, GOOD, FAIR, LOST = (
    say("word " * 8, logprob=logprob, usage=Usage(input=3, output=100))
    for logprob in (-0.01, -0.5, -1.0, -3.0)
)
"""Confidences of .95, .88, .73 and .05; the calibrated threshold is .9."""
ANN = Caller(name="ann")
DOUBTED = (0.6, 0.8, 0.99)
"""What is foreseen of three rungs, that all three are worth a try: bars .85 and .81."""
HARD = (0.02, 0.05, 0.95)
"""The highest rung at once."""


def rung(name: str, *scripts: Script, local: bool = False, most: int = 5_000_000) -> ScriptedTier:
    price = PriceConfig(input=0.0, output=OUTPUT[name], cache_read=0.0)
    tier = ScriptedTier(name, *scripts, local=local, price=price)
    tier.most = 0 if local else most
    return tier


def three(first: Script, second: Script = SURE, third: Script = SURE) -> list[ScriptedTier]:
    return [rung("t1", first, local=True), rung("t2", second), rung("t3", third)]


def paying(
    tiers: Sequence[ScriptedTier], difficulty: Foreseeing, *, promise: bool = False
) -> PayingRungs:
    return PayingRungs(
        difficulty,  # type: ignore[arg-type]
        Expectations(tiers),
        WorthConfig(right_usd=0.01),
        keeps_promise=promise,
    )


def router(tiers: Sequence[ScriptedTier], chooser: Chooser, *, hurry: bool = False) -> Router:
    return PolicyRouter(
        typer=Typer(RoutingConfig()),
        table=Table(tiers, {}),
        memory=Memory(AffinityConfig(), lambda: 1e9),
        chooser=chooser,
        may_hurry=hurry,
    )


def cascade(
    tiers: Sequence[ScriptedTier],
    router: Router,
    *,
    ledger: Ledger,
    purse: Purse | None = None,
    gates: Mapping[str, CalibratedGate] | None = None,
) -> Cascade:
    loop = asyncio.get_running_loop()
    own = {tier.name: CalibratedGate(GateConfig(tier=tier.name), windowed()) for tier in tiers}
    return Cascade(
        ladder=tuple(tiers),
        router=router,
        gates={**own, **(gates or {})},
        verifier=Checks(),
        cache=NoCache(),
        purse=purse or FreePurse(),
        ledger=ledger,
        clock=Clock(now=loop.time, unix=lambda: 1e9),
    )


async def answered(built: Cascade, chat: Chat, caller: Caller = ANN, id: str = "r") -> Settled:
    events = [event async for event in built.answer(chat, caller, id=id)]
    assert isinstance(events[0], Released) and isinstance(events[-1], Settled)
    return events[-1]


async def climbed(
    tiers: Sequence[ScriptedTier],
    right: Sequence[float] = DOUBTED,
    *,
    promise: bool = False,
    caller: Caller = ANN,
    **wish: object,
) -> Entry:
    difficulty, ledger = Foreseeing(pull=1.0), ListLedger()
    chat = difficulty.tell(asking(*right, **wish))
    plans = router(tiers, paying(tiers, difficulty, promise=promise))
    await answered(cascade(tiers, plans, ledger=ledger), chat, caller)
    (entry,) = ledger.entries
    return entry


def asked(entry: Entry) -> list[str]:
    return [attempt.tier for attempt in entry.attempts]


# ---- what a refusal tells --------------------------------------------------------------------


async def test_after_a_lost_draft_a_rung_that_would_fail_too_is_passed_over() -> None:
    tiers = three(LOST)
    entry = await climbed(tiers)
    assert asked(entry) == ["t1", "t3"] and tiers[1].chats == []
    assert entry.rungs == ("t1", "t3") and "; after t1 (p .05) t3 (p .97, " in entry.plan_why
    assert [f.probability for f in entry.forecasts] == list(DOUBTED)


async def test_after_a_fair_draft_the_next_rung_is_worth_a_try() -> None:
    entry = await climbed(three(FAIR))
    assert asked(entry) == ["t1", "t2"] and "after" not in entry.plan_why
    assert entry.rungs == ("t1", "t2", "t3")


async def test_a_refused_draft_sets_the_bars_above_it_anew() -> None:
    before = (await climbed(three(GOOD, LOST, SURE), (0.05, 0.8, 0.99))).attempts[0]
    after = (await climbed(three(FAIR, LOST, SURE))).attempts[1]
    assert before.tier == after.tier == "t2"
    assert before.threshold is not None and after.threshold is not None
    assert abs(before.threshold - after.threshold) > 0.01


# ---- bars ------------------------------------------------------------------------------------


async def test_a_draft_leaves_from_where_climbing_pays_nothing() -> None:
    entry = await climbed(three(GOOD))
    assert asked(entry) == ["t1"] and entry.attempts[0].threshold == pytest.approx(0.85, abs=0.01)
    entry = await climbed(three(FAIR))
    assert entry.attempts[0].state == "abandoned"


async def test_under_a_promise_the_calibrated_threshold_holds_too() -> None:
    entry = await climbed(three(GOOD), promise=True)
    assert asked(entry)[0] == "t1" and entry.attempts[0].state == "abandoned"
    assert entry.attempts[0].threshold == 0.9


async def test_the_one_best_rung_is_not_judged_but_checked_and_climbed_from_when_it_fails() -> None:
    for first, expected in (
        (LOST, ["t2"]),
        (fail("overloaded"), ["t2", "t3"]),
        (say("half of it", finish="length"), ["t2", "t3"]),
    ):
        tiers, difficulty, ledger = three(SURE, first), Foreseeing(), ListLedger()
        chat = difficulty.tell(asking(0.5, 0.9, 0.95))
        chooser = BestRung(
            difficulty,  # type: ignore[arg-type]
            Expectations(tiers),
            WorthConfig(right_usd=0.01),
        )
        await answered(cascade(tiers, router(tiers, chooser), ledger=ledger), chat)
        assert asked(ledger.entries[0]) == expected


# ---- rungs that cannot be asked --------------------------------------------------------------


async def test_where_the_chosen_rung_cannot_be_asked_those_it_passed_over_are() -> None:
    entry = await climbed(three(SURE), HARD, caller=Caller(tiers=frozenset({"t1", "t2"})))
    assert asked(entry) == ["t1"] and entry.rungs == ("t1", "t2")
    assert "t3 is not this key's; so t1, t2 too" in entry.plan_why
    tiers = three(SURE)
    tiers[2].unable = "takes no images"
    entry = await climbed(tiers, HARD)
    assert asked(entry) == ["t1"] and "t3 takes no images" in entry.plan_why


async def test_a_rung_in_the_middle_that_was_passed_over_stands_in_for_the_last() -> None:
    right = (0.8, 0.3, 0.97)
    assert (await climbed(three(SURE), right)).rungs == ("t1", "t3")
    entry = await climbed(three(SURE), right, caller=Caller(tiers=frozenset({"t1", "t2"})))
    assert entry.rungs == ("t1", "t2")


async def test_where_none_can_be_asked_it_is_told_as_ever() -> None:
    with pytest.raises(NotAllowed, match="may use t9, and the request leads to t3"):
        await climbed(three(SURE), HARD, caller=Caller(tiers=frozenset({"t9"})))
    tiers = three(SURE)
    for tier in tiers:
        tier.unable = "takes no images"
    with pytest.raises(CallerError, match="no rung can answer this: t3 takes no images"):
        await climbed(tiers, HARD)


# ---- going on, whatever else happens ---------------------------------------------------------


class Told:
    """A router that goes on as it is told."""

    def __init__(self, rungs: Sequence[str], onward: Sequence[str], *bars: Bar) -> None:
        self.plan_of = Plan(rungs=tuple(rungs), step_type=StepType.OPEN_CHAT, why="told")
        self.on, self.bars, self.asked = tuple(onward), bars, 0
        self.seen: list[tuple[str, ...]] = []

    def plan(self, chat: Chat) -> Plan:
        return self.plan_of

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        self.asked += 1
        self.seen.append(plan.rungs)
        return Onward(rungs=self.on, bars=self.bars or None, why="as told")


FOUR = ("t1", "t2", "t3", "t4")


def four(*scripts: Script) -> list[ScriptedTier]:
    return [rung(name, script) for name, script in zip(FOUR, scripts, strict=True)]


async def test_a_full_rung_after_a_refusal_is_passed_over_once() -> None:
    tiers, ledger = four(LOST, SURE, SURE, SURE), ListLedger()
    tiers[1].full = "too much to do"
    told = Told(FOUR, FOUR[1:])
    await answered(cascade(tiers, told, ledger=ledger), asking(0.5))
    assert [(a.tier, a.state) for a in ledger.entries[0].attempts] == [
        ("t1", "abandoned"),
        ("t2", "spilled"),
        ("t3", "released"),
    ]
    assert told.asked == 1


async def test_a_rung_that_failed_tells_nothing_and_the_plan_goes_on() -> None:
    tiers, ledger = four(LOST, fail("broken"), SURE, SURE), ListLedger()
    told = Told(FOUR, FOUR[1:])
    await answered(cascade(tiers, told, ledger=ledger), asking(0.5))
    assert asked(ledger.entries[0]) == ["t1", "t2", "t3"] and told.asked == 1


@pytest.mark.parametrize("on", [(), ("t1",), ("elsewhere",), ("t4", "t3", "t2")])
async def test_a_router_that_goes_astray_leads_nowhere_else(on: tuple[str, ...]) -> None:
    tiers, ledger = four(LOST, SURE, SURE, SURE), ListLedger()
    await answered(cascade(tiers, Told(FOUR, on), ledger=ledger), asking(0.5))
    assert asked(ledger.entries[0]) == ["t1", "t2"] and ledger.entries[0].rungs == FOUR


async def test_no_rung_becomes_the_last_and_unjudged_because_a_router_leaves_out_the_others() -> (
    None
):
    tiers, ledger = four(LOST, FAIR, SURE, SURE), ListLedger()
    await answered(cascade(tiers, Told(FOUR, ("t2",)), ledger=ledger), asking(0.5))
    (entry,) = ledger.entries
    assert [(a.tier, a.state) for a in entry.attempts] == [
        ("t1", "abandoned"),
        ("t2", "abandoned"),
        ("t4", "released"),
    ]


async def test_with_one_rung_left_nobody_is_asked() -> None:
    tiers, ledger = three(LOST), ListLedger()
    told = Told(("t1", "t2"), ())
    await answered(cascade(tiers, told, ledger=ledger), asking(0.5))
    assert asked(ledger.entries[0]) == ["t1", "t2"] and told.asked == 0


async def test_bars_that_come_with_going_on_are_honoured() -> None:
    tiers, ledger = four(LOST, FAIR, SURE, SURE), ListLedger()
    told = Told(FOUR, FOUR[1:], Bar(tier="t2", confidence=0.6, waives=True))
    await answered(cascade(tiers, told, ledger=ledger), asking(0.5))
    assert asked(ledger.entries[0]) == ["t1", "t2"]
    assert ledger.entries[0].attempts[1].threshold == 0.6


async def test_what_was_begun_ahead_is_taken_as_it_is() -> None:
    difficulty, ledger, tiers = Foreseeing(pull=1.0), ListLedger(), three(pause(0.05) + LOST)
    chat = difficulty.tell(asking(*DOUBTED, hurry=True))
    plans = router(tiers, paying(tiers, difficulty), hurry=True)
    await answered(cascade(tiers, plans, ledger=ledger), chat)
    assert "t2" in asked(ledger.entries[0]), "it was begun beside t1"


# ---- money -----------------------------------------------------------------------------------


async def test_money_that_ends_before_the_plan_does_is_told_as_such_after_going_on() -> None:
    tiers = four(LOST, LOST, LOST, SURE)
    purse = Envelope(Grant(rungs=3, short="the cap of ann is reached"))
    built = cascade(tiers, Told(FOUR, ("t3",)), ledger=ListLedger(), purse=purse)
    with pytest.raises(OverBudget, match="the cap of ann"):
        await answered(built, asking(0.5))
    assert tiers[2].chats and not tiers[3].chats


async def test_a_start_that_is_raised_by_what_is_foreseen_is_paid_for_like_a_climb() -> None:
    difficulty, tiers = Foreseeing(), three(SURE)
    chat = difficulty.tell(asking(*HARD))
    built = cascade(tiers, router(tiers, paying(tiers, difficulty)), ledger=ListLedger())
    quote = built.quote(chat, ANN)
    assert quote.plan.rungs == ("t3",) and quote.plan.otherwise == ("t1", "t2", "t3")
    assert [(bid.tier, bid.escalation) for bid in quote.bids] == [("t3", True)]


async def test_a_start_below_the_tables_makes_no_climb_of_the_tables_start() -> None:
    tiers, told = three(SURE), Told(("t1", "t2", "t3"), ())
    told.plan_of = replace(told.plan_of, otherwise=("t2", "t3"), reach=("t1", "t2", "t3"))
    quote = cascade(tiers, told, ledger=ListLedger()).quote(asking(0.5), ANN)
    assert [bid.escalation for bid in quote.bids] == [False, False, True]


async def test_a_start_as_usual_asks_no_less_of_a_draft_than_its_calibration_does() -> None:
    """Bars by what pays are those of a plan that climbs; the owner's stay."""
    tiers, ledger = three(GOOD), ListLedger()
    told = Told(("t3",), ("t2", "t3"))
    bars = (
        Bar(tier="t1", confidence=0.5, waives=True),
        Bar(tier="t2", confidence=0.97, least=0.94),
    )
    usual = ("t1", "t2", "t3")
    told.plan_of = replace(told.plan_of, otherwise=usual, reach=usual, bars=bars)

    class Once(Envelope):
        async def reserve(self, *told: object, **more: object) -> Grant:
            self.grant, given = Grant(rungs=3), self.grant
            return given

    purse = Once(Grant(rungs=0, short="no money for climbing"))
    await answered(cascade(tiers, told, ledger=ledger, purse=purse), asking(0.5))
    (entry,) = ledger.entries
    assert [(a.tier, a.threshold) for a in entry.attempts] == [("t1", 0.9), ("t2", 0.94)]
    assert "but no money for climbing, so it starts at t1" in entry.plan_why


def capped(escalation: int) -> Caller:
    return Caller(name="ann", caps=(Cap(nano=escalation, window="day", of="escalation"),))


async def test_texts_that_look_hard_do_not_get_past_the_cap_on_climbing(tmp_path: Path) -> None:
    """Each would start at t3 for $.002, at most $.005; the cap holds one such, and then the steps
    start as usual, where the table begins."""
    difficulty, tiers = Foreseeing(), three(SURE)
    chat = difficulty.tell(asking(*HARD))
    async with account(f"sqlite:///{tmp_path / 'l.db'}") as own:
        plans = router(tiers, paying(tiers, difficulty))
        built = cascade(tiers, plans, ledger=own.ledger, purse=own.purse)
        for count in range(5):
            await answered(built, chat, capped(6_000_000), id=f"r{count}")
        entries = [await own.ledger.find(f"r{count}") for count in range(5)]
        books = await own.books()
        assert await own.open() == []
    assert [entry and entry.tier for entry in entries] == ["t3", "t1", "t1", "t1", "t1"]
    assert entries[4] is not None and "so it starts at t1" in entries[4].plan_why
    spent, reserved = books["ann", "escalation", "day"]
    assert (spent, reserved) == (2_000_000, 0)


async def test_without_money_to_climb_a_doubtful_usual_draft_ends_the_step(tmp_path: Path) -> None:
    difficulty, tiers = Foreseeing(), three(LOST)
    chat = difficulty.tell(asking(*HARD))
    async with account(f"sqlite:///{tmp_path / 'l.db'}") as own:
        plans = router(tiers, paying(tiers, difficulty))
        built = cascade(tiers, plans, ledger=own.ledger, purse=own.purse)
        with pytest.raises(OverBudget):
            await answered(built, chat, capped(1))
        assert await own.open() == []
    assert len(tiers[0].chats) == 1 and not tiers[1].chats and not tiers[2].chats


@pytest.mark.parametrize("first", [SURE, GOOD, FAIR, LOST])
async def test_what_was_set_aside_for_rungs_that_were_passed_over_comes_back(
    first: Script, tmp_path: Path
) -> None:
    difficulty, tiers = Foreseeing(pull=1.0), three(first, FAIR)
    chat = difficulty.tell(asking(*DOUBTED))
    caller = replace(capped(10**9), caps=(Cap(nano=10**9), *capped(10**9).caps))
    async with account(f"sqlite:///{tmp_path / 'l.db'}") as own:
        plans = router(tiers, paying(tiers, difficulty))
        built = cascade(tiers, plans, ledger=own.ledger, purse=own.purse)
        settled = await answered(built, chat, caller)
        books, entry = await own.books(), await own.ledger.find("r")
        assert await own.open() == []
    assert entry is not None and settled.cost_nano == entry.cost_nano
    climbed = sum(a.cost_nano or 0 for a in entry.attempts if a.tier != "t1")
    assert {reserved for _, reserved in books.values()} == {0}
    for of, expected in (("all", entry.cost_nano), ("escalation", climbed)):
        told = [spent for (_, kind, _), (spent, _) in books.items() if kind == of]
        assert sum(told) == expected, of


async def test_a_dry_run_tells_the_plan_and_calls_nobody() -> None:
    difficulty, tiers = Foreseeing(pull=1.0), three(SURE)
    chat = difficulty.tell(asking(*DOUBTED))
    built = cascade(tiers, router(tiers, paying(tiers, difficulty)), ledger=ListLedger())
    quote = built.quote(chat, ANN)
    assert quote.plan.rungs == ("t1", "t2", "t3") and len(quote.plan.bars) == 2
    assert [bid.escalation for bid in quote.bids] == [False, True, True]
    assert not any(tier.chats for tier in tiers)


async def test_a_choice_under_a_cap_keeps_the_bar_of_the_last_rung_that_can_be_paid_for() -> None:
    """It is judged, for the plan has one above it: by what pays, as the router saw it."""
    tiers, ledger = four(LOST, LOST, FAIR, SURE), ListLedger()
    told = Told(FOUR, FOUR[1:], Bar(tier="t3", confidence=0.0, waives=True))
    purse = Envelope(Grant(rungs=3, short="no money for t4"))
    await answered(cascade(tiers, told, ledger=ledger, purse=purse), asking(0.5))
    (entry,) = ledger.entries
    assert told.seen[0] == FOUR, "not cut to what can be paid for: then t3 would not be judged"
    assert (entry.tier, entry.state) == ("t3", "answered")
