"""Recall, reserve, spill, deadline: what the cascade does about money and time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rungwise.cascade import Cascade
from rungwise.confidence.gate import CalibratedGate
from rungwise.confidence.judge import Judge
from rungwise.config import GateConfig, JudgeConfig, PriceConfig, RoutingConfig
from rungwise.contracts import Cache, Gate, Purse
from rungwise.errors import CallerError, LadderExhausted, NotAllowed, OverBudget, StoreError
from rungwise.story import Clock
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say, stall
from rungwise.types import (
    Baseline,
    Bid,
    Caller,
    Chat,
    Entry,
    Grant,
    Message,
    Piece,
    Released,
    Remembered,
    Sampling,
    Settled,
    Usage,
    Wish,
)
from rungwise.verify.checks import Checks
from tests.routed import routed
from tests.test_cascade import ListLedger, windowed

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="one two three"),))
ANN = Caller(name="ann")
SURE, UNSURE = say("yes", logprob=-0.01), say("hm", logprob=-9.0)


class Shelf:
    """A cache for one answer."""

    def __init__(self, answer: Remembered | None = None) -> None:
        self.answer = answer

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def recall(self, chat: Chat) -> Remembered | None:
        return self.answer

    async def remember(self, chat: Chat, answer: Remembered) -> None:
        self.answer = answer


class Envelope:
    """A purse that grants what it is told to."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.bids: Sequence[Bid] = ()
        self.most_nano: int | None = None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def reserve(
        self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
    ) -> Grant:
        self.bids, self.most_nano = bids, most_nano
        return self.grant


def cascade(
    *tiers: ScriptedTier,
    ledger: ListLedger | None = None,
    cache: Cache | None = None,
    purse: Purse | None = None,
    gates: dict[str, Gate] | None = None,
    refused: Callable[[Entry], object] = lambda _: None,
) -> Cascade:
    own: dict[str, Gate] = {
        t.name: CalibratedGate(GateConfig(tier=t.name), windowed()) for t in tiers
    }
    loop = asyncio.get_running_loop()
    return Cascade(
        ladder=tiers,
        router=routed(tiers),
        gates=own | (gates or {}),
        verifier=Checks(),
        cache=cache or Shelf(),
        purse=purse or Envelope(Grant(rungs=len(tiers))),
        ledger=ledger or ListLedger(),
        clock=Clock(now=loop.time, unix=lambda: 1e9),
        refused=refused,
    )


def local(name: str, *scripts: Script) -> ScriptedTier:
    return ScriptedTier(name, *scripts)


def hosted(name: str, *scripts: Script, most: int | None = 100) -> ScriptedTier:
    price = PriceConfig(input=1.0, output=2.0, cache_read=0.1)
    tier = ScriptedTier(name, *scripts, local=False, price=price)
    tier.most = most
    return tier


async def answered(
    built: Cascade, chat: Chat = CHAT, caller: Caller = ANN
) -> tuple[Released, str, Settled]:
    events = [event async for event in built.answer(chat, caller, id="req_1")]
    released, *pieces, settled = events
    assert isinstance(released, Released) and isinstance(settled, Settled)
    return released, "".join(p.text for p in pieces if isinstance(p, Piece)), settled


# ---- what is remembered ------------------------------------------------------------------------


async def test_an_accepted_answer_is_remembered_and_given_again_for_nothing() -> None:
    shelf, ledger, tier = Shelf(), ListLedger(), hosted("t1", SURE)
    built = cascade(tier, cache=shelf, ledger=ledger)
    _, first, paid = await answered(built)
    released, again, settled = await answered(built)
    assert (first, again, len(tier.chats)) == ("yes", "yes", 1)
    assert released.recalled and released.tier == "t1" and released.rungs_tried == 0
    assert paid.cost_nano and settled.cost_nano == 0 and settled.usage == Usage()
    second = ledger.entries[1]
    assert (second.state, second.tier, second.attempts[0].state) == ("answered", "t1", "recalled")
    assert second.baselines == ()


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_a_cut_or_declined_answer_is_not_remembered(finish: str) -> None:
    shelf = Shelf()
    await answered(cascade(hosted("t1", say("no", finish=finish)), cache=shelf))  # type: ignore[arg-type]
    assert shelf.answer is None


