"""Does the embedded engine write what was asked, count it, stop at once, and come back?"""

from __future__ import annotations

import asyncio
import json
import math
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

import psutil
import pytest

from rungwise.config import VllmTierConfig
from rungwise.drafts import collect
from rungwise.errors import ConfigError, TierError
from rungwise.lab.chats import chat_of
from rungwise.lab.steps import SYSTEM, Step, generate
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.local.vllm import VllmTier
from rungwise.types import (
    LEAST_LOGPROB,
    Chat,
    Done,
    Message,
    OutputShape,
    Piece,
    Sampling,
    ToolCall,
    ToolChoice,
)

pytestmark = [
    pytest.mark.engine,
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of each other
]

GREEDY = Sampling(max_tokens=64, temperature=0)
NOISE = Sampling(max_tokens=1900, temperature=2.0, seed=1)
"""At this temperature the model babbles until it is stopped."""


def chat(text: str = "Write lete(x): add 34.", sampling: Sampling = GREEDY, **more: Any) -> Chat:
    messages = (Message(role="system", text=SYSTEM), Message(role="user", text=text))
    return Chat(messages=messages, sampling=sampling, **more)


def step(step_type: str) -> Step:
    return next(s for s in generate("test", 60) if s.step_type == step_type)


async def write(tier: VllmTier, asked: Chat, *, read: bool = False) -> tuple[list[Piece], Done]:
    drafting = tier.draft(asked, read=read)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


async def refused(tier: VllmTier, asked: Chat, *, read: bool = False) -> TierError:
    with pytest.raises(TierError) as raised:
        await write(tier, asked, read=read)
    assert "Traceback" not in raised.value.message and "\n" not in raised.value.message
    assert tier.unfinished == 0
    return raised.value


def text_of(pieces: list[Piece], choice: int = 0) -> str:
    return "".join(piece.text for piece in pieces if piece.choice == choice)


# ---- what comes ------------------------------------------------------------------------------


async def test_whole_streamed_and_read_drafts_are_the_same(tier: VllmTier) -> None:
    whole, whole_done = await write(tier, chat())
    streamed, streamed_done = await write(tier, chat(stream=True))
    read, read_done = await write(tier, chat(), read=True)
    assert text_of(whole) == text_of(streamed) == text_of(read)
    assert "def lete(x):" in text_of(whole)
    assert len(whole) == 1, "nobody reads it on the way, so it comes in one piece"
    assert len(streamed) > len(read) > 2, "what is held comes in fours"
    assert {pieces[-1].finish for pieces in (whole, streamed, read)} == {"stop"}
    assert whole_done.usage.output == streamed_done.usage.output == read_done.usage.output
    assert not any(piece.logprobs for piece in whole + streamed)


async def test_every_token_is_read_and_counted(tier: VllmTier) -> None:
    pieces, done = await write(tier, chat(), read=True)
    readings = [value for piece in pieces for value in piece.logprobs]
    assert len(readings) == done.usage.output
    assert all(value is not None and value <= 0 for value in readings)
    assert done.model == "demo-bottom" and not done.usage.estimated
    assert done.usage.prompt_tokens > 20 and done.usage.reasoning == 0


async def test_the_time_and_price_are_the_engines(tier: VllmTier) -> None:
    begun = time.perf_counter()
    drafts = await asyncio.gather(*[write(tier, chat(f"Write a{i}(x): add 3.")) for i in range(4)])
    wall = time.perf_counter() - begun
    shares = [done.engine_s or 0.0 for _, done in drafts]
    assert 0 < sum(shares) <= wall
    assert tier.cost_nano(drafts[0][1]) == round(shares[0] / 3600 * 1e9)


async def test_what_was_spent_is_known_while_it_is_written(tier: VllmTier) -> None:
    drafting = tier.draft(chat(stream=True), read=True)
    assert drafting.spent().usage.prompt_tokens == 0
    seen = 0
    async for piece in drafting:
        seen += len(piece.logprobs)
        spent = drafting.spent()
        assert spent.usage.output == seen and spent.usage.prompt_tokens > 20
        assert spent.engine_s is not None and spent.engine_s > 0
        assert spent.usage.estimated == (piece.finish is None)


