"""How a step climbs: what is held, released, abandoned, billed and written down."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rungwise.access.free import FreePurse
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.confidence.gate import CalibratedGate
from rungwise.confidence.judge import Judge
from rungwise.config import GateConfig, JudgeConfig, PriceConfig, RouteConfig, RoutingConfig
from rungwise.contracts import Drafting
from rungwise.errors import CallerError, LadderExhausted, TierError
from rungwise.story import Clock
from rungwise.tiers.scripted import Script, ScriptedTier, call, fail, say, script, stall
from rungwise.types import (
    Caller,
    Chat,
    Done,
    Draft,
    Entry,
    Message,
    Outcome,
    OutputShape,
    Piece,
    Released,
    Settled,
    StepType,
    Tool,
    Usage,
    Verdict,
    Wish,
)
from rungwise.verify.checks import Checks
from tests.confidence.test_calibration import windowed
from tests.confidence.test_gate import prefixed
from tests.routed import routed

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="what is it"),))
PRICE = PriceConfig(input=1, output=2)


class ListLedger:
    """Keeps entries in a list."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, entry: Entry) -> None:
        await asyncio.sleep(0)
        self.entries.append(entry)

    async def label(self, entry_id: str, outcome: Outcome) -> bool:
        return False

    async def find(self, entry_id: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == entry_id), None)


def cascade(
    *tiers: ScriptedTier,
    ledger: ListLedger | None = None,
    gates: Mapping[str, CalibratedGate] | None = None,
    **routes: RouteConfig,
) -> Cascade:
    """A ladder whose rungs all have the same gate on the worst window."""
    seconds = iter(range(100_000))
    own = {t.name: CalibratedGate(GateConfig(tier=t.name), windowed()) for t in tiers}
    gates = {**own, **(gates or {})}
    return Cascade(
        ladder=tiers,
        router=routed(tiers, RoutingConfig(step_types={StepType(k): v for k, v in routes.items()})),
        gates=gates,
        verifier=Checks(),
        cache=NoCache(),
        purse=FreePurse(),
        ledger=ledger or ListLedger(),
        clock=Clock(now=lambda: float(next(seconds)), unix=lambda: 1e9),
    )


def tier(name: str, *scripts: Script) -> ScriptedTier:
    return ScriptedTier(name, *scripts, model=f"model-{name}", price=PRICE)


async def answered(built: Cascade, chat: Chat = CHAT) -> tuple[Released, list[Piece], Settled]:
    events = [event async for event in built.answer(chat, Caller(), id="req_1")]
    first, *pieces, last = events
    assert isinstance(first, Released) and isinstance(last, Settled)
    return first, [p for p in pieces if isinstance(p, Piece)], last


