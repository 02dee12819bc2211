"""Does Limited let no more drafts in than it should, and every one of them out exactly once?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import TierError
from rungwise.tiers.guards.limited import Limited
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say, stall
from rungwise.types import Chat, Message, Usage

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="words"),))
HELLO = say("hello there")


def limited(*scripts: Any, most: int = 2, deadline_s: float = 60.0) -> tuple[Limited, ScriptedTier]:
    inner = ScriptedTier("t", *scripts)
    return Limited(inner, most=most, deadline_s=deadline_s), inner


async def ask(tier: Limited) -> str:
    return "".join([piece.text async for piece in tier.draft(CHAT, read=False)])


async def test_it_says_when_it_is_full() -> None:
    tier, inner = limited(HELLO)
    drafts = [tier.draft(CHAT, read=False) for _ in range(2)]
    assert tier.saturation() is None
    for draft in drafts:
        await anext(draft)
    assert tier.saturation() == "2 of 2 drafts are open"
    await drafts[0].aclose()
    assert tier.saturation() is None
    await drafts[1].aclose()
    inner.full = "busy in itself"
    assert tier.saturation() == "busy in itself"


async def test_asked_all_the_same_drafts_wait_and_come_in_order() -> None:
    begun: list[str] = []

    def write(chat: Chat) -> Script:
        begun.append(chat.messages[0].text)
        return pause(0.001) + HELLO

    tier, inner = limited(write, most=1)
    asked = [Chat(messages=(Message(role="user", text=f"n{n}"),)) for n in range(5)]

    async def one(chat: Chat) -> None:
        async for _ in tier.draft(chat, read=False):
            assert inner.open == 1

    await asyncio.gather(*(one(chat) for chat in asked))
    assert begun == ["n0", "n1", "n2", "n3", "n4"]


async def test_a_turn_that_does_not_come_in_time_is_said_to_be_so() -> None:
    tier, inner = limited(stall(), most=1, deadline_s=0.05)
    first = asyncio.ensure_future(ask(tier))
    while not inner.open:
        await asyncio.sleep(0)
    late = tier.draft(CHAT, read=False)
    with pytest.raises(TierError) as caught:
        await anext(late)
    assert caught.value.fault == "saturated"
    assert caught.value.message == "no turn within 0.05 s: 1 of 1 drafts are open"
    assert late.spent().usage == Usage() and len(inner.chats) == 1
    first.cancel()
    await asyncio.wait((first,))


async def test_what_waited_for_its_turn_has_only_the_rest_of_its_time() -> None:
    tier, inner = limited(pause(0.05) + HELLO, stall(), most=1, deadline_s=0.15)
    first, second = (asyncio.ensure_future(ask(tier)) for _ in range(2))
    assert await first == "hello there"
    with pytest.raises(TierError) as caught:
        await second
    assert caught.value.fault == "timeout" and inner.open == 0 and tier.saturation() is None


WAYS = ["ends", "fails", "breaks off", "is closed", "is never read", "is cancelled"]
SCRIPTS = {
    "fails": fail("broken"),
    "breaks off": say("half", finish=None) + fail("broken"),
    "is cancelled": stall(),
}


async def leave(tier: Limited, inner: ScriptedTier, way: str) -> None:
    draft = tier.draft(CHAT, read=False)
    match way:
        case "ends" | "fails" | "breaks off":
            try:
                async for _ in draft:
                    pass
            except TierError:
                pass
        case "is closed":
            await anext(draft)
        case "is cancelled":
            reading = asyncio.ensure_future(anext(draft))
            while not inner.open:
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait((reading,))
    await draft.aclose()
    await draft.aclose()


@given(ways=st.lists(st.sampled_from(WAYS), max_size=12), most=st.integers(1, 3))
def test_however_drafts_end_their_turns_are_given_back_exactly_once(
    ways: list[str], most: int
) -> None:
    async def run() -> None:
        read = [SCRIPTS.get(way, HELLO) for way in ways if way != "is never read"]
        tier, inner = limited(*read, HELLO, most=most)
        for way in ways:
            await leave(tier, inner, way)
        drafts = [tier.draft(CHAT, read=False) for _ in range(most)]
        for place, draft in enumerate(drafts):
            assert tier.saturation() is None, f"only {place} of {most} turns are left"
            await anext(draft)
        assert tier.saturation() == f"{most} of {most} drafts are open", "a turn too many"
        for draft in drafts:
            await draft.aclose()

    asyncio.run(run())


async def test_a_draft_cancelled_while_it_waits_takes_no_turn() -> None:
    tier, inner = limited(HELLO, most=1)
    first = tier.draft(CHAT, read=False)
    await anext(first)
    waiting = asyncio.ensure_future(ask(tier))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait((waiting,))
    await first.aclose()
    assert await ask(tier) == "hello there" and len(inner.chats) == 2