async def test_a_draft_the_gate_refused_is_not_what_is_remembered() -> None:
    shelf = Shelf()
    await answered(cascade(local("t1", UNSURE), hosted("t2", say("right")), cache=shelf))
    assert shelf.answer is not None and shelf.answer.tier == "t2"
    assert "".join(piece.text for piece in shelf.answer.pieces) == "right"


async def test_what_broke_off_or_was_left_is_not_remembered() -> None:
    shelf = Shelf()
    built = cascade(hosted("t1", say("half an", finish=None) + stall()), cache=shelf)
    answer = built.answer(CHAT, ANN, id="req_1")
    await anext(answer)
    await answer.aclose()
    assert shelf.answer is None


# ---- what may be paid for ----------------------------------------------------------------------


async def test_every_rung_bids_its_worst_case_and_says_whether_it_is_an_escalation() -> None:
    purse = Envelope(Grant(rungs=2))
    await answered(
        cascade(local("t1", UNSURE), hosted("t2", say("x"), most=70), purse=purse),
        replace(CHAT, wish=Wish(most_nano=99)),
    )
    assert purse.bids == (
        Bid(tier="t1", nano=0, escalation=False),
        Bid(tier="t2", nano=70, escalation=True),
    )
    assert purse.most_nano == 99


def judged(*, max_tokens: int = 4) -> dict[str, Gate]:
    judge = JudgeConfig(tier="t2", max_tokens=max_tokens)
    config = GateConfig(tier="t1", accept="checked", judge=judge)
    return {"t1": CalibratedGate(config, None, ((Judge(judge), None),))}


async def test_evidence_that_is_paid_for_is_in_the_bid() -> None:
    built = cascade(local("t1", SURE), hosted("t2", say("yes"), most=70), gates=judged())
    assert [bid.nano for bid in built.quote(CHAT, ANN).bids] == [70, 70]


async def test_a_judge_that_may_not_see_the_request_costs_nothing() -> None:
    built = cascade(
        local("t1", SURE), local("t3"), hosted("t2", say("yes"), most=70), gates=judged()
    )
    private = replace(CHAT, wish=Wish(local_only=True))
    assert [bid.nano for bid in built.quote(private, ANN).bids] == [0, 0]


async def test_a_draft_longer_than_was_paid_for_is_not_asked_about() -> None:
    class Priced(ScriptedTier):
        def most_nano(self, chat: Chat) -> int | None:
            return sum(len(message.text) for message in chat.messages)

    long = say("x" * 200, logprob=-0.01)
    judge, ledger = Priced("t2", say("yes"), local=False), ListLedger()
    for most in (4, 400):
        built = cascade(local("t1", long), judge, gates=judged(), ledger=ledger)
        await answered(built, replace(CHAT, sampling=Sampling(max_tokens=most)))
    brief, whole = ([a.role for a in entry.attempts] for entry in ledger.entries)
    assert brief == ["draft", "draft"] and "judge" in whole


async def test_the_judges_question_is_the_tenants_own() -> None:
    judge = hosted("t2", say("yes"))
    built = cascade(local("t1", SURE), judge, gates=judged())
    await answered(built, replace(CHAT, tenant="ann", cache_salt="s"))
    assert [(chat.tenant, chat.cache_salt) for chat in judge.chats] == [("ann", "s")]


async def test_without_money_for_one_rung_nothing_is_asked_and_nothing_is_written() -> None:
    tier, ledger, refused = hosted("t1", SURE), ListLedger(), list[Entry]()
    purse = Envelope(Grant(rungs=0, short="the cap of 1 USD a day is spent"))
    with pytest.raises(OverBudget, match="the cap of 1 USD a day is spent"):
        await answered(cascade(tier, purse=purse, ledger=ledger, refused=refused.append))
    assert tier.chats == [] and ledger.entries == []
    assert [(entry.id, entry.attempts) for entry in refused] == [("req_1", ())]


async def test_a_doubtful_draft_below_a_rung_without_money_is_not_given_out() -> None:
    low, high, ledger = local("t1", UNSURE), hosted("t2", SURE), ListLedger()
    purse, refused = Envelope(Grant(rungs=1, short="no more")), list[Entry]()
    with pytest.raises(OverBudget, match="no more"):
        await answered(cascade(low, high, purse=purse, ledger=ledger, refused=refused.append))
    assert high.chats == []
    assert [entry.id for entry in refused] == [entry.id for entry in ledger.entries] == ["req_1"]
    assert [a.state for a in ledger.entries[0].attempts] == ["abandoned"]


