"""Does Pooled ask whoever can draft, one after another, and bill whoever did?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from rungwise.config import PriceConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.guards.pooled import Pooled
from rungwise.tiers.scripted import ScriptedTier, fail, pause, say, stall
from rungwise.types import Chat, Done, Message, TierFault, Usage

pytestmark = pytest.mark.anyio

WORDLESS = Chat(messages=(Message(role="user"),))
"""Of no cost until something is written."""
CHAT = Chat(messages=(Message(role="user", text="three words here"),))
HELLO = say("hello there")
ALL: list[TierFault] = [
    "unavailable",
    "timeout",
    "rate_limited",
    "overloaded",
    "unauthorised",
    "broken",
    "saturated",
]


class Rig:
    """Members `a`, `b`, ... with one script each; as keys they have one name."""

    def __init__(
        self,
        *scripts: Any,
        keys: bool = False,
        deadline_s: float = 60.0,
        usd: Sequence[float] = (1, 1, 1),
    ) -> None:
        self.clock = 1000.0
        names = ["one"] * len(scripts) if keys else list("abcdef")
        self.members = [
            ScriptedTier(
                name,
                *(script if isinstance(script, tuple) else (script,)),
                model=name,
                price=PriceConfig(input=price, output=price),
            )
            for name, script, price in zip(names, scripts, usd, strict=False)
        ]
        self.tier = Pooled(
            self.members,
            by_key=keys,
            rest_s=20.0,
            deadline_s=deadline_s,
            secrets=("sk-1", "sk-2"),
            now=lambda: self.clock,
        )

    async def ask(self, chat: Chat = WORDLESS) -> str:
        return "".join([piece.text async for piece in self.tier.draft(chat, read=False)])

    async def fault(self, chat: Chat = WORDLESS) -> TierError:
        with pytest.raises(TierError) as caught:
            await self.ask(chat)
        return caught.value

    @property
    def asked(self) -> list[int]:
        """How many drafts each member was asked for."""
        return [len(member.chats) for member in self.members]


# ---- keys ----


async def test_keys_take_turns() -> None:
    rig = Rig(HELLO, HELLO, HELLO, keys=True)
    for _ in range(4):
        await rig.ask()
    assert rig.asked == [2, 1, 1]


async def test_a_key_that_is_rate_limited_rests_as_long_as_it_says() -> None:
    limited = fail("rate_limited", retry_after_s=30.0)
    rig = Rig((limited, HELLO), HELLO, keys=True)
    assert [await rig.ask() for _ in range(3)] == ["hello there"] * 3
    assert rig.asked == [1, 3], "the other is asked at once, and the first not again"
    rig.clock += 30.0
    for _ in range(2):
        await rig.ask()
    assert rig.asked == [2, 4]


async def test_no_member_rests_longer_than_an_hour() -> None:
    rig = Rig((fail("rate_limited", retry_after_s=1e9), HELLO), fail("unauthorised"), keys=True)
    await rig.fault()
    assert (await rig.fault()).retry_after_s == 20.0
    rig.clock += 3599.0
    await rig.fault()
    assert rig.asked == [1, 2]
    rig.clock += 1.0
    assert await rig.ask() == "hello there"


async def test_one_that_does_not_say_is_asked_again_in_its_turn() -> None:
    rig = Rig((fail("rate_limited"), HELLO), HELLO, keys=True)
    for _ in range(3):
        await rig.ask()
    assert rig.asked == [2, 2]


async def test_a_key_that_is_refused_rests_too() -> None:
    rig = Rig(fail("unauthorised"), HELLO, keys=True)
    for _ in range(3):
        await rig.ask()
    rig.clock += 20.0
    for _ in range(2):
        await rig.ask()
    assert rig.asked == [2, 5]


@pytest.mark.parametrize("fault", ["overloaded", "unavailable", "broken", "timeout", "rejected"])
async def test_another_key_does_not_mend_what_is_no_keys_fault(fault: Any) -> None:
    rig = Rig(fail(fault), HELLO, keys=True)
    assert (await rig.fault()).fault == fault and rig.asked == [1, 0]


async def test_when_all_keys_rest_it_is_said_at_once_and_costs_nothing() -> None:
    limited = [fail("rate_limited", retry_after_s=after) for after in (30.0, 10.0)]
    rig = Rig(*limited, keys=True)
    first = await rig.fault()
    assert (first.fault, first.retry_after_s, first.message) == ("rate_limited", 10.0, "scripted")
    rig.clock += 0.5
    resting = rig.tier.draft(CHAT, read=False)
    with pytest.raises(TierError) as caught:
        await anext(resting)
    again = caught.value
    assert (again.fault, again.retry_after_s) == ("rate_limited", 9.5)
    assert again.message == "its keys rest for another 10 s" and rig.asked == [1, 1]
    assert resting.spent() == Done(model="one", usage=Usage())


async def test_a_dead_key_does_not_hide_that_the_other_is_only_limited() -> None:
    rig = Rig(fail("unauthorised"), fail("rate_limited"), keys=True)
    assert (await rig.fault()).fault == "rate_limited"


async def test_no_key_of_the_pool_is_told() -> None:
    said = [fail("unauthorised", f"bad key sk-{n}, you also have sk-{3 - n}") for n in (1, 2)]
    told = str(await Rig(*said, keys=True).fault())
    assert "sk-" not in told and "***" in told


# ---- equals ----


@pytest.mark.parametrize("fault", ALL)
async def test_an_equal_is_asked_where_the_first_cannot_draft(fault: TierFault) -> None:
    rig = Rig(fail(fault), HELLO)
    assert await rig.ask() == "hello there" and rig.asked == [1, 1]


async def test_equals_are_asked_in_order() -> None:
    rig = Rig(HELLO, HELLO)
    for _ in range(3):
        await rig.ask()
    assert rig.asked == [3, 0]


@pytest.mark.parametrize("fault", ["rejected", "too_long"])
async def test_an_equal_would_refuse_the_same_request(fault: Any) -> None:
    rig = Rig(fail(fault), HELLO)
    assert (await rig.fault()).fault == fault and rig.asked == [1, 0]


async def test_nobody_goes_on_with_what_another_began() -> None:
    rig = Rig(say("half an", finish=None) + fail("broken"), HELLO)
    error = await rig.fault()
    assert error.fault == "broken" and rig.asked == [1, 0]


async def test_what_may_be_billed_is_left_to_the_next_rung() -> None:
    """Opened, then broken before its first piece: its prompt was sent, and may cost."""
    rig = Rig(fail("broken"), HELLO)
    assert (await rig.fault(CHAT)).fault == "broken" and rig.asked == [1, 0]


async def test_where_none_can_draft_the_rung_says_what_each_said() -> None:
    rig = Rig(fail("unavailable", "no connection"), fail("rate_limited", retry_after_s=3.0))
    error = await rig.fault()
    assert (error.tier, error.fault, error.retry_after_s) == ("a", "rate_limited", 3.0)
    assert error.message == "no connection; b: scripted"


async def test_what_happened_last_to_a_draft_is_what_is_told_of_it() -> None:
    rig = Rig(fail("rate_limited", retry_after_s=1.0), say("half", finish=None) + fail("broken"))
    assert (await rig.fault()).fault == "broken"


async def test_one_that_rests_or_is_full_comes_last_and_one_that_cannot_never() -> None:
    rig = Rig(HELLO, HELLO, HELLO)
    rig.members[0].full, rig.members[1].unable = "2 of 2 drafts are open", "sees no images"
    await rig.ask()
    assert rig.asked == [0, 0, 1] and rig.tier.saturation() is None
    rig.members[2].full = "1 of 1 drafts are open"
    await rig.ask()
    assert rig.asked == [1, 0, 1], "all are full: the first has them wait"


async def test_falling_over_does_not_make_more_time() -> None:
    rig = Rig(pause(0.05) + fail("overloaded"), stall(), deadline_s=0.1)
    error = await rig.fault()
    assert error.fault == "timeout" and [m.open for m in rig.members] == [0, 0]


async def test_each_draft_is_billed_at_the_price_of_who_wrote_it() -> None:
    rig = Rig(fail("overloaded"), HELLO, usd=(1, 7))
    drafting = rig.tier.draft(WORDLESS, read=False)
    async for _ in drafting:
        pass
    assert drafting.spent() == Done(model="b", usage=Usage(output=3))
    assert rig.tier.cost_nano(drafting.spent()) == 3 * 7000
    assert rig.tier.cost_nano(Done(model="a", usage=Usage(output=3))) == 3 * 1000


async def test_the_worst_case_is_the_dearest_that_could_draft() -> None:
    rig = Rig(HELLO, HELLO, HELLO)
    for member, most in zip(rig.members, (5, 9, 99), strict=True):
        member.most = most
    rig.members[2].unable = "sees no images"
    assert rig.tier.most_nano(CHAT) == 9
    rig.members[0].most = None
    assert rig.tier.most_nano(CHAT) is None, "unknown is not nothing"


async def test_it_lacks_is_full_and_is_ill_only_when_all_are() -> None:
    rig = Rig(HELLO, HELLO)
    first, second = rig.members
    first.unable = first.full = first.ill = "first"
    told = (rig.tier.lacks(CHAT), rig.tier.saturation(), await rig.tier.health())
    assert told == (None, None, None)
    second.unable = second.full = second.ill = "second"
    told = (rig.tier.lacks(CHAT), rig.tier.saturation(), await rig.tier.health())
    assert told == ("first", "first", "first; second")


async def test_it_leaves_the_machine_where_one_member_does() -> None:
    rig = Rig(HELLO, HELLO)
    assert rig.tier.local
    rig.members[1].local = False
    assert not rig.tier.local


async def test_it_starts_where_one_member_does() -> None:
    rig = Rig(HELLO, HELLO)
    rig.members[0].start_fault = TierError("a", "unauthorised", "no key")
    await rig.tier.start()
    assert not rig.members[0].running and rig.members[1].running
    await rig.tier.stop()
    assert not rig.members[1].running
    rig.members[1].start_fault = TierError("b", "unavailable", "no engine")
    with pytest.raises(TierError, match="no key"):
        await rig.tier.start()


@pytest.mark.parametrize("keys", [False, True])
async def test_a_draft_that_is_closed_or_cancelled_is_so_below(keys: bool) -> None:
    rig = Rig(HELLO, stall(), keys=keys)
    drafting = rig.tier.draft(WORDLESS, read=True, likeliest=4)
    await anext(drafting)
    await drafting.aclose()
    assert [m.open for m in rig.members] == [0, 0] and rig.members[0].likeliest == [4]
    rig = Rig(fail("rate_limited"), stall(), keys=keys)
    reading = asyncio.ensure_future(rig.ask())
    while not rig.members[1].open:
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled() and [m.open for m in rig.members] == [0, 0]


def test_a_configuration_that_cannot_work_is_not_hidden_by_an_equal() -> None:
    rig = Rig(HELLO, HELLO)

    async def start() -> None:
        raise ConfigError("K: holds what no header can carry")

    rig.members[0].start = start  # type: ignore[method-assign]
    with pytest.raises(ConfigError):
        asyncio.run(rig.tier.start())