async def test_a_long_system_prompt_is_read_from_the_cache(tier: VllmTier) -> None:
    long = replace(chat(), messages=(Message(role="system", text="Rules: be kind. " * 60),))
    long = replace(long, messages=(*long.messages, Message(role="user", text="Hello.")))
    _, first = await write(tier, long)
    _, second = await write(tier, long)
    assert first.usage.cache_read == 0
    assert second.usage.cache_read >= 128
    assert second.usage.prompt_tokens == first.usage.prompt_tokens


async def test_a_prefix_is_cached_for_one_tenant_and_one_salt_of_its_own(tier: VllmTier) -> None:
    rules = Message(role="system", text="Rules: be brief. " * 60)
    base = replace(chat(), messages=(rules, Message(role="user", text="Hello.")))
    asked = [
        replace(base, tenant="a"),
        replace(base, tenant="a"),
        replace(base, tenant="b"),
        replace(base, tenant="b", cache_salt="mine"),
        replace(base, tenant="a", cache_salt="mine"),
        replace(base, tenant="a", cache_salt="mine"),
    ]
    cached = [(await write(tier, one))[1].usage.cache_read for one in asked]
    assert [tokens >= 128 for tokens in cached] == [False, True, False, False, False, True]
    assert sum(cached) == cached[1] + cached[5]


async def test_several_choices(tier: VllmTier) -> None:
    sampling = Sampling(max_tokens=6, temperature=1.5, seed=3, n=2)
    for read in (False, True):
        pieces, done = await write(tier, chat(sampling=sampling), read=read)
        assert {piece.choice for piece in pieces} == {0, 1}
        assert [len(collect(pieces)), done.usage.output <= 12] == [2, True]
        assert all(choice.finish for choice in collect(pieces))


async def test_a_stop_string_ends_the_draft_and_is_not_in_it(tier: VllmTier) -> None:
    for stream in (False, True):
        stopping = Sampling(max_tokens=64, temperature=0, stop=("return",))
        pieces, _ = await write(tier, chat(sampling=stopping, stream=stream))
        assert pieces[-1].finish == "stop"
        assert text_of(pieces).rstrip().endswith("34") and "return" not in text_of(pieces)


async def test_a_token_limit_ends_the_draft(tier: VllmTier) -> None:
    pieces, done = await write(tier, chat(sampling=Sampling(max_tokens=5, temperature=0)))
    assert pieces[-1].finish == "length" and done.usage.output == 5


async def test_log_probabilities_for_the_caller(tier: VllmTier) -> None:
    for top in (0, 3):
        asked = chat(sampling=Sampling(max_tokens=8, temperature=0, top_logprobs=top))
        pieces, done = await write(tier, asked, read=True)
        shown = [token for piece in pieces for token in piece.shown]
        readings = [value for piece in pieces for value in piece.logprobs]
        assert len(shown) == done.usage.output == 8
        assert [token.logprob for token in shown] == readings
        assert "".join(token.text for token in shown).startswith(text_of(pieces))
        assert all(len(token.alternatives) == top for token in shown)
        if top:
            assert all(t.alternatives[0].logprob == t.logprob for t in shown), "greedy is likeliest"
    unread, _ = await write(tier, asked)
    assert unread[0].shown and not unread[0].logprobs


async def test_the_likeliest_come_with_every_token(tier: VllmTier) -> None:
    sampling = Sampling(max_tokens=24, temperature=1.5, seed=5, top_logprobs=1)
    for asked in (chat(), chat(sampling=sampling), with_tools(chat())):
        drafting = tier.draft(asked, read=True, likeliest=3)
        pieces = [piece async for piece in drafting]
        places = [place for piece in pieces for place in piece.likeliest]
        readings = [value for piece in pieces for value in piece.logprobs]
        assert len(places) == len(readings) == drafting.spent().usage.output > 2
        assert all(len(place) == 3 and list(place) == sorted(place)[::-1] for place in places)
        assert all(value <= place[0] for value, place in zip(readings, places, strict=True))  # type: ignore[operator]
        shown = [token for piece in pieces for token in piece.shown]
        assert all(len(token.alternatives) == 1 for token in shown)