def text_of(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


async def test_a_sure_draft_is_released_from_the_first_rung() -> None:
    low, high = tier("t1", say("all is well", logprob=-0.01)), tier("t2", say("no"))
    ledger = ListLedger()
    released, pieces, settled = await answered(cascade(low, high, ledger=ledger))
    assert (released.tier, released.model, released.rungs_tried) == ("t1", "model-t1", 1)
    assert text_of(pieces) == "all is well"
    assert pieces[-1].finish == "stop"
    assert high.chats == []
    (entry,) = ledger.entries
    assert entry.state == "answered" and entry.tier == "t1"
    assert entry.attempts[0].confidence is not None
    assert settled.cost_nano == 3 * 1000 + 4 * 2000


async def test_no_byte_of_a_doubtful_draft_reaches_the_caller() -> None:
    low = tier("t1", say("wrong " * 30, logprob=-3.0))
    high = tier("t2", say("right"))
    ledger = ListLedger()
    released, pieces, settled = await answered(cascade(low, high, ledger=ledger))
    assert released.tier == "t2" and released.rungs_tried == 2
    assert "wrong" not in text_of(pieces)
    assert low.closed_after == [8], "stopped at the first full window"
    first, second = ledger.entries[0].attempts
    assert (first.state, second.state) == ("abandoned", "released")
    assert "stopped early" in first.reason
    assert first.usage.output == 8, "what was written before the stop is billed"
    assert settled.usage == first.usage + second.usage
    assert settled.cost_nano == (first.cost_nano or 0) + (second.cost_nano or 0)


async def test_the_last_rung_is_released_as_it_comes_and_not_read() -> None:
    last = tier("t1", say("hm", logprob=-9.0))
    released, pieces, _ = await answered(cascade(last))
    assert released.tier == "t1" and text_of(pieces) == "hm"
    assert last.reads == [False]


async def test_a_pinned_tier_is_not_judged() -> None:
    low, high = tier("t1", say("hm", logprob=-9.0)), tier("t2")
    released, _, _ = await answered(cascade(low, high), replace(CHAT, wish=Wish(pin="t1")))
    assert released.tier == "t1"


async def test_a_failing_rung_is_climbed_over() -> None:
    low, high = tier("t1", fail("overloaded")), tier("t2", say("yes"))
    ledger = ListLedger()
    released, _, _ = await answered(cascade(low, high, ledger=ledger))
    assert released.tier == "t2"
    failed = ledger.entries[0].attempts[0]
    assert (failed.state, failed.fault, failed.reason) == ("failed", "overloaded", "scripted")


async def test_a_held_draft_that_breaks_off_is_climbed_over() -> None:
    low = tier("t1", say("half an", logprob=-0.01, finish=None) + fail("unavailable"))
    released, pieces, _ = await answered(cascade(low, tier("t2", say("whole"))))
    assert released.tier == "t2" and text_of(pieces) == "whole"


async def test_when_every_rung_fails_the_attempts_are_told_and_written() -> None:
    ledger = ListLedger()
    built = cascade(tier("t1", fail("broken")), tier("t2", fail("rate_limited")), ledger=ledger)
    with pytest.raises(LadderExhausted) as raised:
        await answered(built)
    assert [a.tier for a in raised.value.attempts] == ["t1", "t2"]
    assert raised.value.last.fault == "rate_limited"
    assert ledger.entries[0].state == "exhausted"


async def test_a_released_draft_that_breaks_off_is_an_error_and_nobody_takes_over() -> None:
    low, ledger = tier("t1", say("half an", finish=None) + fail("broken")), ListLedger()
    got: list[object] = []
    with pytest.raises(TierError):
        async for event in cascade(low, ledger=ledger).answer(CHAT, Caller(), id="r"):
            got.append(event)
    assert isinstance(got[0], Released)
    assert not any(isinstance(event, Settled) for event in got)
    (entry,) = ledger.entries
    assert (entry.state, entry.tier) == ("broken_off", "t1"), "the caller saw a part of it"
    assert (entry.attempts[0].state, entry.attempts[0].fault) == ("broken_off", "broken")


async def test_a_rung_that_writes_nothing_at_all_is_broken() -> None:
    released, _, _ = await answered(cascade(tier("t1", script()), tier("t2", say("x"))))
    assert released.tier == "t2"
    with pytest.raises(LadderExhausted):
        await answered(cascade(tier("t1", script())))


async def test_closing_while_held_stops_the_draft_and_writes_the_entry() -> None:
    low = tier("t1", say("one two", logprob=-0.01, finish=None) + stall())
    ledger = ListLedger()
    events = cascade(low, tier("t2"), ledger=ledger).answer(CHAT, Caller(), id="r")
    waiting = asyncio.ensure_future(anext(events))
    while low.given != [2]:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert low.open == 0 and low.closed_after == [2]
    assert ledger.entries[0].state == "cancelled" and ledger.entries[0].tier is None
    assert ledger.entries[0].attempts[0].state == "cancelled"
    assert ledger.entries[0].attempts[0].usage.output == 2


async def test_closing_after_release_stops_the_draft_and_writes_the_entry() -> None:
    low, ledger = tier("t1", say("one two", finish=None) + stall()), ListLedger()
    events = cascade(low, ledger=ledger).answer(CHAT, Caller(), id="r")
    assert isinstance(await anext(events), Released)
    assert isinstance(await anext(events), Piece)
    await events.aclose()
    assert low.open == 0
    (entry,) = ledger.entries
    assert (entry.state, entry.tier) == ("cancelled", "t1"), "the caller saw a part of it"
    assert entry.attempts[0].state == "left" and "went away" in entry.attempts[0].reason


async def test_an_error_of_our_own_is_not_blamed_on_the_caller() -> None:
    class Broken(Checks):
        def check(self, chat: Chat, draft: Draft) -> Verdict:
            raise ZeroDivisionError

    ledger = ListLedger()
    built = cascade(tier("t1", say("x", logprob=-0.01)), tier("t2"), ledger=ledger)
    built._verifier = Broken()
    with pytest.raises(ZeroDivisionError):
        await answered(built)
    assert ledger.entries[0].state == "exhausted"
    assert "error of this server" in ledger.entries[0].attempts[0].reason


async def test_a_rung_that_could_not_be_accepted_is_not_paid_for() -> None:
    low, middle, high = tier("t1", say("x", logprob=-9.0)), tier("t2"), tier("t3", say("y"))
    ledger = ListLedger()
    uncalibrated = {"t2": CalibratedGate(GateConfig(tier="t2"), None)}
    built = cascade(low, middle, high, ledger=ledger, gates=uncalibrated)
    released, _, _ = await answered(built)
    assert (released.tier, released.rungs_tried) == ("t3", 2)
    assert middle.chats == []
    assert "t2 is passed over, not calibrated" in ledger.entries[0].plan_why
    released, _, _ = await answered(built, replace(CHAT, wish=Wish(ceiling="t2")))
    assert released.tier == "t2", "nothing stands above it in this plan"


async def test_the_entry_is_written_even_while_the_task_is_cancelled_again() -> None:
    class SlowLedger(ListLedger):
        async def record(self, entry: Entry) -> None:
            await asyncio.sleep(0.02)
            self.entries.append(entry)

    ledger = SlowLedger()

    async def ask() -> None:
        async for _ in cascade(tier("t1", stall()), ledger=ledger).answer(CHAT, Caller(), id="r"):
            pass

    task = asyncio.ensure_future(ask())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(0.05)
    assert [entry.state for entry in ledger.entries] == ["cancelled"]


async def test_broken_json_escalates_although_its_tokens_were_sure() -> None:
    chat = replace(CHAT, shape=OutputShape(schema={"type": "object", "required": ["a"]}))
    low = tier("t1", say('{"b": 1}', logprob=-0.001))
    ledger = ListLedger()
    released, pieces, _ = await answered(
        cascade(low, tier("t2", say('{"a": 1}')), ledger=ledger), chat
    )
    assert released.tier == "t2" and text_of(pieces) == '{"a": 1}'
    assert "breaks the schema" in ledger.entries[0].attempts[0].reason


async def test_tool_arguments_are_checked_against_the_callers_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    chat = replace(CHAT, tools=(Tool(name="f", parameters=schema),))
    low = tier("t1", call("f", '{"n": "one"}', logprob=-0.001))
    high = tier("t2", call("f", '{"n": 1}'))
    released, _, _ = await answered(cascade(low, high), chat)
    assert released.tier == "t2"


async def test_an_unknown_price_is_unknown_for_the_whole_answer() -> None:
    low = tier("t1", say("no", logprob=-9.0))
    high = ScriptedTier("t2", say("yes"))
    _, _, settled = await answered(cascade(low, high))
    assert settled.cost_nano is None
    assert settled.usage == Usage(input=6, output=4)


async def test_a_wish_that_cannot_be_granted_is_the_callers_error_and_nothing_is_written() -> None:
    ledger = ListLedger()
    hosted = ScriptedTier("t1", local=False)
    with pytest.raises(CallerError):
        await answered(cascade(hosted, ledger=ledger), replace(CHAT, wish=Wish(local_only=True)))
    assert ledger.entries == [] and hosted.chats == []


async def test_the_route_table_skips_lower_rungs() -> None:
    low, high = tier("t1"), tier("t2", say("planned"))
    released, _, _ = await answered(
        cascade(low, high, planning=RouteConfig(start="t2")),
        replace(CHAT, wish=Wish(step_type=StepType.PLANNING)),
    )
    assert released.tier == "t2" and low.chats == []


# ---- released at its beginning ---------------------------------------------------------------


STREAM = replace(CHAT, stream=True)


def gated(*tiers: ScriptedTier, **config: Any) -> dict[str, CalibratedGate]:
    return {t.name: CalibratedGate(GateConfig(tier=t.name, **config), prefixed()) for t in tiers}


async def test_a_stream_leaves_with_its_beginning_and_the_rest_follows_as_it_comes() -> None:
    text = "one two three four five six"
    low, high, ledger = tier("t1", say(text, logprob=-0.01)), tier("t2"), ListLedger()
    built = cascade(low, high, ledger=ledger, gates=gated(low))
    events = built.answer(STREAM, Caller(), id="r")
    assert isinstance(await anext(events), Released)
    assert low.given == [4], "not a token more than it takes to be sure"
    rest = [event async for event in events]
    assert text_of([e for e in rest if isinstance(e, Piece)]) == text
    (attempt,) = ledger.entries[0].attempts
    assert "after 4 tokens" in attempt.reason and attempt.threshold == 0.9
    assert attempt.readings[0].value == -0.01


async def test_after_release_a_failure_is_told_and_nobody_takes_over() -> None:
    low = tier("t1", say("one two three four", logprob=-0.01, finish=None) + fail("broken"))
    high = tier("t2", say("another"))
    with pytest.raises(TierError):
        await answered(cascade(low, high, gates=gated(low)), STREAM)
    assert high.chats == []


async def test_an_engine_that_dies_while_a_draft_is_held_costs_the_caller_nothing() -> None:
    low = tier("t1", say("one two", logprob=-0.01, finish=None) + fail("unavailable"))
    high = tier("t2", say("whole"))
    released, pieces, _ = await answered(cascade(low, high, gates=gated(low)), STREAM)
    assert released.tier == "t2" and text_of(pieces) == "whole"


async def test_a_pinned_draft_is_read_for_the_ledger_where_the_owner_wants_it() -> None:
    low, ledger = tier("t1", say("x y", logprob=-3.0)), ListLedger()
    built = cascade(low, ledger=ledger, gates=gated(low, read_pinned=True))
    await answered(built, replace(CHAT, wish=Wish(pin="t1")))
    (attempt,) = ledger.entries[0].attempts
    assert [r.value for r in attempt.readings] == [-3.0] and attempt.threshold is None
    assert low.reads == [True]


# ---- paid evidence ---------------------------------------------------------------------------


def judged(*tiers: ScriptedTier, **config: Any) -> dict[str, CalibratedGate]:
    section = JudgeConfig(tier="t2", **config)
    gate = GateConfig(tier="t1", accept="checked", judge=section)
    return {"t1": CalibratedGate(gate, None, ((Judge(section), None),))}


async def test_a_judge_is_billed_and_what_it_writes_is_seen_by_nobody() -> None:
    low, high, ledger = tier("t1", say("an answer")), tier("t2", say("yes")), ListLedger()
    released, pieces, settled = await answered(
        cascade(low, high, ledger=ledger, gates=judged(low, high))
    )
    assert (released.tier, released.rungs_tried) == ("t1", 1) and text_of(pieces) == "an answer"
    draft, evidence = sorted(ledger.entries[0].attempts, key=lambda a: a.role)
    assert (draft.role, evidence.role, evidence.state) == ("draft", "judge", "asked")
    assert (
        settled.cost_nano == (draft.cost_nano or 0) + (evidence.cost_nano or 0)
        and evidence.cost_nano
    )
    assert settled.usage == draft.usage + evidence.usage
    assert "an answer" in " ".join(m.text for m in high.chats[0].messages)


async def test_a_bad_grade_climbs() -> None:
    low, high = tier("t1", say("an answer")), tier("t2", say("no"), say("better"))
    released, pieces, _ = await answered(cascade(low, high, gates=judged(low, high)))
    assert released.tier == "t2" and text_of(pieces) == "better"


@pytest.mark.parametrize("silence", [fail("overloaded"), stall(), say("hm, who knows")])
@pytest.mark.parametrize("unverified", ["escalate", "accept"])
async def test_a_judge_that_fails_is_no_judge_and_the_owner_says_what_follows(
    silence: Script, unverified: str
) -> None:
    low, high, ledger = (
        tier("t1", say("an answer")),
        tier("t2", silence, say("better")),
        ListLedger(),
    )
    gates = judged(low, high, unverified=unverified, deadline_s=0.02)
    released, _, _ = await answered(cascade(low, high, ledger=ledger, gates=gates))
    assert released.tier == ("t1" if unverified == "accept" else "t2")
    (evidence,) = [a for a in ledger.entries[0].attempts if a.role == "judge"]
    assert evidence.state in ("failed", "asked") and high.open == 0
    released, _, _ = await answered(
        cascade(tier("t1", say("x")), tier("t2", say("yes")), gates=gates)
    )
    assert released.tier == "t1", "it recovers by itself"


async def test_nobody_grades_what_must_stay_on_the_box() -> None:
    low, high = tier("t1", say("an answer")), ScriptedTier("t2", say("yes"), local=False)
    middle = tier("t3", say("local too"))
    built = cascade(low, high, middle, gates=judged(low, high))
    released, _, _ = await answered(built, replace(CHAT, wish=Wish(local_only=True)))
    assert released.tier == "t3" and high.chats == []


# ---- head starts -----------------------------------------------------------------------------


HURRY = RouteConfig(headstart_s=0.0)


async def test_a_draft_that_is_held_too_long_gets_company_and_the_loser_is_billed() -> None:
    low = tier("t1", say("slow but sure", logprob=-0.01, delay=0.01))
    high, ledger = tier("t2", say("early", finish=None) + stall()), ListLedger()
    released, pieces, settled = await answered(cascade(low, high, ledger=ledger, open_chat=HURRY))
    assert released.tier == "t1" and released.rungs_tried == 1
    assert text_of(pieces) == "slow but sure" and high.open == 0
    states = {a.tier: a.state for a in ledger.entries[0].attempts}
    assert states == {"t1": "released", "t2": "outrun"} and ledger.entries[0].state == "answered"
    assert settled.usage.output == 4 + 1, "both are in the bill"


async def test_a_head_start_is_taken_where_the_draft_is_not_accepted() -> None:
    low = tier("t1", say("slow and wrong " * 9, logprob=-5.0, delay=0.002))
    high, ledger = tier("t2", say("ready at once")), ListLedger()
    released, pieces, _ = await answered(cascade(low, high, ledger=ledger, open_chat=HURRY))
    assert released.tier == "t2" and text_of(pieces) == "ready at once"
    assert len(high.chats) == 1, "it is not asked twice"
    first, second = ledger.entries[0].attempts
    assert first.started_s < second.started_s < first.ended_s


async def test_a_head_start_that_failed_fails_when_its_turn_comes() -> None:
    low = tier("t1", say("slow and wrong " * 9, logprob=-5.0, delay=0.002))
    built = cascade(low, tier("t2", fail("overloaded")), tier("t3", say("top")), open_chat=HURRY)
    released, _, _ = await answered(built)
    assert released.tier == "t3"


async def test_without_a_plan_for_it_nothing_starts_beside_a_held_draft() -> None:
    low, high = tier("t1", say("slow but sure", logprob=-0.01, delay=0.01)), tier("t2", say("x"))
    await answered(cascade(low, high, open_chat=RouteConfig(headstart_s=60)))
    await answered(cascade(low, high))
    assert high.chats == []


async def test_a_caller_who_goes_away_stops_the_head_start_too() -> None:
    low, high, ledger = (
        tier("t1", stall()),
        tier("t2", say("x", finish=None) + stall()),
        ListLedger(),
    )
    built = cascade(low, high, ledger=ledger, open_chat=HURRY)
    waiting = asyncio.ensure_future(anext(built.answer(CHAT, Caller(), id="r")))
    while high.given != [1]:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert low.open == high.open == 0
    states = {a.tier: a.state for a in ledger.entries[0].attempts}
    assert states == {"t1": "cancelled", "t2": "outrun"}


class Stubborn(ScriptedTier):
    """A scripted double whose drafts cannot be closed in order."""

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        drafting = super().draft(chat, read=read, likeliest=likeliest)

        class Stuck:
            def __aiter__(self) -> AsyncIterator[Piece]:
                return self

            async def __anext__(self) -> Piece:
                return await anext(drafting)

            async def aclose(self) -> None:
                await drafting.aclose()
                raise OSError("the connection would not close")

            def spent(self) -> Done:
                return drafting.spent()

        return Stuck()


async def test_a_draft_that_cannot_be_closed_costs_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    low, ledger = Stubborn("t1", say("wrong " * 30, logprob=-3.0)), ListLedger()
    released, pieces, _ = await answered(cascade(low, tier("t2", say("right")), ledger=ledger))
    assert released.tier == "t2" and text_of(pieces) == "right"
    assert [a.state for a in ledger.entries[0].attempts] == ["abandoned", "released"]
    slow = tier("t1", say("slow but sure", logprob=-0.01, delay=0.01))
    high = Stubborn("t2", say("early", finish=None) + stall())
    released, _, _ = await answered(cascade(slow, high, open_chat=HURRY))
    assert released.tier == "t1"
    assert "failed to stop a draft" in caplog.text


async def test_a_caller_who_goes_away_while_a_doubtful_draft_is_closed_has_gone_away() -> None:
    ledger, closing = ListLedger(), asyncio.Event()

    class Slow(Stubborn):
        def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
            drafting = super().draft(chat, read=read, likeliest=likeliest)

            async def aclose() -> None:
                closing.set()
                await asyncio.sleep(0.05)

            drafting.aclose = aclose  # type: ignore[method-assign]
            return drafting

    low = Slow("t1", say("wrong " * 30, logprob=-3.0))
    built = cascade(low, tier("t2", say("right")), ledger=ledger)
    waiting = asyncio.ensure_future(anext(built.answer(CHAT, Caller(), id="r")))
    await closing.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ledger.entries[0].state == "cancelled"


async def test_a_refusal_that_is_returned_is_not_graded_for_money() -> None:
    low, high = tier("t1", say("No.", finish="content_filter")), tier("t2", say("yes"))
    released, _, _ = await answered(cascade(low, high, gates=judged(low, high)))
    assert released.tier == "t1" and high.chats == []
