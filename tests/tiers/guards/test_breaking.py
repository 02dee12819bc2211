"""Does Breaking open when an upstream only fails, and close when it works again?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rungwise.config import GuardsConfig
from rungwise.errors import TierError
from rungwise.tiers.guards.breaking import Breaking
from rungwise.tiers.scripted import Script, ScriptedTier, fail, say, stall
from rungwise.types import Chat, Message, Usage

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="words"),))
HELLO = say("hello there")
HALF = say("half", finish=None) + fail("broken")
WORKS, BROKEN = "works", "scripted"
"""What `Rig.ask` tells of a draft that ended well, and of one that its script made fail."""


class Rig:
    def __init__(self, *scripts: Script, failures: int = 3, open_s: float = 20.0) -> None:
        self.clock = 1000.0
        self.inner = ScriptedTier("t", *scripts)
        guards = GuardsConfig(breaker_failures=failures, breaker_open_s=open_s)
        self.tier = Breaking(self.inner, guards, now=lambda: self.clock)

    async def ask(self) -> str:
        try:
            async for _ in self.tier.draft(CHAT, read=False):
                pass
        except TierError as error:
            return error.message
        return WORKS


async def opened(*scripts: Script) -> Rig:
    """Open, with these scripts still to come."""
    rig = Rig(fail("broken"), *scripts, failures=1)
    assert await rig.ask() == BROKEN
    return rig


async def test_it_opens_after_so_many_faults_in_a_row() -> None:
    rig = Rig(fail("broken"))
    assert [await rig.ask() for _ in range(3)] == [BROKEN] * 3 and rig.tier.open
    assert await rig.ask() == "its breaker is open for another 20 s"
    assert len(rig.inner.chats) == 3


async def test_a_draft_that_works_breaks_the_row() -> None:
    broken = fail("broken")
    rig = Rig(broken, broken, HELLO, broken, broken, HELLO)
    assert [await rig.ask() for _ in range(6)] == [BROKEN, BROKEN, WORKS] * 2


@pytest.mark.parametrize(
    "fault", ["unavailable", "timeout", "rate_limited", "overloaded", "unauthorised", "broken"]
)
async def test_every_fault_of_the_upstream_counts(fault: Any) -> None:
    rig = Rig(fail(fault), failures=1)
    await rig.ask()
    assert rig.tier.open


@pytest.mark.parametrize("fault", ["rejected", "too_long"])
async def test_the_callers_faults_do_not(fault: Any) -> None:
    rig = Rig(fail(fault), failures=1)
    assert [await rig.ask() for _ in range(9)] == [BROKEN] * 9 and not rig.tier.open


async def test_neither_do_they_break_the_row() -> None:
    rig = Rig(fail("broken"), fail("rejected"), fail("broken"), failures=2)
    for _ in range(3):
        await rig.ask()
    assert rig.tier.open


async def test_a_draft_that_always_breaks_in_its_middle_opens_it_too() -> None:
    rig = Rig(HALF)
    for _ in range(3):
        await rig.ask()
    assert rig.tier.open


async def test_while_it_is_open_a_draft_costs_nothing_and_says_when_to_come_again() -> None:
    rig = await opened(HELLO)
    rig.clock += 8.5
    drafting = rig.tier.draft(CHAT, read=False)
    with pytest.raises(TierError) as caught:
        await anext(drafting)
    error = caught.value
    assert (error.tier, error.fault, error.retry_after_s) == ("t", "unavailable", 11.5)
    assert error.message == "its breaker is open for another 12 s"
    assert drafting.spent().usage == Usage()


async def test_its_health_says_so_until_it_may_be_tried() -> None:
    rig = await opened(HELLO)
    assert await rig.tier.health() == "t: its breaker is open for another 20 s"
    rig.clock += 20
    assert await rig.tier.health() is None, "the next draft may go through"
    rig.inner.ill = "t: not started"
    assert await rig.tier.health() == "t: not started"


async def test_a_draft_that_works_closes_it() -> None:
    rig = await opened(HELLO)
    rig.clock += 20
    assert await rig.ask() == WORKS and not rig.tier.open


@pytest.mark.parametrize("again", [fail("broken"), HALF])
async def test_one_that_fails_opens_it_again(again: Script) -> None:
    rig = await opened(again, HELLO)
    rig.clock += 20
    assert await rig.ask() == BROKEN
    rig.clock += 19
    assert await rig.ask() == "its breaker is open for another 1 s"
    rig.clock += 1
    assert await rig.ask() == WORKS


async def test_only_one_draft_tries_at_a_time() -> None:
    rig = await opened(stall(), HELLO)
    rig.clock += 20
    trying = asyncio.ensure_future(rig.ask())
    while not rig.inner.open:
        await asyncio.sleep(0)
    assert await rig.ask() == "its breaker is open, and another draft tries it just now"
    assert "tries it" in (await rig.tier.health() or "")
    trying.cancel()
    await asyncio.wait((trying,))


async def test_a_first_piece_lets_others_in() -> None:
    rig = await opened(HELLO)
    rig.clock += 20
    drafting = rig.tier.draft(CHAT, read=False)
    await anext(drafting)
    assert not rig.tier.open and await rig.ask() == WORKS
    await drafting.aclose()


@pytest.mark.parametrize("pieces", [0, 1])
async def test_a_reader_that_leaves_is_neither_a_fault_nor_a_success(pieces: int) -> None:
    """Whether it was told the first piece or not."""
    rig = Rig(fail("broken"), HELLO if pieces else stall(), fail("broken"), failures=2)
    await rig.ask()
    await leave(rig, pieces)
    assert not rig.tier.open, "no fault"
    await rig.ask()
    assert rig.tier.open, "no success"


async def test_a_reader_that_leaves_its_trial_lets_the_next_try() -> None:
    rig = await opened(stall(), HELLO)
    rig.clock += 20
    await leave(rig, 0)
    assert rig.tier.open and await rig.ask() == WORKS


async def leave(rig: Rig, pieces: int) -> None:
    drafting = rig.tier.draft(CHAT, read=False)
    if pieces:
        await anext(drafting)
    else:
        reading = asyncio.ensure_future(anext(drafting))
        while not rig.inner.open:
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait((reading,))
    await drafting.aclose()
    assert rig.inner.open == 0


@pytest.mark.parametrize("script", [HELLO, HALF])
async def test_what_was_under_way_when_it_opened_neither_closes_it_nor_prolongs_it(
    script: Script,
) -> None:
    rig = Rig(script, fail("broken"), failures=1)
    early = rig.tier.draft(CHAT, read=False)
    await anext(early)
    await rig.ask()
    rig.clock += 10
    try:
        async for _ in early:
            pass
    except TierError:
        pass
    assert await rig.ask() == "its breaker is open for another 10 s"