async def test_nobody_pays_for_the_likeliest_unasked(tier: VllmTier) -> None:
    pieces, _ = await write(tier, chat(), read=True)
    unread = tier.draft(chat(), read=False, likeliest=3)
    assert not any([p.likeliest for p in pieces] + [p.likeliest async for p in unread])


async def test_forced_tokens_leave_with_their_likeliest(tier: VllmTier) -> None:
    drafting = tier.draft(chat_of(step("extraction")), read=True, likeliest=2)
    pieces = [piece async for piece in drafting]
    assert any(piece.forced for piece in pieces)
    for piece in pieces:
        assert len(piece.likeliest) == len(piece.logprobs)
        assert all(LEAST_LOGPROB < value <= 0 for place in piece.likeliest for value in place)


# ---- labels ----------------------------------------------------------------------------------

SURE = Sampling(max_tokens=1, temperature=0)


async def label_read(tier: VllmTier, labels: tuple[str, ...], **more: Any) -> dict[str, float]:
    asked = chat("Is 34 even? Reply with yes or no.", sampling=SURE, labels=labels, **more)
    pieces, done = await write(tier, asked)
    assert done.usage.output == 1
    token = next(token for piece in pieces for token in piece.shown)
    return {other.text: other.logprob for other in token.alternatives}


async def test_labels_are_read_though_they_are_unlikely(tier: VllmTier) -> None:
    found = await label_read(tier, ("yes", "no"))
    # this vocabulary has no "yes", so its first letter stands for it
    assert {"y", "Y", "no", "No", " no"} <= found.keys()
    assert len(found) < 20, "only the labels, and what was written"
    assert all(LEAST_LOGPROB < value <= 0 for value in found.values())
    assert sum(map(math.exp, found.values())) <= 1.001


async def test_a_label_read_agrees_with_the_likeliest(tier: VllmTier) -> None:
    likeliest, _ = await write(tier, chat(sampling=replace(SURE, top_logprobs=20)))
    told = {other.text: other.logprob for other in likeliest[0].shown[0].alternatives}
    word = next(text for text in told if text.strip())
    asked = chat(sampling=SURE, labels=(word.strip(), "\u00a7"))
    pieces, _ = await write(tier, asked)
    read = {other.text: other.logprob for other in pieces[0].shown[0].alternatives}
    assert read[word] == pytest.approx(told[word], abs=0.05)


async def test_labels_are_read_past_tools_that_stay_in_the_prompt(tier: VllmTier) -> None:
    given = chat_of(step("tool_selection"))
    asked = replace(given, tool_choice=ToolChoice(mode="none"), sampling=SURE, labels=("yes", "no"))
    pieces, done = await write(tier, asked)
    (shown,) = pieces[0].shown
    assert {"y", "no"} <= {other.text for other in shown.alternatives}
    _, plain = await write(tier, replace(given, sampling=SURE))
    assert done.usage.prompt_tokens == plain.usage.prompt_tokens, "the prefix cache still hits"


async def test_a_label_read_beside_others_takes_nothing_from_them(tier: VllmTier) -> None:
    """vLLM's first model runner gives all drafts of a step the labels' columns."""

    async def wide() -> None:
        sampling = replace(GREEDY, top_logprobs=2)
        pieces = [p async for p in tier.draft(chat(sampling=sampling), read=True, likeliest=4)]
        assert {len(place) for piece in pieces for place in piece.likeliest} == {4}
        assert {len(token.alternatives) for piece in pieces for token in piece.shown} == {2}

    async def labels(delay: float) -> None:
        await asyncio.sleep(delay)
        assert await label_read(tier, ("yes", "no"))

    await asyncio.gather(*[wide() for _ in range(6)], *[labels(i / 100) for i in range(20)])
    assert tier.unfinished == 0