async def test_a_sure_draft_below_a_rung_without_money_is_given_out() -> None:
    purse = Envelope(Grant(rungs=1, short="no more"))
    released, _, _ = await answered(cascade(local("t1", SURE), hosted("t2"), purse=purse))
    assert released.tier == "t1"


async def test_a_ledger_that_cannot_write_is_no_budget_fault() -> None:
    purse, refused = Envelope(Grant(rungs=1, short="the disk is full", lost=True)), list[Entry]()
    with pytest.raises(StoreError, match="the disk is full"):
        low = local("t1", UNSURE)
        await answered(cascade(low, hosted("t2"), purse=purse, refused=refused.append))
    assert refused == []


async def test_what_was_reserved_is_settled_by_an_entry_though_the_caller_left_meanwhile() -> None:
    class Slow(Envelope):
        async def reserve(self, *_: object, **__: object) -> Grant:  # type: ignore[override]
            await asyncio.sleep(10)
            raise AssertionError

    ledger = ListLedger()
    task = asyncio.ensure_future(
        answered(cascade(hosted("t1"), purse=Slow(Grant(rungs=1)), ledger=ledger))
    )
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(entry.state, entry.attempts) for entry in ledger.entries] == [("cancelled", ())]


async def test_a_dry_run_calls_nothing_and_tells_the_range() -> None:
    low, high = local("t1", SURE), hosted("t2", most=70)
    quote = cascade(low, high).quote(CHAT, ANN)
    assert (quote.plan.rungs, quote.least_nano, quote.most_nano) == (("t1", "t2"), 0, 70)
    assert low.chats == high.chats == []
    priced = cascade(high).quote(CHAT, ANN)
    assert priced.least_nano == 200 + 2000, "two tokens read from a cache, one written"


async def test_an_unknown_worst_case_is_unknown_in_the_quote() -> None:
    assert cascade(hosted("t1", most=None)).quote(CHAT, ANN).most_nano is None


async def test_what_other_rungs_would_have_cost_is_in_the_entry() -> None:
    ledger = ListLedger()
    built = cascade(
        local("t1", replace(SURE, usage=Usage(input=10, cache_read=20, output=5))),
        hosted("t2"),
        ScriptedTier("t3", local=False),
        ledger=ledger,
    )
    await answered(built)
    (entry,) = ledger.entries
    assert entry.baselines == (
        Baseline(tier="t2", nano=10_000 + 2_000 + 10_000),
        Baseline(tier="t3", nano=None),
    )


async def test_a_prompt_that_was_cached_shows_what_it_would_have_cost() -> None:
    ledger = ListLedger()
    tier = hosted("t1", replace(SURE, usage=Usage(input=10, cache_read=20, output=5)))
    await answered(cascade(tier, ledger=ledger))
    attempt = ledger.entries[0].attempts[0]
    assert (attempt.cost_nano, attempt.uncached_nano) == (22_000, 40_000)


# ---- who may ask, and what can be done ----------------------------------------------------------


async def test_a_rung_that_is_not_this_keys_is_not_climbed_to() -> None:
    ledger, high = ListLedger(), hosted("t2")
    built = cascade(local("t1", UNSURE), high, ledger=ledger)
    released, _, _ = await answered(built, caller=Caller(name="bob", tiers=frozenset({"t1"})))
    assert released.tier == "t1" and high.chats == []
    assert "t2 is not this key's" in ledger.entries[0].plan_why
    with pytest.raises(NotAllowed, match="this key may use t9"):
        await answered(built, caller=Caller(name="bob", tiers=frozenset({"t9"})))


async def test_a_rung_that_cannot_do_it_is_passed_over() -> None:
    low, high, ledger = local("t1", SURE), hosted("t2", say("seen")), ListLedger()
    low.unable = "takes no images"
    released, _, _ = await answered(cascade(low, high, ledger=ledger))
    assert released.tier == "t2" and low.chats == []
    assert "t1 takes no images" in ledger.entries[0].plan_why
    high.unable = "has no tools"
    with pytest.raises(CallerError, match="t1 takes no images; t2 has no tools"):
        await answered(cascade(low, high))


async def test_a_chat_too_long_for_every_rung_is_told_as_clients_know_it() -> None:
    low, high = local("t1"), hosted("t2")
    low.unable = high.unable = "has a context of 8 tokens, too short for about 9"
    with pytest.raises(CallerError) as caught:
        await answered(cascade(low, high))
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    high.unable = "has no tools"
    with pytest.raises(CallerError) as caught:
        await answered(cascade(low, high))
    assert caught.value.code == "no_rung_can"


