"""Does the scripted tier do what its script says, and note what was done to it?"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from rungwise.config import PriceConfig
from rungwise.contracts import Tier
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.scripted import (
    ScriptedTier,
    call,
    decline,
    fail,
    label,
    pause,
    say,
    script,
    stall,
)
from rungwise.types import (
    Chat,
    Done,
    Message,
    Piece,
    Sampling,
    TokenLogprob,
    ToolCall,
    Usage,
)

pytestmark = pytest.mark.anyio

CHAT = Chat(messages=(Message(role="user", text="what is it"),))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def drain(drafting: Drafting) -> list[Piece]:
    return [piece async for piece in drafting]


async def test_says_word_by_word() -> None:
    tier: Tier = ScriptedTier("tier1", say("hello you", logprob=-0.1))
    drafting = tier.draft(CHAT, read=True)
    pieces = [piece async for piece in drafting]
    assert pieces == [
        Piece("hello ", logprobs=(-0.1,)),
        Piece("you", logprobs=(-0.1,)),
        Piece(finish="stop"),
    ]
    assert drafting.spent() == Done(model="scripted", usage=Usage(input=3, output=3))


async def test_gives_no_log_probabilities_that_nobody_reads() -> None:
    tier = ScriptedTier("tier1", say("hello", logprobs=[-0.1]))
    assert (await drain(tier.draft(CHAT, read=False)))[0] == Piece("hello")
    assert tier.reads == [False]


async def test_gives_as_many_likeliest_as_are_asked_for() -> None:
    said = say("a b", logprob=-0.1, likeliest=[[-0.1, -2.0, -3.0], [-0.1]])
    tier = ScriptedTier("tier1", said)
    for count, expected in ((2, [((-0.1, -2.0),), ((-0.1,),)]), (0, [(), ()])):
        pieces = await drain(tier.draft(CHAT, read=True, likeliest=count))
        assert [piece.likeliest for piece in pieces[:2]] == expected
    unread = await drain(tier.draft(CHAT, read=False, likeliest=2))
    assert not any(piece.likeliest for piece in unread)
    assert tier.likeliest == [2, 0, 2]


async def test_shows_tokens_to_who_asked_for_them() -> None:
    token = TokenLogprob(text="a", logprob=-0.5)
    tier = ScriptedTier("tier1", say("a b", shown=[token]))
    wanted = replace(CHAT, sampling=Sampling(top_logprobs=0))
    assert [p.shown for p in await drain(tier.draft(wanted, read=False))] == [(token,), (), ()]
    assert not any(piece.shown for piece in await drain(tier.draft(CHAT, read=True)))


async def test_a_label_comes_with_how_probable_each_was() -> None:
    tier = ScriptedTier("tier1", label("yes", yes=0.75, no=0.25))
    pieces = await drain(tier.draft(replace(CHAT, labels=("yes", "no")), read=False))
    (shown,) = pieces[0].shown
    assert (pieces[0].text, shown.text, shown.logprob) == ("yes", "yes", math.log(0.75))
    assert [(a.text, math.exp(a.logprob)) for a in shown.alternatives] == [
        ("yes", pytest.approx(0.75)),
        ("no", pytest.approx(0.25)),
    ]


async def test_scripts_follow_one_another_and_the_last_stays() -> None:
    tier = ScriptedTier("tier1", fail("overloaded", retry_after_s=2), say("a"), say("b"))
    with pytest.raises(TierError) as caught:
        await drain(tier.draft(CHAT, read=False))
    assert (caught.value.fault, caught.value.retry_after_s) == ("overloaded", 2)
    texts = [collect(await drain(tier.draft(CHAT, read=False)))[0].text for _ in range(3)]
    assert texts == ["a", "b", "b"]
    assert len(tier.chats) == 4 and tier.closed_after == [] and tier.open == 0


async def test_a_script_may_look_at_the_chat() -> None:
    tier = ScriptedTier("tier1", lambda chat: say(chat.messages[0].text))
    assert collect(await drain(tier.draft(CHAT, read=False)))[0].text == "what is it"


async def test_fails_in_the_middle() -> None:
    tier = ScriptedTier("tier1", say("half an", finish=None) + fail("broken"))
    drafting = tier.draft(CHAT, read=False)
    assert [(await anext(drafting)).text for _ in range(2)] == ["half ", "an"]
    with pytest.raises(TierError, match="broken"):
        await anext(drafting)
    assert drafting.spent().usage == Usage(input=3, output=2)


async def test_notes_an_early_close() -> None:
    tier = ScriptedTier("tier1", say("a b c d", usage=Usage(output=99)))
    drafting = tier.draft(CHAT, read=False)
    await anext(drafting)
    await anext(drafting)
    assert tier.open == 1
    await drafting.aclose()
    assert (tier.closed_after, tier.given, tier.open) == ([2], [2], 0)
    assert drafting.spent().usage == Usage(input=3, output=2)


async def test_stalls_until_cancelled() -> None:
    tier = ScriptedTier("tier1", say("a", finish=None) + stall())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await drain(tier.draft(CHAT, read=False))
    assert tier.closed_after == [1]


async def test_waits_through_the_injected_sleep() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    tier = ScriptedTier("tier1", say("a b", delay=0.5) + pause(3), sleep=sleep)
    await drain(tier.draft(CHAT, read=False))
    assert slept == [0.5, 0.5, 3]


async def test_calls_and_declines() -> None:
    tier = ScriptedTier("t", call("f", '{"x":1}'), decline("no"), script(Piece("raw"), model="m"))
    (called,) = collect(await drain(tier.draft(CHAT, read=False)))
    assert called.tool_calls == (ToolCall(id="call_1", name="f", arguments='{"x":1}'),)
    (declined,) = collect(await drain(tier.draft(CHAT, read=False)))
    assert (declined.refusal, declined.finish) == ("no", "content_filter")
    raw = tier.draft(CHAT, read=False)
    assert await drain(raw) == [Piece("raw")] and raw.spent().model == "m"


async def test_life_and_price() -> None:
    tier = ScriptedTier("tier1", local=False, price=PriceConfig(input=1, output=2))
    await tier.start()
    assert tier.running and await tier.health() is None
    tier.ill = "unwell"
    assert await tier.health() == "unwell"
    await tier.stop()
    assert not tier.running
    tier.start_fault = TierError("tier1", "unavailable", "no")
    with pytest.raises(TierError):
        await tier.start()
    assert tier.cost_nano(Done(model="m", usage=Usage(input=1, output=1))) == 3000
    assert ScriptedTier("t").cost_nano(Done(model="m", usage=Usage(input=1))) is None