async def test_a_label_read_beside_drafts_that_are_read_singly(tier: VllmTier) -> None:
    async def narrow() -> None:
        pieces, done = await write(tier, chat(), read=True)
        readings = [value for piece in pieces for value in piece.logprobs]
        assert len(readings) == done.usage.output and None not in readings
        assert min(value for value in readings if value is not None) > -50

    async def labels() -> None:
        assert {"y", "no"} <= (await label_read(tier, ("yes", "no"))).keys()

    await asyncio.gather(*[narrow() for _ in range(4)], *[labels() for _ in range(4)])


# ---- for the lab -----------------------------------------------------------------------------


async def test_an_answer_that_was_drafted_scores_as_it_was_read(tier: VllmTier) -> None:
    pieces, _ = await write(tier, chat(), read=True)
    read = [value for piece in pieces for value in piece.logprobs]
    scored = await tier.score(chat(), text_of(pieces))
    assert len(scored) in (len(read) - 1, len(read)), "a draft has its end token beside"
    for one, other in zip(read, scored, strict=False):
        assert one == pytest.approx(other, abs=0.05), "bfloat16, another batch"
    other = await tier.score(chat(), text_of(pieces).replace("34", "91"))
    assert sum(v or 0.0 for v in other) < sum(v or 0.0 for v in scored) - 1


async def test_a_prompt_that_cannot_be_scored_is_refused(tier: VllmTier) -> None:
    with pytest.raises(TierError) as raised:
        await tier.score(chat("word " * 3000), "x")
    assert raised.value.fault == "too_long"


async def test_the_bare_engine_writes_the_same_tokens(tier: VllmTier) -> None:
    _, done = await write(tier, chat())
    for read in (False, True):
        assert await tier.bare([chat()] * 3, concurrency=2, read=read) == 3 * done.usage.output


# ---- shapes and tools ------------------------------------------------------------------------


async def test_structured_output_parses_and_forced_tokens_read_as_nothing(tier: VllmTier) -> None:
    asked = chat_of(step("extraction"))
    assert asked.shape and asked.shape.schema
    pieces, done = await write(tier, asked, read=True)
    assert json.loads(text_of(pieces)).keys() == set(asked.shape.schema["required"])  # type: ignore[arg-type,index]
    readings = [value for piece in pieces for value in piece.logprobs]
    assert readings and None not in readings and 0.0 not in readings
    forced = sum(piece.forced for piece in pieces)
    assert forced > 0 and forced + len(readings) == done.usage.output


async def test_any_json_object(tier: VllmTier) -> None:
    asked = chat("Extract name: Garogo asks.", shape=OutputShape())
    pieces, _ = await write(tier, asked)
    assert isinstance(json.loads(text_of(pieces)), dict)


@pytest.mark.parametrize("mode", ["auto", "required", "named"])
async def test_a_tool_call_parses(tier: VllmTier, mode: Any) -> None:
    asked = chat_of(step("tool_selection"))
    name = asked.tools[0].name if mode == "named" else None
    asked = replace(asked, tool_choice=ToolChoice(mode=mode, name=name, parallel=False))
    pieces, done = await write(tier, asked, read=True)
    (choice,) = collect(pieces)
    (call,) = choice.tool_calls
    assert call.id and call.name in {tool.name for tool in asked.tools}
    assert name is None or call.name == name
    assert isinstance(json.loads(call.arguments), dict)
    assert not choice.text
    assert choice.finish == ("stop" if mode == "named" else "tool_calls")
    readings = sum(len(piece.logprobs) + piece.forced for piece in pieces)
    assert readings == done.usage.output, "tokens that the parser swallows are still read"


async def test_tools_that_must_not_be_called_are_not_parsed(tier: VllmTier) -> None:
    asked = replace(chat_of(step("tool_selection")), tool_choice=ToolChoice(mode="none"))
    pieces, _ = await write(tier, asked)
    assert len(pieces) == 1 and not pieces[0].tool_calls


