"""Is each server of OpenAI's protocol asked, and read, in its own way?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream

from rungwise.config import OpenAITierConfig
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.tiers.hosted.openai import OpenAITier
from rungwise.types import (
    Chat,
    Choice,
    Effort,
    Message,
    Piece,
    Sampling,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)

pytestmark = pytest.mark.anyio

ASKED = Message(role="user", text="12345678")
CHAT = Chat(messages=(ASKED,), stream=True)
HELLO = openai_stream(openai_delta("Hello"), openai_delta(finish="stop"))
DRAWN = Sampling(max_tokens=7, temperature=0.5, seed=3, presence_penalty=0.1, frequency_penalty=0.2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def tier(
    *answers: Answer, dialect: str, **more: Any
) -> AsyncIterator[tuple[OpenAITier, Upstream]]:
    async with Upstream(*answers) as upstream:
        settings = {"name": "t", "kind": "openai", "model": "m", "api_key_env": "K", **more}
        config = OpenAITierConfig.model_validate({**settings, "base_url": f"{upstream.url}/v1"})
        key = SecretStr("sk-very-secret-1234567890")
        subject = OpenAITier(config.model_copy(update={"api_key": key}), dialect=dialect)
        await subject.start()
        try:
            yield subject, upstream
        finally:
            await subject.stop()


async def ask(
    chat: Chat, answer: bytes = HELLO, *, dialect: str, **more: Any
) -> tuple[dict[str, Any], list[Piece], Usage]:
    """What was sent, what came, and what it used."""
    async with tier(Answer(answer), dialect=dialect, **more) as (subject, upstream):
        drafting = subject.draft(chat, read=False)
        pieces = [piece async for piece in drafting]
    return upstream.requests[0].body, pieces, drafting.spent().usage


async def sent(chat: Chat = CHAT, **more: Any) -> dict[str, Any]:
    return (await ask(chat, **more))[0]


# ---- all of them ----


@pytest.mark.parametrize("dialect", ["openai", "gemini", "vllm", "plain"])
async def test_the_owners_limit_and_effort_hold_where_the_caller_does_not_say(dialect: str) -> None:
    limit = "max_tokens" if dialect == "vllm" else "max_completion_tokens"
    body = await sent(dialect=dialect, max_tokens=99, effort="low")
    assert (body[limit], body["reasoning_effort"]) == (99, "low")
    asked = Chat(
        messages=(ASKED,), sampling=Sampling(max_tokens=7), thinking=Thinking(effort="high")
    )
    body = await sent(asked, dialect=dialect, max_tokens=99, effort="low")
    assert (body[limit], body["reasoning_effort"]) == (7, "high")
    body = await sent(dialect=dialect)
    assert limit not in body and "reasoning_effort" not in body


# ---- OpenAI's own ----


async def test_only_openais_own_server_is_told_a_cache_key() -> None:
    assert len((await sent(dialect="openai"))["prompt_cache_key"]) == 32
    assert "prompt_cache_key" not in await sent(dialect="openai", prompt_cache=False)
    named = Chat(messages=(ASKED,), conversation="c")
    assert "prompt_cache_key" in await sent(named, dialect="openai", prompt_cache=False)
    for dialect in ("gemini", "vllm", "plain"):
        assert "prompt_cache_key" not in await sent(named, dialect=dialect)


# ---- a vLLM across the network ----


async def test_a_remote_vllm_is_told_whose_cache_it_is() -> None:
    mine = (await sent(Chat(messages=(ASKED,), tenant="a"), dialect="vllm"))["cache_salt"]
    yours = (await sent(Chat(messages=(ASKED,), tenant="b"), dialect="vllm"))["cache_salt"]
    own = Chat(messages=(ASKED,), tenant="a", cache_salt="b")
    assert len({mine, yours, (await sent(own, dialect="vllm"))["cache_salt"]}) == 3
    for dialect in ("gemini", "openai", "plain"):
        assert "cache_salt" not in await sent(own, dialect=dialect)


@pytest.mark.parametrize(
    ("dialect", "role"),
    [("vllm", "system"), ("gemini", "system"), ("openai", "developer"), ("plain", "developer")],
)
async def test_a_developer_is_a_system_to_whoever_knows_none(dialect: str, role: str) -> None:
    chat = Chat(messages=(Message(role="developer", text="d"), ASKED))
    assert (await sent(chat, dialect=dialect))["messages"][0]["role"] == role


# ---- Gemini ----


async def test_gemini_is_not_sent_what_it_would_refuse() -> None:
    chat = Chat(messages=(ASKED,), sampling=DRAWN, tools=(Tool(name="f"),))
    body = await sent(chat, dialect="gemini")
    assert set(body) == {
        "model",
        "messages",
        "stream",
        "stream_options",
        "max_completion_tokens",
        "temperature",
        "tools",
        "tool_choice",
    }
    alone = Chat(messages=(ASKED,), tools=chat.tools, tool_choice=ToolChoice(parallel=False))
    body = await sent(alone, dialect="gemini")
    assert body["parallel_tool_calls"] is False, "rather refused than answered with two calls"


@pytest.mark.parametrize("effort", ["xhigh", "max"])
async def test_gemini_knows_no_effort_above_high(effort: Effort) -> None:
    chat = Chat(messages=(ASKED,), thinking=Thinking(effort=effort))
    assert (await sent(chat, dialect="gemini"))["reasoning_effort"] == "high"
    assert (await sent(chat, dialect="openai"))["reasoning_effort"] == effort


def signed(name: str, arguments: str, seal: str | None, **more: Any) -> dict[str, Any]:
    call = {"id": f"id-{name}", "type": "function", **more}
    call["function"] = {"name": name, "arguments": arguments}
    if seal is not None:
        call["extra_content"] = {"google": {"thought_signature": seal}}
    return openai_delta(tool_calls=[call])


async def test_geminis_calls_come_whole_without_an_index_and_end_with_stop() -> None:
    answer = openai_stream(
        signed("f", '{"x":1}', "seal"),
        signed("g", "{}", None, index=0),
        openai_delta(finish="stop"),
    )
    _, pieces, _ = await ask(CHAT, answer, dialect="gemini")
    assert collect(pieces) == (
        Choice(
            tool_calls=(
                ToolCall(id="id-f", name="f", arguments='{"x":1}'),
                ToolCall(id="id-g", name="g", arguments="{}"),
            ),
            thoughts=(Thought(seal="seal", withheld=True, model="m"),),
            finish="tool_calls",
        ),
    )


async def test_geminis_seals_go_back_on_the_calls_they_came_with() -> None:
    calls = tuple(ToolCall(id=i, name="f", arguments="{}") for i in "12")
    mine = Thought(seal="seal", withheld=True, model="m")
    foreign = Thought(seal="other", model="other")
    chat = Chat(
        messages=(
            ASKED,
            Message(role="assistant", tool_calls=calls, thoughts=(foreign, mine)),
            Message(role="tool", text="42", tool_call_id="1"),
            Message(role="assistant", tool_calls=calls, thoughts=(foreign,)),
        )
    )
    first, _, second = (await sent(chat, dialect="gemini"))["messages"][1:]
    seals = [call.get("extra_content") for call in first["tool_calls"] + second["tool_calls"]]
    skipped = {"google": {"thought_signature": "skip_thought_signature_validator"}}
    assert seals == [{"google": {"thought_signature": "seal"}}, None, skipped, None]
    assert "extra_content" not in str(await sent(chat, dialect="openai"))


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40},
            Usage(input=10, output=5, reasoning=25),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            Usage(input=2, cache_read=8, output=5),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 30,
                "total_tokens": 40,
                "completion_tokens_details": {"reasoning_tokens": 25},
            },
            Usage(input=10, output=5, reasoning=25),
        ),
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(input=10, output=5)),
    ],
)
async def test_geminis_thoughts_are_counted(told: dict[str, Any], counted: Usage) -> None:
    answer = openai_stream(openai_delta("x", finish="stop"), {"usage": told})
    assert (await ask(CHAT, answer, dialect="gemini"))[2] == counted


async def test_geminis_filter_may_give_its_reason() -> None:
    answer = openai_stream(openai_delta("x", finish="content_filter: PROHIBITED_CONTENT"))
    _, pieces, _ = await ask(CHAT, answer, dialect="gemini")
    assert pieces[-1].finish == "content_filter"
    with pytest.raises(TierError, match="unknown finish reason"):
        await ask(CHAT, answer, dialect="plain")


async def test_every_cut_of_geminis_stream_is_noticed() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 40}
    whole = openai_stream(
        signed("f", "{}", "seal"), {**openai_delta(finish="stop"), "usage": usage}
    )
    finished = whole.index(b'"stop"')
    async with tier(Answer(b""), dialect="gemini") as (subject, upstream):
        for end in range(len(whole) + 1):
            upstream.answers = [Answer(whole[:end], framing="close")]
            drafting = subject.draft(CHAT, read=False)
            try:
                (choice,) = collect([piece async for piece in drafting])
            except TierError as error:
                assert error.fault == "broken"
                continue
            assert end > finished
            assert (choice.finish, len(choice.thoughts)) == ("tool_calls", 1)
    assert drafting.spent().usage == Usage(input=10, output=5, reasoning=25)
