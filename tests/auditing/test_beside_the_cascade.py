"""What does a caller notice of audits, and does a request that may not leave ever leave by one?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.access.free import FreePurse
from rungwise.auditing.auditor import Auditor
from rungwise.cache.off import NoCache
from rungwise.cascade import Cascade
from rungwise.config import RouteConfig, RoutingConfig
from rungwise.errors import CallerError
from rungwise.story import Clock
from rungwise.tiers.scripted import ScriptedTier, say, stall
from rungwise.types import Caller, Chat, Message, Piece, Settled, StepType, Wish
from rungwise.verify.checks import Checks
from tests.auditing.doubles import Book, auditor, ended
from tests.routed import routed

pytestmark = pytest.mark.anyio

PRIVATE = ("private",)
NAMES = ("low", "middle", "top")


def ladder(*, remote: bool) -> tuple[ScriptedTier, ...]:
    return (
        ScriptedTier("low", say("an answer of the lowest rung, in so many words and no more")),
        ScriptedTier("middle", say("0"), local=not remote),
        ScriptedTier("top", say("0"), local=False),
    )


def cascade(rungs: tuple[ScriptedTier, ...], book: Book, made: Auditor) -> Cascade:
    everywhere = {step_type: RouteConfig(start="low") for step_type in StepType}
    loop = asyncio.get_running_loop()
    return Cascade(
        ladder=rungs,
        router=routed(rungs, RoutingConfig(private_tags=PRIVATE, step_types=everywhere)),
        gates={},
        verifier=Checks(),
        cache=NoCache(),
        purse=FreePurse(),
        ledger=book,
        clock=Clock(now=loop.time, unix=lambda: 1e9),
        onlookers=(made,),
    )


async def answered(built: Cascade, chat: Chat, caller: Caller, id: str = "req_1") -> str:
    events = [event async for event in built.answer(chat, caller, id=id)]
    assert isinstance(events[-1], Settled)
    return "".join(event.text for event in events if isinstance(event, Piece))


names = st.none() | st.sampled_from(NAMES)
wishes = st.builds(
    Wish,
    pin=names,
    floor=st.none() | st.just("low"),
    ceiling=names,
    local_only=st.booleans(),
    step_type=st.none() | st.sampled_from(StepType),
)
callers = st.builds(
    Caller,
    name=st.just("ann"),
    tiers=st.none() | st.frozensets(st.sampled_from(NAMES), min_size=1),
    local_only=st.booleans(),
)


@given(
    wish=wishes,
    caller=callers,
    tags=st.frozensets(st.sampled_from(["private", "public"])),
    remote=st.booleans(),
    tier=st.sampled_from(["middle", "top"]),
    judge=st.none() | st.sampled_from(NAMES),
)
def test_no_rung_sees_by_an_audit_what_it_may_not_see(
    wish: Wish, caller: Caller, tags: frozenset[str], remote: bool, tier: str, judge: str | None
) -> None:
    # as the door narrows every request to its key's rights
    wish = replace(wish, local_only=wish.local_only or caller.local_only)
    chat = Chat(messages=(Message(role="user", text="What is it?"),), wish=wish, tags=tags)

    async def main() -> tuple[Book, Auditor]:
        rungs, book = ladder(remote=remote), Book()
        async with auditor(
            *rungs, ledger=book, tier=tier, judge=judge, private_tags=frozenset(PRIVATE)
        ) as made:
            with suppress(CallerError):  # nobody may answer it at all
                await answered(cascade(rungs, book, made), chat, caller)
            await ended(made)
        return book, made

    book, made = asyncio.run(main())
    private = wish.local_only or "private" in tags
    asked = {attempt.tier for entry in book.audits for attempt in entry.attempts}
    if private or wish.pin is not None:
        assert not book.audits and made.running == 0
    if wish.ceiling is not None:
        assert all(NAMES.index(name) <= NAMES.index(wish.ceiling) for name in asked)
    if caller.tiers is not None:
        assert asked <= caller.tiers
    free = not private and wish == Wish(step_type=wish.step_type) and caller.tiers is None
    if free:
        assert asked == {tier, judge or tier} and made.counts.begun == 1


async def test_an_answer_ends_while_the_higher_rung_hangs_over_its_audit() -> None:
    rungs = (ScriptedTier("low", say("fine")), ScriptedTier("top", stall(), local=False))
    book = Book()
    async with auditor(*rungs, ledger=book) as made:
        built = cascade(rungs, book, made)
        assert await answered(built, Chat(messages=()), Caller()) == "fine"
        await ended(made, begun=1)
        assert await answered(built, Chat(messages=()), Caller(), "req_2") == "fine"
        assert made.running == 2 and not book.audits
    assert [entry.state for entry in book.audits] == ["audited", "audited"]


async def test_an_accepted_draft_gets_its_outcome_by_its_own_id() -> None:
    rungs = (ScriptedTier("low", say("fine")), ScriptedTier("top", say("fine"), local=False))
    book = Book()
    async with auditor(*rungs, ledger=book) as made:
        await answered(cascade(rungs, book, made), Chat(messages=()), Caller())
        await ended(made)
    assert [(id, told.right) for id, told in book.outcomes] == [("req_1", True)]
    assert [entry.id for entry in book.entries] == ["req_1", "aud_1"]


async def test_a_step_that_no_lower_rung_answered_is_not_looked_at() -> None:
    rungs = (ScriptedTier("low", say("fine")), ScriptedTier("top", say("fine"), local=False))
    book = Book()
    async with auditor(*rungs, ledger=book) as made:
        built = cascade(rungs, book, made)
        await answered(built, Chat(messages=(), wish=Wish(floor="top")), Caller())
        await ended(made)
    assert made.counts.drawn == 0 and len(rungs[1].chats) == 1