async def test_a_conversation_with_a_tools_answer(tier: VllmTier) -> None:
    asked = chat_of(step("tool_selection"))
    call = ToolCall(id="c1", name=asked.tools[0].name, arguments='{"order": "1", "count": "2"}')
    further = (
        Message(role="assistant", tool_calls=(call,)),
        Message(role="tool", text="done", tool_call_id="c1"),
    )
    pieces, done = await write(tier, replace(asked, messages=asked.messages + further))
    assert pieces[-1].finish and done.usage.prompt_tokens > 40


# ---- what is refused -------------------------------------------------------------------------


async def test_a_prompt_that_does_not_fit(tier: VllmTier) -> None:
    fault = await refused(tier, chat("word " * 3000))
    assert fault.fault == "too_long" and "2048" in fault.message


@pytest.mark.parametrize("read", [False, True])
async def test_a_schema_that_is_none(tier: VllmTier, read: bool) -> None:
    shape = OutputShape(schema={"type": "no such type"})
    assert (await refused(tier, chat(shape=shape), read=read)).fault == "rejected"


async def test_more_alternatives_than_the_engine_gives(tier: VllmTier) -> None:
    asked = chat(sampling=Sampling(max_tokens=4, top_logprobs=1000))
    assert (await refused(tier, asked)).fault == "rejected"
    with_tools = replace(chat_of(step("tool_selection")), sampling=asked.sampling)
    fault = await refused(tier, with_tools)
    assert fault.fault == "rejected", "the same where vLLM's own stream reports it as text"


async def test_an_image_for_a_model_without_eyes(tier: VllmTier) -> None:
    from rungwise.types import Image

    pixel = "data:image/png;base64,iVBORw0KGgo="
    seen = (Message(role="user", text="what is it", images=(Image(url=pixel),)),)
    assert (await refused(tier, Chat(messages=seen, sampling=GREEDY))).fault == "rejected"


# ---- how it is stopped -----------------------------------------------------------------------


def with_tools(asked: Chat) -> Chat:
    """Tools send a streaming draft through vLLM's own tool parser."""
    return replace(asked, tools=chat_of(step("tool_selection")).tools)


async def _after(drafting: Drafting, pieces: int) -> None:
    for _ in range(pieces):
        await anext(drafting)


async def _in_the_middle(tier: VllmTier, asked: Chat, *, read: bool = False) -> Drafting:
    """A draft that has given five pieces: babble may end early, so one seed after another."""
    for seed in range(1, 40):
        tried = replace(asked, sampling=replace(asked.sampling, seed=seed))
        drafting = tier.draft(tried, read=read)
        with suppress(StopAsyncIteration):
            await _after(drafting, 5)
            return drafting
    raise AssertionError("no seed made the model write five pieces")


@pytest.mark.parametrize("kind", ["streamed", "read", "parsed", "several"])
async def test_closing_a_draft_stops_the_engine(tier: VllmTier, kind: str) -> None:
    asked = chat(sampling=NOISE, stream=True)
    if kind == "several":
        asked = replace(asked, sampling=replace(NOISE, n=3))
    if kind == "parsed":
        asked = with_tools(asked)
    drafting = await _in_the_middle(tier, asked, read=kind == "read")
    assert tier.unfinished == (3 if kind == "several" else 1)
    await drafting.aclose()
    assert tier.unfinished == 0, "the abort was sent before aclose returned"
    spent = drafting.spent()
    assert 5 <= spent.usage.output < 200 and spent.usage.prompt_tokens > 20
    engine_s = spent.engine_s
    await asyncio.sleep(0.05)
    assert drafting.spent().engine_s == engine_s, "its clock has stopped"


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_the_wait_stops_the_engine(tier: VllmTier, stream: bool) -> None:
    drafting = tier.draft(chat(sampling=NOISE, stream=stream), read=False)

    async def consume() -> None:
        async with aclosing(drafting):
            async for _ in drafting:
                pass

    waiting = asyncio.ensure_future(consume())
    while drafting.spent().engine_s == 0:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert tier.unfinished == 0
    assert 0 < drafting.spent().usage.output < 1900, "what it had written is counted"


