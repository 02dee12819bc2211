"""What does an audit ask, what does it find, and what does it leave behind?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rungwise.auditing.counts import Found
from rungwise.config import PriceConfig
from rungwise.errors import StoreError
from rungwise.tiers.scripted import Script, ScriptedTier, call, decline, fail, label, say, stall
from rungwise.types import (
    Bid,
    Caller,
    Chat,
    Grant,
    Message,
    Outcome,
    OutputShape,
    Piece,
    Sampling,
    StepType,
    Tool,
    ToolCallDelta,
    Usage,
    Wish,
)
from tests.auditing.doubles import AT, CHAT, Book, accepted, auditor, ended, words

pytestmark = pytest.mark.anyio

PROSE = "Paris is the capital of France, and has been so for most of the time since the year 987."
OTHER = "It is Paris; the French government sits there, and did so nearly always in modern times."
USAGE = Usage(input=100, output=10)


def low(*scripts: Script) -> ScriptedTier:
    return ScriptedTier("low", *scripts, model="small")


def top(*scripts: Script | Callable[[Chat], Script], most: int | None = 1000) -> ScriptedTier:
    price = PriceConfig(input=1.0, output=2.0, cache_read=0.1)
    tier = ScriptedTier("top", *scripts, model="big", local=False, price=price)
    tier.most = most
    return tier


def verdicts(first: str, second: str) -> Callable[[Chat], Script]:
    """A judge that says so of the draft in the first place, and in the second."""

    def judge(chat: Chat) -> Script:
        if not chat.labels:
            return say(OTHER, usage=USAGE)
        told = chat.messages[1].text
        return say(first if told.index(PROSE) < told.index(OTHER) else second, usage=USAGE)

    return judge


async def audited(
    rung: ScriptedTier, *, given: list[Piece] | None = None, chat: Chat = CHAT, **more: StepType
) -> tuple[Book, Found]:
    """The book after one audit, and what it found."""
    book = Book()
    async with auditor(low(), rung, ledger=book) as made:
        made.see(chat, words(PROSE) if given is None else given, accepted(**more))
        await ended(made)
    assert made.counts.drawn == made.counts.begun == 1
    (found,) = [
        name
        for name in ("agreed", "disagreed", "undecided", "failed")
        if getattr(made.counts, name)
    ]
    return book, found  # type: ignore[return-value] # of these four


async def test_the_same_answer_is_right_without_a_judge() -> None:
    rung = top(say(PROSE))
    book, found = await audited(rung)
    assert (found, len(rung.chats)) == ("agreed", 1)
    assert book.outcomes == [("req_1", Outcome(right=True, source="audit", at=AT))]


async def test_another_label_is_wrong_without_a_judge() -> None:
    rung = top(say("ham"))
    book, found = await audited(rung, given=words("spam"), step_type=StepType.CLASSIFICATION)
    assert (found, book.rights, len(rung.chats)) == ("disagreed", [False], 1)


async def test_the_same_tool_call_is_right() -> None:
    chat = replace(CHAT, tools=(Tool(name="find"),))
    given = [Piece(tool_calls=(ToolCallDelta(0, "c", "find", '{"a": 1}'),)), Piece(finish="stop")]
    book, found = await audited(top(call("find", '{"a":1.0}')), given=given, chat=chat)
    assert (found, book.rights) == ("agreed", [True])


@pytest.mark.parametrize(
    ("first", "second", "right"),
    [
        ("2", "1", False),  # the other one, in both orders
        ("1", "2", True),
        ("0", "0", True),
        ("2", "0", True),
        ("0", "1", True),
    ],
)
async def test_a_draft_is_wrong_only_if_the_judge_says_so_in_both_orders(
    first: str, second: str, right: bool
) -> None:
    rung = top(verdicts(first, second))
    book, _ = await audited(rung)
    assert book.rights == [right]
    assert [a.role for a in book.audits[0].attempts] == ["audit", "comparison", "comparison"]


@pytest.mark.parametrize("always", ["1", "2"])
async def test_of_a_judge_that_takes_the_same_place_in_both_orders_there_is_no_outcome(
    always: str,
) -> None:
    book, found = await audited(top(verdicts(always, always)))
    assert (found, book.outcomes) == ("undecided", [])
    assert "in both orders" in book.audits[0].plan_why


async def test_golden_steps_are_left_out_for_what_is_right_of_them_is_known() -> None:
    async with auditor(low(), top(say(PROSE)), ledger=Book()) as made:
        made.see(CHAT, words(PROSE), replace(accepted(), caller="golden"))
        assert made.counts.drawn == made.counts.begun == 0


async def test_a_judge_may_be_read_by_its_probabilities() -> None:
    def judge(chat: Chat) -> Script:
        told = chat.messages[-1].text
        worse = "2" if chat.labels and told.index(PROSE) < told.index(OTHER) else "1"
        return label("0", **{worse: 0.6, "0": 0.4}) if chat.labels else say(OTHER)

    book, found = await audited(top(judge))
    assert (found, book.rights) == ("disagreed", [False])


@pytest.mark.parametrize(("first", "second"), [("2", "hm"), ("hm", "1"), ("hm", "hm"), ("1", "")])
async def test_without_a_reading_there_is_no_outcome_and_the_bill_stands(
    first: str, second: str
) -> None:
    book, found = await audited(top(verdicts(first, second)))
    assert (found, book.outcomes) == ("failed", [])
    (entry,) = book.audits
    assert entry.cost_nano is not None and entry.cost_nano >= 2 * (100 * 1000 + 10 * 2000)


async def test_a_judge_that_crashes_leaves_no_outcome_and_the_next_audit_goes_on() -> None:
    def judge(chat: Chat) -> Script:
        if chat.labels and "crash" in chat.messages[1].text:
            raise ZeroDivisionError("a defect of this rung")
        return say("0" if chat.labels else OTHER)

    book = Book()
    async with auditor(low(), top(judge), ledger=book) as made:
        crash = replace(CHAT, messages=(Message(role="user", text="crash"),))
        made.see(crash, words(PROSE), accepted("req_1"))
        await ended(made)
        made.see(CHAT, words(PROSE), accepted("req_2"))
        await ended(made)
    assert (made.counts.failed, made.counts.agreed) == (1, 1)
    assert [entry.audits for entry in book.audits] == ["req_1", "req_2"]
    assert [id for id, _ in book.outcomes] == ["req_2"]


@pytest.mark.parametrize("fault", ["unavailable", "rate_limited", "broken"])
async def test_a_rung_that_fails_leaves_a_line_without_an_outcome(fault: str) -> None:
    book, found = await audited(top(fail(fault)))  # type: ignore[arg-type]
    assert (found, book.outcomes) == ("failed", [])
    (attempt,) = book.audits[0].attempts
    assert (attempt.role, attempt.state, attempt.fault) == ("audit", "failed", fault)


@pytest.mark.parametrize("told", [decline(), say(""), say("half of an", finish="length")])
async def test_an_answer_that_is_none_decides_nothing(told: Script) -> None:
    book, found = await audited(top(told))
    assert (found, book.outcomes) == ("undecided", [])


@pytest.mark.parametrize(
    ("lower", "higher", "found"),
    [
        ('{"a": 1}', "no JSON", "agreed"),
        ("no JSON", '{"a": 1}', "disagreed"),
        ("no JSON", "none either", "undecided"),
    ],
)
async def test_an_exact_check_that_one_of_them_fails_decides(
    lower: str, higher: str, found: Found
) -> None:
    chat = replace(CHAT, shape=OutputShape(schema={"type": "object"}))
    assert (await audited(top(say(higher)), given=words(lower), chat=chat))[1] == found


async def test_answers_longer_than_was_paid_for_are_not_judged() -> None:
    rung = top(say(PROSE * 400))

    def most(chat: Chat) -> int:
        return sum(len(message.text) for message in chat.messages)

    rung.most_nano = most  # type: ignore[method-assign]
    book, found = await audited(rung)
    assert (found, len(rung.chats), book.outcomes) == ("undecided", 1, [])


async def test_its_entry_is_a_line_of_its_own_with_all_that_was_paid() -> None:
    rung = top(verdicts("2", "1"))
    book, _ = await audited(rung, step_type=StepType.PLANNING)
    (entry,) = book.audits
    assert (entry.id, entry.audits, entry.state) == ("aud_1", "req_1", "audited")
    assert (entry.caller, entry.route, entry.step_type) == ("ann", "auto", StepType.PLANNING)
    assert (entry.task, entry.rungs, entry.outcome, entry.seen) == (None, (), None, None)
    assert entry.cost_nano == 3 * (100 * 1000 + 10 * 2000)
    assert {(a.tier, a.model, a.state) for a in entry.attempts} == {("top", "big", "asked")}
    assert PROSE not in repr(entry) and OTHER not in repr(entry)


async def test_the_higher_rung_is_asked_all_that_was_asked() -> None:
    chat = replace(
        CHAT,
        tools=(Tool(name="find", parameters={"type": "object"}),),
        sampling=Sampling(max_tokens=77, temperature=0.3, seed=5, stop=("x",), top_logprobs=2),
        wish=Wish(step_type=StepType.PLANNING, deadline_s=0.001, most_nano=1, once="k"),
        conversation="c",
        stream=True,
        task="t",
    )
    rung = top(say(PROSE))
    await audited(rung, chat=chat)
    (asked,) = rung.chats
    assert replace(asked, wish=chat.wish, stream=True) == chat
    assert asked.wish == Wish(pin="top", step_type=StepType.PLANNING, deadline_s=120.0)


# ---- which drafts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry",
    [
        accepted(tier="top"),
        accepted(state="broken_off"),
        accepted(state="cancelled"),
        accepted(attempts=()),
        accepted(attempts=(replace(accepted().attempts[0], state="recalled"),)),
        accepted(audits="req_0"),
    ],
)
async def test_only_accepted_drafts_of_lower_rungs_are_candidates(entry: object) -> None:
    rung = top(say(PROSE))
    async with auditor(low(), rung) as made:
        made.see(CHAT, words(PROSE), entry)  # type: ignore[arg-type]
        await ended(made)
    assert not rung.chats and made.counts.drawn == 0 and not made.counts.skipped


@pytest.mark.parametrize(
    ("chat", "entry", "reason"),
    [
        (replace(CHAT, wish=Wish(local_only=True)), accepted(), "local_only"),
        (replace(CHAT, tags=frozenset({"secret", "x"})), accepted(), "local_only"),
        (replace(CHAT, wish=Wish(pin="low")), accepted(rungs=("low",)), "pinned"),
        (CHAT, accepted(rungs=("low",)), "reach"),
        (replace(CHAT, sampling=Sampling(n=2)), accepted(), "choices"),
        (CHAT, accepted(step_type=StepType.PLANNING), "step_type"),
    ],
)
async def test_what_may_not_be_shown_is_not_and_is_counted(
    chat: Chat, entry: object, reason: str
) -> None:
    rung, tags = top(say(PROSE)), frozenset({"secret"})
    async with auditor(low(), rung, private_tags=tags, step_types=["open_chat"]) as made:
        made.see(chat, words(PROSE), entry)  # type: ignore[arg-type]
        await ended(made)
    assert not rung.chats and made.counts.drawn == 0
    assert made.counts.skipped == {reason: 1}


async def test_a_judge_that_may_not_see_the_request_forbids_the_audit() -> None:
    middle, rung = ScriptedTier("middle"), top(say(OTHER))
    async with auditor(low(), middle, rung, judge="middle") as made:
        made.see(CHAT, words(PROSE), accepted(rungs=("low", "top")))
        await ended(made)
    assert not rung.chats and made.counts.skipped == {"reach": 1}


async def test_share_is_how_many_of_them() -> None:
    rung = top(say(PROSE))
    async with auditor(low(), rung, share=0.25, concurrent=1000) as made:
        for number in range(800):
            made.see(CHAT, words(PROSE), accepted(f"req_{number}"))
        await ended(made)
    assert 150 < made.counts.drawn < 250
    async with auditor(low(), rung, share=0.0) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert made.counts.drawn == 0


async def test_tier_answers_and_judge_compares() -> None:
    middle, rung = ScriptedTier("middle", say(OTHER)), top(say("0"))
    entry = accepted(rungs=("low", "middle", "top"))
    async with auditor(low(), middle, rung, tier="middle", judge="top") as made:
        made.see(CHAT, words(PROSE), entry)
        await ended(made)
    assert (len(middle.chats), len(rung.chats), made.counts.agreed) == (1, 2, 1)


async def test_concurrent_is_how_many_run_and_what_comes_beyond_is_let_go() -> None:
    rung = top(stall())
    async with auditor(low(), rung, concurrent=3) as made:
        for number in range(10):
            made.see(CHAT, words(PROSE), accepted(f"req_{number}"))
        await ended(made, begun=3)
        await asyncio.sleep(0.01)
        assert rung.open == 3 and made.running == 3
    assert made.counts.skipped == {"concurrent": 7} and made.counts.drawn == 10


async def test_a_rung_with_enough_to_do_is_left_alone() -> None:
    rung = top(say(PROSE))
    rung.full = "4 drafts wait"
    async with auditor(low(), rung) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert not rung.chats and made.counts.skipped == {"saturated": 1}


async def test_deadline_s_is_for_all_of_it() -> None:
    book = Book()
    async with auditor(low(), top(stall()), ledger=book, deadline_s=0.02) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert made.counts.failed == 1
    assert book.audits[0].attempts[0].fault == "timeout"


# ---- money, faults and the end -----------------------------------------------------------------


async def test_what_can_cost_nobody_knows_how_much_is_not_begun() -> None:
    rung = top(say(PROSE), most=None)
    async with auditor(low(), rung) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert not rung.chats and made.counts.skipped == {"unpriced": 1}


class Purse:
    """Grants what it is told to, and keeps what it was asked."""

    def __init__(self, rungs: int) -> None:
        self.rungs = rungs
        self.asked: list[tuple[str, Caller, Sequence[Bid]]] = []

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def reserve(
        self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
    ) -> Grant:
        self.asked.append((id, caller, bids))
        return Grant(rungs=self.rungs)


async def test_the_worst_case_is_set_aside_before_anything_is_asked() -> None:
    purse, rung = Purse(0), top(say(PROSE))
    async with auditor(low(), rung, purse=purse, usd_per_day=2.5) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert not rung.chats and made.counts.skipped == {"budget": 1}
    ((id, caller, (bid,)),) = purse.asked
    assert (id, bid.nano, caller.name) == ("aud_1", 3 * 1000, "(audits)")
    assert [(cap.nano, cap.window) for cap in caller.caps] == [(2_500_000_000, "day")]


async def test_stop_cuts_audits_off_and_what_they_cost_is_written_down() -> None:
    book, rung = Book(), top(say("half of it", finish=None, usage=USAGE) + stall())
    async with auditor(low(), rung, ledger=book) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made, begun=1)
        async with asyncio.timeout(10):
            while not rung.given or rung.given[0] < 3:
                await asyncio.sleep(0.002)
    assert made.running == 0 and rung.open == 0
    (entry,) = book.audits
    assert entry.attempts[0].state == "cancelled" and entry.attempts[0].usage.output == 3
    assert (entry.cost_nano or 0) > 0 and not book.outcomes and made.counts.failed == 1


async def test_stop_in_the_middle_of_a_judgement_keeps_both_questions_in_the_bill() -> None:
    def judge(chat: Chat) -> Script:
        return stall() if chat.labels else say(OTHER)

    book, rung = Book(), top(judge)
    async with auditor(low(), rung, ledger=book) as made:
        made.see(CHAT, words(PROSE), accepted())
        async with asyncio.timeout(10):
            while rung.open < 2:
                await asyncio.sleep(0.002)
    (entry,) = book.audits
    told = [(a.role, a.state) for a in entry.attempts]
    assert told == [("audit", "asked"), *[("comparison", "cancelled")] * 2]
    assert made.running == 0 and not book.outcomes


async def test_stop_while_the_money_is_set_aside_settles_it_and_asks_nobody() -> None:
    class Slow(Purse):
        async def reserve(
            self, id: str, caller: Caller, bids: Sequence[Bid], *, most_nano: int | None
        ) -> Grant:
            self.asked.append((id, caller, bids))
            await asyncio.sleep(0.05)
            return Grant(rungs=1)

    book, rung, purse = Book(), top(say(PROSE)), Slow(1)
    async with auditor(low(), rung, ledger=book, purse=purse) as made:
        made.see(CHAT, words(PROSE), accepted())
        while not purse.asked:
            await asyncio.sleep(0.002)
    assert not rung.chats
    assert [(entry.id, entry.attempts) for entry in book.audits] == [("aud_1", ())]


async def test_after_stop_and_before_start_nothing_is_looked_at() -> None:
    rung = top(say(PROSE))
    async with auditor(low(), rung) as made:
        await made.stop()
        made.see(CHAT, words(PROSE), accepted())
        assert made.running == 0
    assert not rung.chats


async def test_a_ledger_that_takes_nothing_is_a_failed_audit_and_no_more() -> None:
    book = Book()
    book.full = True
    async with auditor(low(), top(say(PROSE)), ledger=book) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert (made.counts.failed, made.counts.agreed, book.outcomes) == (1, 0, [])


async def test_an_outcome_that_cannot_be_kept_is_a_failed_audit() -> None:
    class Mute(Book):
        async def label(self, entry_id: str, outcome: Outcome) -> None:
            raise StoreError("locked")

    async with auditor(low(), top(say(PROSE)), ledger=Mute()) as made:
        made.see(CHAT, words(PROSE), accepted())
        await ended(made)
    assert (made.counts.failed, made.counts.agreed) == (1, 0)


async def test_see_never_raises(caplog: pytest.LogCaptureFixture) -> None:
    async with auditor(low(), top(say(PROSE))) as made:
        made.see(CHAT, [object()], accepted())  # type: ignore[list-item] # a defect of somebody
        assert made.running == 0
    assert "could not be looked at" in caplog.text