async def test_the_last_rung_that_can_is_not_judged() -> None:
    low, high = local("t1", UNSURE), hosted("t2")
    high.unable = "has no tools"
    released, _, _ = await answered(cascade(low, high))
    assert released.tier == "t1"


# ---- time --------------------------------------------------------------------------------------


async def test_a_busy_rung_spills_to_the_next_and_the_entry_tells_it_from_an_escalation() -> None:
    low, high, ledger = local("t1", SURE), hosted("t2", say("x")), ListLedger()
    low.full = "70 drafts wait"
    released, _, _ = await answered(cascade(low, high, ledger=ledger))
    assert (released.tier, released.rungs_tried, low.chats) == ("t2", 1, [])
    first, second = ledger.entries[0].attempts
    assert (first.state, first.reason, first.cost_nano) == ("spilled", "70 drafts wait", 0)
    assert second.state == "released"


async def test_a_busy_rung_is_asked_when_no_other_may_be_paid_for() -> None:
    low = local("t1", SURE)
    low.full = "70 drafts wait"
    purse = Envelope(Grant(rungs=1, short="no more"))
    released, _, _ = await answered(cascade(low, hosted("t2"), purse=purse))
    assert released.tier == "t1"


async def test_a_rung_that_was_begun_ahead_is_taken_though_it_is_busy_with_that() -> None:
    middle, high, ledger = hosted("t2", UNSURE), hosted("t3", say("right")), ListLedger()
    built = cascade(local("t1", pause(0.02) + UNSURE), middle, high, ledger=ledger)
    hurried = replace(CHAT, wish=Wish(hurry=True))
    built._router = routed((local("t1"), middle, high), RoutingConfig(hurry=True))

    async def fill() -> None:
        await asyncio.sleep(0.01)
        middle.full = "1 of 1 is open"

    _, (released, text, _) = await asyncio.gather(fill(), answered(built, hurried))
    assert (released.tier, text) == ("t3", "right")
    states = [(a.tier, a.state) for a in ledger.entries[0].attempts]
    assert states == [("t1", "abandoned"), ("t2", "abandoned"), ("t3", "released")]


async def test_a_busy_rung_is_not_begun_ahead() -> None:
    middle, high, ledger = hosted("t2"), hosted("t3", say("right")), ListLedger()
    middle.full = "1 of 1 is open"
    built = cascade(local("t1", pause(0.02) + UNSURE), middle, high, ledger=ledger)
    built._router = routed((local("t1"), middle, high), RoutingConfig(hurry=True))
    released, _, _ = await answered(built, replace(CHAT, wish=Wish(hurry=True)))
    assert released.tier == "t3" and middle.chats == []


async def test_no_rung_is_asked_once_the_deadline_has_passed() -> None:
    high = hosted("t2", say("x"))
    with pytest.raises(LadderExhausted):
        await answered(
            cascade(local("t1", stall()), high), replace(CHAT, wish=Wish(deadline_s=0.05))
        )
    assert high.given == []


async def test_no_rung_goes_beyond_the_requests_deadline() -> None:
    low, high, ledger = local("t1", stall()), hosted("t2", stall()), ListLedger()
    with pytest.raises(LadderExhausted):
        await answered(cascade(low, high, ledger=ledger), replace(CHAT, wish=Wish(deadline_s=0.05)))
    assert [a.fault for a in ledger.entries[0].attempts] == ["timeout", "timeout"]
    assert low.open == high.open == 0


async def test_a_released_stream_breaks_off_at_the_deadline() -> None:
    slow = hosted("t1", say("one two", finish=None) + pause(5) + say("three"))
    ledger = ListLedger()
    with pytest.raises(Exception, match="deadline"):
        await answered(cascade(slow, ledger=ledger), replace(CHAT, wish=Wish(deadline_s=0.05)))
    assert ledger.entries[0].state == "broken_off" and slow.open == 0


async def test_a_rung_that_fails_below_one_without_money_says_that_it_failed() -> None:
    purse = Envelope(Grant(rungs=1, short="no more"))
    with pytest.raises(LadderExhausted):
        await answered(cascade(local("t1", fail("broken")), hosted("t2"), purse=purse))
