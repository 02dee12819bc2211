"""Does Retrying ask again what cost nothing, and nothing else, and never for too long?"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import GuardsConfig
from rungwise.errors import TierError
from rungwise.tiers.guards.retrying import PASSING, Retrying
from rungwise.tiers.scripted import Script, ScriptedTier, fail, pause, say, script, stall
from rungwise.types import Chat, Done, Message, Piece, Usage, Wish

pytestmark = pytest.mark.anyio

WORDLESS = Chat(messages=(Message(role="user"),))
"""Of no cost until something is written."""
CHAT = Chat(messages=(Message(role="user", text="three words here"),))
"""Costs its words as soon as it is sent."""
HELLO = say("hello there")


class Rig:
    def __init__(
        self,
        *scripts: Script,
        deadline_s: float = 60.0,
        slow_s: float = 60.0,
        chance: float = 0.5,
        **guards: Any,
    ) -> None:
        self.waits: list[float] = []
        self.inner = ScriptedTier("t", *scripts)
        self.tier = Retrying(
            self.inner,
            GuardsConfig(**guards),
            deadline_s=deadline_s,
            slow_s=slow_s,
            sleep=self._sleep,
            chance=lambda: chance,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)

    @property
    def tries(self) -> int:
        return len(self.inner.chats)

    async def ask(self, chat: Chat = WORDLESS) -> tuple[list[Piece], Done]:
        drafting = self.tier.draft(chat, read=False)
        try:
            return [piece async for piece in drafting], drafting.spent()
        finally:
            await drafting.aclose()


@pytest.mark.parametrize("fault", sorted(PASSING))
async def test_what_may_be_over_in_a_moment_is_tried_again(fault: Any) -> None:
    rig = Rig(fail(fault), fail(fault), HELLO)
    pieces, done = await rig.ask()
    assert [p.text for p in pieces if p.text] == ["hello ", "there"]
    assert rig.tries == 3 and done.usage == Usage(output=3)


@pytest.mark.parametrize("fault", ["rejected", "too_long", "unauthorised", "timeout", "saturated"])
async def test_what_another_try_cannot_mend_is_not(fault: Any) -> None:
    rig = Rig(fail(fault), HELLO)
    with pytest.raises(TierError) as caught:
        await rig.ask()
    assert caught.value.fault == fault and rig.tries == 1 and rig.waits == []


async def test_nothing_is_tried_again_once_something_was_said() -> None:
    rig = Rig(say("half an", finish=None) + fail("overloaded"), HELLO)
    with pytest.raises(TierError):
        await rig.ask()
    assert rig.tries == 1


async def test_nothing_is_tried_again_that_may_be_billed() -> None:
    rig = Rig(fail("overloaded"), HELLO)
    with pytest.raises(TierError):
        await rig.ask(CHAT)
    assert rig.tries == 1


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (1, 2), (4, 5)])
async def test_there_are_so_many_further_tries(retries: int, tries: int) -> None:
    rig = Rig(fail("overloaded"), retries=retries)
    with pytest.raises(TierError):
        await rig.ask()
    assert rig.tries == tries


async def test_waits_grow_and_are_left_to_chance() -> None:
    rig = Rig(*[fail("overloaded")] * 3, HELLO, retries=3, chance=0.5)
    await rig.ask()
    assert rig.waits == [0.125, 0.25, 0.5]
    rig = Rig(*[fail("overloaded")] * 3, HELLO, retries=3, chance=0.0)
    await rig.ask()
    assert rig.waits == [0.0, 0.0, 0.0]


async def test_an_upstream_that_asks_for_time_gets_it() -> None:
    rig = Rig(fail("rate_limited", retry_after_s=1.5), HELLO, chance=0.5)
    await rig.ask()
    assert rig.waits == [1.625]


async def test_one_that_asks_for_more_than_there_is_is_left_at_once() -> None:
    rig = Rig(fail("rate_limited", retry_after_s=2.5), HELLO, retry_wait_s=2.0)
    with pytest.raises(TierError) as caught:
        await rig.ask()
    assert rig.waits == [] and caught.value.retry_after_s == 2.5


@pytest.mark.parametrize(
    ("deadline_s", "wish"),
    [(1.0, Wish()), (60.0, Wish(deadline_s=1.0))],
    ids=["the rung's deadline", "the caller's deadline"],
)
async def test_so_is_one_whose_wait_would_pass_a_deadline(deadline_s: float, wish: Wish) -> None:
    rig = Rig(fail("rate_limited", retry_after_s=1.5), HELLO, deadline_s=deadline_s)
    with pytest.raises(TierError):
        await rig.ask(Chat(messages=WORDLESS.messages, wish=wish))
    assert rig.waits == [] and rig.tries == 1


asked_s = st.one_of(st.none(), st.floats(min_value=0, max_value=5))


@given(
    asked=st.lists(asked_s, min_size=1, max_size=12),
    most=st.floats(min_value=0, max_value=6),
    chance=st.floats(min_value=0, max_value=1, exclude_max=True),
)
def test_waits_never_add_up_to_more_than_configured(
    asked: list[float | None], most: float, chance: float
) -> None:
    scripts = [fail("rate_limited", retry_after_s=seconds) for seconds in asked]
    rig = Rig(*scripts, HELLO, retries=10, retry_wait_s=most, chance=chance)
    with suppress(TierError):
        asyncio.run(rig.ask())
    assert sum(rig.waits) <= most + 1e-9
    for wait, wanted in zip(rig.waits, asked, strict=False):
        assert wait >= (wanted or 0.0)


async def test_what_took_long_to_fail_is_not_tried_again() -> None:
    rig = Rig(pause(0.02) + fail("unavailable"), HELLO, slow_s=0.01)
    with pytest.raises(TierError):
        await rig.ask()
    assert rig.tries == 1


async def test_tries_and_waits_together_have_one_deadline() -> None:
    rig = Rig(pause(0.05) + fail("overloaded"), stall(), deadline_s=0.1, chance=0.0)
    with pytest.raises(TierError) as caught:
        await rig.ask()
    assert caught.value.fault == "timeout" and rig.tries == 2 and rig.inner.open == 0


async def test_a_draft_closed_while_it_is_read_is_closed_below() -> None:
    rig = Rig(fail("overloaded"), HELLO)
    drafting = rig.tier.draft(WORDLESS, read=True, likeliest=5)
    await anext(drafting)
    assert rig.inner.open == 1
    await drafting.aclose()
    assert rig.inner.open == 0 and rig.inner.closed_after == [1]
    assert rig.inner.reads == [True, True] and rig.inner.likeliest == [5, 5]
    assert drafting.spent().usage == Usage(output=1)


@pytest.mark.parametrize("scripts", [(stall(),), (fail("overloaded"), stall())])
async def test_a_draft_cancelled_while_it_waits_for_the_first_piece_is_closed_below(
    scripts: tuple[Script, ...],
) -> None:
    rig = Rig(*scripts)
    reading = asyncio.ensure_future(rig.ask())
    while not rig.inner.open or rig.tries < len(scripts):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled() and rig.inner.open == 0


async def test_a_draft_cancelled_between_two_tries_makes_no_further_one() -> None:
    rig = Rig(fail("overloaded"), HELLO)
    asleep, rig.tier._sleep = asyncio.Event(), lambda _: _forever(asleep)
    reading = asyncio.ensure_future(rig.ask())
    await asleep.wait()
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled() and rig.tries == 1


async def _forever(begun: asyncio.Event) -> None:
    begun.set()
    await asyncio.Event().wait()


async def test_nobody_is_asked_by_a_draft_that_nobody_reads() -> None:
    rig = Rig(HELLO)
    drafting = rig.tier.draft(CHAT, read=False)
    await drafting.aclose()
    assert rig.tries == 0 and drafting.spent() == Done(model="scripted", usage=Usage())


async def test_an_empty_draft_is_an_empty_draft() -> None:
    rig = Rig(script())
    assert (await rig.ask())[0] == [] and rig.tries == 1


async def test_it_is_the_tier_inside_it_in_all_else() -> None:
    inner = ScriptedTier("t", model="m", local=False)
    tier = Retrying(inner, GuardsConfig(), deadline_s=1.0)
    await tier.start()
    assert inner.running and (tier.name, tier.model, tier.local) == ("t", "m", False)
    inner.ill, inner.unable, inner.full, inner.most = "ill", "sees no images", "full", 7
    told = (await tier.health(), tier.lacks(CHAT), tier.saturation(), tier.most_nano(CHAT))
    assert told == ("ill", "sees no images", "full", 7)
    assert tier.cost_nano(Done(model="m", usage=Usage())) == 0
    await tier.stop()
    assert not inner.running
