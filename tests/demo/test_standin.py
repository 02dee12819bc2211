"""Do both wires of the stand-in carry a draft from end to end, through the real SDKs?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from pydantic import SecretStr
from tests.doubles.upstream import refused_url

from rungwise.config import AnthropicTierConfig, OpenAITierConfig
from rungwise.contracts import Tier
from rungwise.demo.standin import make_standin
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.tiers.hosted.anthropic import AnthropicTier
from rungwise.tiers.hosted.openai import OpenAITier
from rungwise.tiers.scripted import Script, ScriptedTier, call, decline, fail, say, script, stall
from rungwise.types import (
    Chat,
    Choice,
    Message,
    OutputShape,
    Piece,
    Sampling,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)

pytestmark = pytest.mark.anyio

TALK = Chat(
    messages=(
        Message(role="system", text="be brief"),
        Message(role="user", text="what is it"),
        Message(role="assistant", tool_calls=(ToolCall(id="c", name="f", arguments='{"a": 1}'),)),
        Message(role="tool", text="42", tool_call_id="c"),
        Message(role="user", text="so?"),
    ),
    sampling=Sampling(max_tokens=9, temperature=0.5, stop=("X",)),
    tools=(Tool(name="f", description="does", parameters={"type": "object"}),),
    tool_choice=ToolChoice(mode="required", parallel=False),
    shape=OutputShape(
        schema={"type": "object", "properties": {}, "additionalProperties": False}, strict=True
    ),
)
USAGE = Usage(input=7, cache_read=5, output=3)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def standing_in(behind: Tier) -> AsyncIterator[str]:
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    config = uvicorn.Config(make_standin(behind, behind), lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    # without its signals: they belong to the test runner
    task = asyncio.create_task(server._serve([bound]))
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = server.force_exit = True
        await task


def front(kind: str, url: str, key: str = "standin-key") -> OpenAITier | AnthropicTier:
    common = {"name": "t", "kind": kind, "model": "stand-in-x", "api_key_env": "K"}
    secret = {"api_key": SecretStr(key)}
    if kind == "openai":
        own = OpenAITierConfig.model_validate({**common, "base_url": f"{url}/v1"})
        return OpenAITier(own.model_copy(update=secret))
    other = AnthropicTierConfig.model_validate({**common, "base_url": url})
    return AnthropicTier(other.model_copy(update=secret))


async def through(
    kind: str, *scripts: Script, chat: Chat = TALK, key: str = "standin-key"
) -> tuple[Choice, tuple[Piece, ...], Usage, Chat]:
    behind = ScriptedTier("behind", *scripts)
    async with standing_in(behind) as url:
        tier = front(kind, url, key)
        await tier.start()
        try:
            drafting = tier.draft(chat, read=False)
            pieces = tuple([piece async for piece in drafting])
        finally:
            await tier.stop()
    assert drafting.spent().model == "stand-in-x"
    return collect(pieces)[0], pieces, drafting.spent().usage, behind.chats[0]


both = pytest.mark.parametrize("kind", ["openai", "anthropic"])


@both
async def test_text_and_the_whole_chat(kind: str) -> None:
    choice, pieces, usage, asked = await through(kind, say("Hello there you", usage=USAGE))
    assert choice == Choice(text="Hello there you", finish="stop")
    assert len(pieces) == 2  # what arrives together is one piece, where nobody watches
    assert usage == USAGE
    assert (asked.messages, asked.sampling, asked.tools) == (
        TALK.messages,
        TALK.sampling,
        TALK.tools,
    )
    assert (asked.tool_choice, asked.shape, asked.stream) == (TALK.tool_choice, TALK.shape, True)


@both
async def test_tool_calls(kind: str) -> None:
    two = (
        say("Well. ", finish=None)
        + call("f", '{"a": 1}', finish=None)
        + call("g", "{}", id="call_2", index=1)
    )
    choice, _, _, _ = await through(kind, two)
    assert choice.text.strip() == "Well."
    assert choice.tool_calls == (
        ToolCall(id="call_1", name="f", arguments='{"a": 1}'),
        ToolCall(id="call_2", name="g", arguments="{}"),
    )
    assert choice.finish == "tool_calls"


@both
async def test_a_refusal_stays_one(kind: str) -> None:
    choice, *_ = await through(kind, decline("no"))
    assert choice.refusal and choice.finish == "content_filter"


async def test_log_probabilities() -> None:
    shown = (TokenLogprob(text="a", logprob=-0.5),)
    chat = Chat(messages=TALK.messages, sampling=Sampling(top_logprobs=0))
    said = script(Piece("a", shown=shown), Piece(finish="stop"))
    _, pieces, _, _ = await through("openai", said, chat=chat)
    assert (pieces[0].logprobs, pieces[0].shown) == ((-0.5,), shown)


@both
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (fail("too_long"), "too_long"),
        (fail("rejected"), "rejected"),
        (fail("overloaded"), "overloaded"),
        (fail("broken"), "broken"),
        (say("half", finish=None) + fail("overloaded"), "broken"),
    ],
)
async def test_failures_keep_their_kind(kind: str, given: Script, fault: str) -> None:
    with pytest.raises(TierError) as caught:
        await through(kind, given)
    assert caught.value.fault == fault


@both
async def test_only_its_own_keys(kind: str) -> None:
    with pytest.raises(TierError, match="unauthorised"):
        await through(kind, say("x"), key="sk-real")


@both
async def test_closing_early_reaches_the_engine(kind: str) -> None:
    behind = ScriptedTier("behind", say("a b", finish=None) + stall())
    async with standing_in(behind) as url:
        tier = front(kind, url)
        await tier.start()
        drafting = tier.draft(TALK, read=False)
        await anext(drafting)
        await drafting.aclose()
        async with asyncio.timeout(2):
            while not behind.closed_after:
                await asyncio.sleep(0.01)
        await tier.stop()


@both
async def test_whole_answers(kind: str) -> None:
    import anthropic
    import openai

    behind = ScriptedTier("behind", say("Hi", finish=None) + call("f", '{"a": 1}'))
    ask = {"messages": [{"role": "user", "content": "x"}], "model": "m", "max_tokens": 5}
    async with standing_in(behind) as url:
        if kind == "openai":
            async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="standin-k") as client:
                said = (await client.chat.completions.create(**ask)).choices[0]
            assert said.message.content == "Hi" and said.finish_reason == "tool_calls"
            assert said.message.tool_calls[0].function.arguments == '{"a": 1}'
        else:
            async with anthropic.AsyncAnthropic(base_url=url, api_key="standin-k") as client:
                reply = await client.messages.create(**ask)
            assert [block.type for block in reply.content] == ["text", "tool_use"]
            assert reply.content[1].input == {"a": 1} and reply.stop_reason == "tool_use"


async def test_nobody_is_there_before_it_starts() -> None:
    tier = front("openai", refused_url())
    await tier.start()
    with pytest.raises(TierError, match="unavailable"):
        await anext(tier.draft(TALK, read=False))
    await tier.stop()
