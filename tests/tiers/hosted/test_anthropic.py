"""Does AnthropicTier say what the upstream said, and fail when the upstream failed?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import SecretStr
from tests.doubles.upstream import (
    Answer,
    Upstream,
    anthropic_block,
    anthropic_end,
    anthropic_start,
    anthropic_stream,
    refused_url,
)

from rungwise.config import AnthropicTierConfig
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.tiers.cards import Card, shipped
from rungwise.tiers.hosted.anthropic import AnthropicTier
from rungwise.types import (
    Chat,
    Choice,
    Done,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)

pytestmark = pytest.mark.anyio

KEY = "sk-ant-very-secret-1234567890"
CHAT = Chat(messages=(Message(role="user", text="12345678"),), stream=True)


def words(*texts: str) -> list[dict[str, Any]]:
    deltas = ({"type": "text_delta", "text": text} for text in texts)
    return anthropic_block(0, {"type": "text", "text": ""}, *deltas)


START = anthropic_start(input_tokens=9, output_tokens=1)
HELLO = anthropic_stream(
    START, {"type": "ping"}, *words("Hel", "lo"), *anthropic_end("end_turn", output_tokens=2)
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


PRICES = {"cache_read": 0.1, "cache_write_5m": 1.25, "cache_write_1h": 2}


def make(url: str, key: str = KEY, card: Card | None = None, **more: Any) -> AnthropicTier:
    settings = {"name": "tier3", "kind": "anthropic", "model": "m", "api_key_env": "K"}
    config = AnthropicTierConfig.model_validate({**settings, "base_url": url, **more})
    return AnthropicTier(config.model_copy(update={"api_key": SecretStr(key)}), card=card)


@asynccontextmanager
async def tier(*answers: Answer, **more: Any) -> AsyncIterator[tuple[AnthropicTier, Upstream]]:
    async with Upstream(*answers) as upstream:
        subject = make(upstream.url, **more)
        await subject.start()
        try:
            yield subject, upstream
        finally:
            await subject.stop()


async def drain(subject: AnthropicTier, chat: Chat = CHAT) -> tuple[list[Piece], Done]:
    drafting = subject.draft(chat, read=True)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


async def answered(*events: dict[str, Any]) -> tuple[Choice, Usage]:
    async with tier(Answer(anthropic_stream(*events))) as (subject, _):
        pieces, done = await drain(subject)
    (choice,) = collect(pieces)
    return choice, done.usage


async def sent(chat: Chat, **more: Any) -> dict[str, Any]:
    async with tier(Answer(HELLO), **more) as (subject, upstream):
        await drain(subject, chat)
    body: dict[str, Any] = upstream.requests[0].body
    return body


async def failure(answer: Answer, **more: Any) -> TierError:
    async with tier(answer, **more) as (subject, _):
        with pytest.raises(TierError) as caught:
            await drain(subject)
    assert KEY not in str(caught.value)
    return caught.value


# ---- what was said ----


async def test_text_finish_usage_and_model() -> None:
    async with tier(Answer(HELLO)) as (subject, upstream):
        pieces, done = await drain(subject)
    assert pieces == [Piece("Hel"), Piece("lo"), Piece(finish="stop")]
    assert done == Done(model="m-2026", billed_as="m-2026", usage=Usage(input=9, output=2))
    assert upstream.requests[0].path == "/v1/messages"
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"  # so 2.12 sends it


async def test_usage_is_gathered_from_both_ends() -> None:
    start = anthropic_start(
        input_tokens=10,
        output_tokens=1,
        cache_read_input_tokens=500,
        cache_creation_input_tokens=30,
        cache_creation={"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
    )
    end = anthropic_end("end_turn", output_tokens=50, output_tokens_details={"thinking_tokens": 40})
    _, usage = await answered(start, *words("x"), *end)
    assert usage == Usage(
        input=10, cache_read=500, cache_write_5m=20, cache_write_1h=10, output=10, reasoning=40
    )


async def test_later_usage_wins() -> None:
    start = anthropic_start(input_tokens=1, output_tokens=1, cache_creation_input_tokens=5)
    told = {"input_tokens": 10, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 6}
    _, usage = await answered(
        start, *words("x"), *anthropic_end("end_turn", output_tokens=3, **told)
    )
    assert usage == Usage(input=10, cache_read=7, cache_write_5m=6, output=3)


async def test_missing_usage_is_estimated() -> None:
    end = anthropic_end("end_turn")
    end[0].pop("usage")
    start = anthropic_start()
    start["message"].pop("usage")
    _, usage = await answered(start, *words("123456789"), *end)
    assert usage == Usage(input=2, output=3, estimated=True)


async def test_of_labels_there_is_only_the_written_word() -> None:
    asked = Chat(messages=CHAT.messages, labels=("Hello", "no"))
    async with tier(Answer(HELLO)) as (subject, upstream):
        pieces = [piece async for piece in subject.draft(asked, read=True, likeliest=5)]
    assert collect(pieces)[0].text == "Hello"
    assert not any(piece.shown or piece.logprobs or piece.likeliest for piece in pieces)
    assert "logprobs" not in str(upstream.requests[0].body)


async def test_tool_calls() -> None:
    def block(index: int, name: str, *parts: str) -> list[dict[str, Any]]:
        deltas = ({"type": "input_json_delta", "partial_json": part} for part in parts)
        use = {"type": "tool_use", "id": f"id-{name}", "name": name, "input": {}}
        return anthropic_block(index, use, *deltas)

    choice, _ = await answered(
        START,
        *words("Let me see."),
        *block(1, "f", "", '{"x"', ": 1}"),
        *block(2, "g", ""),
        *anthropic_end("tool_use", output_tokens=9),
    )
    assert choice == Choice(
        text="Let me see.",
        tool_calls=(
            ToolCall(id="id-f", name="f", arguments='{"x": 1}'),
            ToolCall(id="id-g", name="g", arguments="{}"),
        ),
        finish="tool_calls",
    )


def thinking(index: int, *texts: str, signature: str = "abc") -> list[dict[str, Any]]:
    deltas = [{"type": "thinking_delta", "thinking": text} for text in texts]
    halves = [signature[:1], signature[1:]] if signature else []
    deltas += [{"type": "signature_delta", "signature": half} for half in halves]
    return anthropic_block(index, {"type": "thinking", "thinking": "", "signature": ""}, *deltas)


async def test_thinking_is_reasoning_and_comes_whole_with_its_signature_at_its_end() -> None:
    hidden = anthropic_block(1, {"type": "redacted_thinking", "data": "xyz"})
    said = anthropic_block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "so"})
    events = [START, *thinking(0, "h", "m"), *hidden, *thinking(3), *said]
    async with tier(
        Answer(anthropic_stream(*events, *anthropic_end("end_turn", output_tokens=2)))
    ) as (subject, _):
        pieces, _ = await drain(subject)
    thoughts = (
        Thought(text="hm", seal="abc", model="m"),
        Thought(seal="xyz", withheld=True, model="m"),
        Thought(seal="abc", model="m"),
    )
    assert collect(pieces) == (
        Choice(text="so", reasoning="hm", finish="stop", thoughts=thoughts),
    ), "the name is the one that the rung asks for, which is told again when they go back"
    assert [p.reasoning for p in pieces[:3]] == ["h", "m", ""] and pieces[2].thought is not None


async def test_a_thought_without_a_signature_cannot_go_back() -> None:
    end = anthropic_end("end_turn", output_tokens=2)
    choice, _ = await answered(START, *thinking(0, "hm", signature=""), *end)
    assert choice == Choice(reasoning="hm", finish="stop")


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
    ],
)
async def test_stop_reasons(reason: str, finish: str) -> None:
    choice, _ = await answered(START, *words("x"), *anthropic_end(reason, output_tokens=1))
    assert choice.finish == finish and choice.refusal == ""


@pytest.mark.parametrize(
    ("details", "words_of_it"),
    [
        (None, "The model declined to answer."),
        ({"type": "refusal", "category": "bio", "explanation": "It is unsafe."}, "It is unsafe."),
    ],
)
async def test_a_refusal_is_recognisable(details: Any, words_of_it: str) -> None:
    end = anthropic_end("refusal", details=details, output_tokens=1)
    choice, _ = await answered(START, *end)
    assert choice == Choice(refusal=words_of_it, finish="content_filter")


# ---- what is asked ----


async def test_the_whole_chat_is_carried() -> None:
    chat = Chat(
        messages=(
            Message(role="system", text="s"),
            Message(role="user", text="look", images=(Image(url="data:image/png;base64,AA=="),)),
            Message(role="assistant", text="I call", tool_calls=(_call("1"), _call("2"))),
            Message(role="tool", text="41", tool_call_id="1"),
            Message(role="tool", tool_call_id="2", images=(Image(url="https://x/y.png"),)),
            Message(role="user", text="and?"),
            Message(role="developer", text="d"),
        ),
        sampling=Sampling(max_tokens=7, temperature=1.5, top_p=0.9, stop=("END",), seed=1),
        tools=(Tool(name="f", description="does", parameters={"properties": {}}, strict=True),),
        tool_choice=ToolChoice(mode="named", name="f", parallel=False),
    )
    png = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    url = {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}
    assert await sent(chat) == {
        "model": "m",
        "max_tokens": 7,
        "stream": True,
        "system": "s\n\nd",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "look"}, {"type": "image", "source": png}],
            },
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "I call"}, _use("1"), _use("2")],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "1",
                        "content": [{"type": "text", "text": "41"}],
                    },
                    {"type": "tool_result", "tool_use_id": "2", "content": [url]},
                    {"type": "text", "text": "and?"},
                ],
            },
        ],
        "stop_sequences": ["END"],
        "temperature": 1.0,
        "top_p": 0.9,
        "tools": [
            {
                "name": "f",
                "description": "does",
                "input_schema": {"type": "object", "properties": {}},
                "strict": True,
            }
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    }


def _call(id: str) -> ToolCall:
    return ToolCall(id=id, name="f", arguments='{"a": 1}')


def _use(id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": "f", "input": {"a": 1}}


async def test_defaults() -> None:
    chat = Chat(messages=CHAT.messages, sampling=Sampling(temperature=0.0, top_p=1.0))
    body = await sent(chat, max_tokens=99, sampling=False)
    assert set(body) == {"model", "max_tokens", "messages", "stream"}
    assert body["max_tokens"] == 99
    assert (await sent(chat))["temperature"] == 0.0


CACHED = Chat(
    messages=(Message(role="system", text="x" * 9000), *CHAT.messages),
    sampling=Sampling(temperature=0.5),
)


async def test_section_and_card_say_how_to_cache_and_to_think() -> None:
    hour = await sent(CACHED, effort="low", cache_ttl="1h")
    assert hour["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert hour["thinking"] == {"type": "adaptive"}
    assert hour["output_config"] == {"effort": "low"}
    plain = await sent(CACHED, prompt_cache=False)
    assert plain["system"] == "x" * 9000 and plain["temperature"] == 0.5
    wants_more = shipped()["claude-haiku-4-5"]
    assert wants_more.cache_from == 4096
    body = await sent(CACHED, card=wants_more, effort="medium", max_tokens=9000)
    assert body["system"] == "x" * 9000
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 4500}


def test_the_worst_case_counts_the_longest_cache_that_is_asked_for() -> None:
    def most(**more: Any) -> int:
        subject = make("http://127.0.0.1:1", price={"input": 1, "output": 1, **PRICES}, **more)
        found = subject.most_nano(CACHED)
        assert found is not None
        return found

    assert most() == most(prompt_cache=False) < most(cache_ttl="1h")


@pytest.mark.parametrize(
    ("choice", "shown"),
    [
        (ToolChoice(), {"type": "auto"}),
        (ToolChoice(mode="none", parallel=False), {"type": "none"}),
        (ToolChoice(mode="required"), {"type": "any"}),
        (
            ToolChoice(mode="required", parallel=False),
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
)
async def test_tool_choice(choice: ToolChoice, shown: dict[str, Any]) -> None:
    chat = Chat(messages=CHAT.messages, tools=(Tool(name="f"),), tool_choice=choice)
    body = await sent(chat)
    assert body["tool_choice"] == shown
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]


async def test_a_schema_is_closed_as_the_api_asks() -> None:
    number = {"type": "integer", "minimum": 1}
    schema: dict[str, Any] = {"type": "object", "properties": {"a": number}}
    body = await sent(Chat(messages=CHAT.messages, shape=OutputShape(schema=schema)))
    shown = body["output_config"]["format"]
    assert shown["type"] == "json_schema"
    assert shown["schema"]["additionalProperties"] is False
    assert shown["schema"]["properties"]["a"]["type"] == "integer"
    assert "minimum" in shown["schema"]["properties"]["a"]["description"]


@pytest.mark.parametrize(
    "schema",
    [{"type": "object", "additionalProperties": {"type": "integer"}}, {"description": "untyped"}],
)
async def test_a_schema_that_cannot_be_closed_goes_as_it_is(schema: dict[str, Any]) -> None:
    body = await sent(Chat(messages=CHAT.messages, shape=OutputShape(schema=schema)))
    assert body["output_config"]["format"]["schema"] == schema


async def test_any_json_object_is_asked_for_in_words() -> None:
    body = await sent(Chat(messages=CHAT.messages, shape=OutputShape()))
    assert "JSON object" in body["system"] and "output_config" not in body


async def test_broken_arguments_in_the_history_still_climb() -> None:
    call = ToolCall(id="1", name="f", arguments='{"a": ')
    chat = Chat(messages=(*CHAT.messages, Message(role="assistant", tool_calls=(call,))))
    block = (await sent(chat))["messages"][1]["content"][0]
    assert block["input"] == {"unparsed_arguments": '{"a": '}


@pytest.mark.parametrize(
    "chat",
    [
        Chat(messages=CHAT.messages, sampling=Sampling(n=2)),
        Chat(messages=(Message(role="user", images=(Image(url="data:image/png,AA"),)),)),
        Chat(messages=(Message(role="user", text="\ud800"),)),
    ],
    ids=["n", "data URL", "surrogate"],
)
async def test_what_cannot_be_said_is_rejected_here(chat: Chat) -> None:
    async with tier(Answer(HELLO)) as (subject, upstream):
        with pytest.raises(TierError, match="rejected"):
            await drain(subject, chat)
    assert upstream.requests == []


# ---- what went wrong ----


@pytest.mark.parametrize(
    ("status", "message", "fault"),
    [
        (400, "no", "rejected"),
        (400, "prompt is too long: 9 tokens > 8 maximum", "too_long"),
        (401, "invalid x-api-key", "unauthorised"),
        (403, "no", "unauthorised"),
        (404, "model: m", "rejected"),
        (413, "no", "rejected"),
        (429, "no", "rate_limited"),
        (500, "no", "broken"),
        (503, "no", "overloaded"),
        (529, "Overloaded", "overloaded"),
    ],
)
async def test_a_status_keeps_its_kind_and_the_upstream_its_words(
    status: int, message: str, fault: str
) -> None:
    said = {"type": "error", "error": {"type": "x_error", "message": f"{message} {KEY}"}}
    body = json.dumps(said).encode()
    answer = Answer(body, status, "application/json", {"retry-after": "3"})
    async with tier(answer) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        with pytest.raises(TierError) as caught:
            await anext(drafting)
    error = caught.value
    assert (error.fault, error.tier, error.retry_after_s) == (fault, "tier3", 3)
    assert f"{message} ***" in error.message
    assert len(upstream.requests) == 1
    assert drafting.spent().usage == Usage()


GOOD = anthropic_stream(START, *words("Hi")[:2])
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
BROKEN = {
    "no message_stop": Answer(HELLO[: HELLO.index(b"event: message_stop")]),
    "no stop reason": Answer(GOOD + anthropic_stream({"type": "message_stop"})),
    "cut": Answer(GOOD, then="cut"),
    "reset": Answer(GOOD, then="reset"),
    "empty": Answer(b""),
    "not a stream": Answer(HELLO, type="application/json"),
    "not JSON": Answer(GOOD + b"event: message_delta\ndata: {oops\n\n"),
    "not UTF-8": Answer(GOOD + b"event: message_delta\ndata: \xff\n\n"),
    "another shape": Answer(GOOD + anthropic_stream({"type": "content_block_delta", "delta": 5})),
    "no such call": Answer(
        GOOD
        + anthropic_stream(
            {
                "type": "content_block_delta",
                "index": 7,
                "delta": {"type": "input_json_delta", "partial_json": "{"},
            }
        )
    ),
    "unknown stop reason": Answer(GOOD + anthropic_stream(*anthropic_end("pause_turn"))),
    "error event": Answer(GOOD + anthropic_stream(OVERLOADED)),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_half_an_answer_is_a_failure(answer: Answer) -> None:
    assert (await failure(answer)).fault == "broken"


async def test_an_error_event_keeps_its_words() -> None:
    assert "overloaded_error: Overloaded" in (await failure(BROKEN["error event"])).message


async def test_nobody_there() -> None:
    subject = make(refused_url())
    await subject.start()
    with pytest.raises(TierError, match="unavailable"):
        await drain(subject)
    await subject.stop()


@pytest.mark.parametrize(
    "answer", [Answer(silent=True), Answer(GOOD, then="hang")], ids=["no answer", "half an answer"]
)
async def test_the_deadline_is_for_the_whole_draft(answer: Answer) -> None:
    async with tier(answer, deadline_s=1.0) as (subject, upstream):
        with pytest.raises(TierError, match="timeout"):
            await drain(subject)
        await asyncio.wait_for(upstream.gone.wait(), 10)


async def test_every_cut_is_noticed() -> None:
    whole = anthropic_stream(START, *words("Hi"), *anthropic_end("end_turn", output_tokens=2))
    stopped = whole.rindex(b"message_stop")
    async with Upstream() as upstream:
        subject = make(upstream.url)
        await subject.start()
        for end in range(len(whole) + 1):
            upstream.answers = [Answer(whole[:end], framing="close")]
            try:
                pieces, done = await drain(subject)
            except TierError as error:
                assert error.fault == "broken"
                continue
            assert end > stopped
            assert pieces == [Piece("Hi"), Piece(finish="stop")]
            assert done.usage == Usage(input=9, output=2)
        await subject.stop()
    assert end == len(whole) and done.usage.output == 2


# ---- closing early ----


async def test_closing_early_closes_the_stream_and_estimates() -> None:
    async with tier(Answer(GOOD, then="hang")) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        assert await anext(drafting) == Piece("Hi")
        await drafting.aclose()
        await asyncio.wait_for(upstream.gone.wait(), 10)
    usage = Usage(input=9, output=1, estimated=True)
    assert drafting.spent() == Done(model="m-2026", billed_as="m-2026", usage=usage)


async def test_life() -> None:
    async with Upstream(Answer(HELLO)) as upstream:
        subject = make(upstream.url, price={"input": 1, "output": 10})
        assert (subject.name, subject.model, subject.local) == ("tier3", "m", False)
        assert "not started" in str(await subject.health())
        for _ in range(2):
            await subject.start()
            assert await subject.health() is None
            _, done = await drain(subject)
            assert subject.cost_nano(done) == 9 * 1000 + 2 * 10_000
            await subject.stop()