async def test_a_failing_consumer_stops_the_engine(tier: VllmTier) -> None:
    with pytest.raises(ZeroDivisionError):
        async with aclosing(tier.draft(chat(sampling=NOISE, stream=True), read=True)) as drafting:
            async for _ in drafting:
                raise ZeroDivisionError
    assert tier.unfinished == 0


async def test_the_scheduler_lets_go_too(tier: VllmTier) -> None:
    """Sixteen long drafts fill the engine; closed, the next one does not wait for them."""
    drafts = [tier.draft(chat(sampling=NOISE, stream=True), read=False) for _ in range(16)]
    await asyncio.gather(*[_after(draft, 2) for draft in drafts])
    await asyncio.gather(*[draft.aclose() for draft in drafts])
    async with asyncio.timeout(5):
        pieces, _ = await write(tier, chat(sampling=Sampling(max_tokens=1)))
    assert pieces[-1].finish == "length"


async def test_a_draft_that_was_never_begun(tier: VllmTier) -> None:
    drafting = tier.draft(chat(), read=True)
    await drafting.aclose()
    assert drafting.spent().usage.completion_tokens == 0 and tier.unfinished == 0


# ---- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"no_such_flag": 1}, "--no-such-flag"),
        ({"trust_remote_code": True}, "never run"),
        ({"trust_remote": True}, "never run"),
        ({"dtype": "float32"}, "engine.dtype"),
        ({"max_num_batched_tokens": "many"}, "max-num-batched-tokens"),
    ],
)
async def test_settings_that_vllm_does_not_know(
    engine_config: VllmTierConfig, extra: dict[str, Any], words: str
) -> None:
    engine = engine_config.engine.model_copy(update={"extra": extra})
    tier = VllmTier(engine_config.model_copy(update={"engine": engine}))
    with pytest.raises(ConfigError) as raised:
        await tier.start()
    assert words in str(raised.value) and "\n" not in str(raised.value)


# ---- the end, and after: last, because the session's engine does not outlive it unharmed ---------


async def test_stopping_ends_open_drafts_and_it_starts_again(tier: VllmTier) -> None:
    drafting = tier.draft(chat(sampling=NOISE, stream=True), read=False)
    await _after(drafting, 1)
    stopping = asyncio.ensure_future(tier.stop())
    with pytest.raises(TierError) as raised:
        async for _ in drafting:
            pass
    assert raised.value.fault == "unavailable"
    await stopping
    assert "not started" in (await tier.health() or "")
    assert (await refused(tier, chat())).fault == "unavailable"
    await tier.stop()
    await tier.start()
    assert await tier.health() is None
    assert "def lete(x):" in text_of((await write(tier, chat()))[0])


async def test_the_engines_death_is_told_in_every_route(tier: VllmTier) -> None:
    async def rest(drafting: Drafting) -> None:
        async for _ in drafting:
            pass

    whole = asyncio.ensure_future(write(tier, chat(sampling=replace(NOISE, n=8))))
    babble = chat(sampling=NOISE, stream=True)
    streams = [await _in_the_middle(tier, asked) for asked in (babble, with_tools(babble))]
    _kill_engine(tier)
    async with asyncio.timeout(20):
        ends = await asyncio.gather(whole, *map(rest, streams), return_exceptions=True)
    assert [end.fault for end in ends if isinstance(end, TierError)] == ["unavailable"] * 3
    assert "died" in (await tier.health() or "")
    with pytest.raises(TierError) as raised:
        await write(tier, chat())
    assert raised.value.fault == "unavailable"
    await tier.stop()
    assert "not started" in (await tier.health() or "")


def _kill_engine(tier: VllmTier) -> None:
    """By process id: this test's own engine, of those that this process may hold."""
    assert tier._running is not None
    manager = tier._running.engine.engine_core.resources.engine_manager
    for process in manager.processes:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
