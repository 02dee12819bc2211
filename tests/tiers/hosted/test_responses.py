"""Does ResponsesTier say what the upstream said, and fail when the upstream failed?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import SecretStr, TypeAdapter
from tests.doubles.upstream import Answer, Upstream, refused_url

from rungwise.config import ResponsesTierConfig
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.tiers.hosted.responses import ResponsesTier
from rungwise.types import (
    Chat,
    Choice,
    Done,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
    Thinking,
    Thought,
    TokenAlternative,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolChoice,
    Usage,
)

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret-1234567890"
CHAT = Chat(messages=(Message(role="user", text="12345678"),), stream=True)
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 30},
    "total_tokens": 150,
}
KNOWN: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
COUNTED = Usage(input=30, cache_read=60, cache_write_5m=10, output=20, reasoning=30)


# ---- the upstream's words, as the official SDK's types have them ----


def stream(*events: dict[str, Any]) -> bytes:
    lines = []
    for number, event in enumerate(events):
        told = {"sequence_number": number, **event}
        KNOWN.validate_python(told)
        lines.append(f"event: {told['type']}\ndata: {json.dumps(told)}\n\n")
    return "".join(lines).encode()


def response(status: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "m-2026",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
        **more,
    }


CREATED = {"type": "response.created", "response": response("in_progress")}


def ended(status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": f"response.{status}", "response": response(status, **{"usage": USAGE, **more})}


def item(kind: str, place: int, **more: Any) -> dict[str, Any]:
    return {"type": f"response.output_item.{kind}", "output_index": place, "item": more}


def text(*parts: str, place: int = 0, logprobs: Any = ()) -> list[dict[str, Any]]:
    where = {"item_id": "msg_1", "output_index": place, "content_index": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress"}
    delta = {"type": "response.output_text.delta", **where, "logprobs": list(logprobs)}
    whole = {"type": "output_text", "text": "".join(parts), "annotations": []}
    done = {"type": "response.output_text.done", **where, "logprobs": [], "text": whole["text"]}
    content = {"type": "response.content_part.added", **where, "part": {**whole, "text": ""}}
    return [
        item("added", place, **message, content=[]),
        content,
        *({**delta, "delta": part} for part in parts),
        done,
        item("done", place, **{**message, "status": "completed"}, content=[whole]),
    ]


def call(place: int, name: str, *parts: str, whole: str | None = None) -> list[dict[str, Any]]:
    made = {"type": "function_call", "id": f"fc_{place}", "call_id": f"call_{place}", "name": name}
    where = {"item_id": made["id"], "output_index": place}
    arguments = "".join(parts) if whole is None else whole
    delta = {"type": "response.function_call_arguments.delta", **where}
    done = {"type": "response.function_call_arguments.done", **where, "name": name}
    return [
        item("added", place, **made, arguments="", status="in_progress"),
        *({**delta, "delta": part} for part in parts),
        {**done, "arguments": arguments},
        item("done", place, **made, arguments=arguments, status="completed"),
    ]


def reasoning(place: int, *summaries: str, seal: str | None = "sealed") -> list[dict[str, Any]]:
    thought = {"type": "reasoning", "id": "rs_1"}
    where = {"item_id": "rs_1", "output_index": place}
    events = [item("added", place, **thought, summary=[])]
    for i, summary in enumerate(summaries):
        at = {**where, "summary_index": i}
        part = {"type": "summary_text", "text": ""}
        events.append({"type": "response.reasoning_summary_part.added", **at, "part": part})
        events.append({"type": "response.reasoning_summary_text.delta", **at, "delta": summary})
    told = [{"type": "summary_text", "text": summary} for summary in summaries]
    return [*events, item("done", place, **thought, summary=told, encrypted_content=seal)]


HELLO = stream(CREATED, *text("Hel", "lo"), ended())


# ---- the tier ----


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def make(url: str, key: str = KEY, **more: Any) -> ResponsesTier:
    settings = {"name": "tier3", "kind": "responses", "model": "m", "api_key_env": "K"}
    config = ResponsesTierConfig.model_validate({**settings, "base_url": f"{url}/v1", **more})
    return ResponsesTier(config.model_copy(update={"api_key": SecretStr(key)}))


@asynccontextmanager
async def tier(*answers: Answer, **more: Any) -> AsyncIterator[tuple[ResponsesTier, Upstream]]:
    async with Upstream(*answers) as upstream:
        subject = make(upstream.url, **more)
        await subject.start()
        try:
            yield subject, upstream
        finally:
            await subject.stop()


async def drain(subject: ResponsesTier, chat: Chat = CHAT) -> tuple[list[Piece], Done]:
    drafting = subject.draft(chat, read=True)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


async def answered(*events: dict[str, Any]) -> tuple[Choice, Usage]:
    async with tier(Answer(stream(CREATED, *events))) as (subject, _):
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
    assert done == Done(model="m-2026", billed_as="m-2026", usage=COUNTED)
    assert upstream.requests[0].path == "/v1/responses"
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_official_sdk_reads_the_same_stream() -> None:
    async with (
        Upstream(Answer(HELLO)) as upstream,
        openai.AsyncOpenAI(api_key=KEY, base_url=f"{upstream.url}/v1") as sdk,
    ):
        events = [e async for e in await sdk.responses.create(model="m", input="x", stream=True)]
    assert events[-1].type == "response.completed" and len(events) == 8


async def test_missing_usage_is_estimated() -> None:
    _, usage = await answered(*text("123456789"), ended(usage=None))
    assert usage == Usage(input=2, output=3, estimated=True)


async def test_tool_calls() -> None:
    choice, _ = await answered(
        *text("Let me see."),
        *call(1, "f", '{"x"', ": 1}"),
        *call(2, "g"),
        *call(3, "h", whole='{"y": 2}'),
        ended(),
    )
    assert choice == Choice(
        text="Let me see.",
        tool_calls=(
            ToolCall(id="call_1", name="f", arguments='{"x": 1}'),
            ToolCall(id="call_2", name="g", arguments="{}"),
            ToolCall(id="call_3", name="h", arguments='{"y": 2}'),
        ),
        finish="tool_calls",
    )


async def test_reasoning_comes_as_its_summary_and_a_thought_that_can_go_back() -> None:
    choice, _ = await answered(*reasoning(0, "first", "then"), *text("so", place=1), ended())
    assert (choice.reasoning, choice.text) == ("first\n\nthen", "so")
    assert choice.thoughts == (Thought(text="first\n\nthen", seal="sealed", model="m"),)


async def test_reasoning_without_a_summary_is_withheld() -> None:
    choice, _ = await answered(*reasoning(0), *reasoning(1, seal=None), *text("so"), ended())
    assert choice.thoughts == (Thought(seal="sealed", withheld=True, model="m"),)


async def test_a_refusal() -> None:
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    delta = {"type": "response.refusal.delta", **where, "delta": "I cannot"}
    choice, _ = await answered(delta, ended())
    assert choice == Choice(refusal="I cannot", finish="stop") and choice.declined


@pytest.mark.parametrize(
    ("reason", "finish"), [("max_output_tokens", "length"), ("content_filter", "content_filter")]
)
async def test_an_incomplete_answer_says_why(reason: str, finish: str) -> None:
    end = ended("incomplete", incomplete_details={"reason": reason})
    choice, usage = await answered(*text("x"), end)
    assert (choice.text, choice.finish, usage) == ("x", finish, COUNTED)


async def test_events_that_nobody_knows_are_passed_over() -> None:
    new = b'event: response.new\ndata: {"type":"response.new","sequence_number":1}\n\n'
    async with tier(Answer(new + HELLO)) as (subject, _):
        assert collect((await drain(subject))[0])[0].text == "Hello"


async def test_the_caller_is_shown_the_log_probabilities_it_asked_for() -> None:
    other = {"token": "b", "logprob": -1.5}
    told = [{"token": "a", "logprob": -0.5, "top_logprobs": [other, other]}]
    asked = Chat(messages=CHAT.messages, sampling=Sampling(top_logprobs=1))
    answer = Answer(stream(CREATED, *text("a", logprobs=told), ended()))
    async with tier(answer) as (subject, upstream):
        pieces, _ = await drain(subject, asked)
        unasked, _ = await drain(subject)
    alternatives = (TokenAlternative(text="b", logprob=-1.5),)
    assert pieces[0].shown == (TokenLogprob(text="a", logprob=-0.5, alternatives=alternatives),)
    assert pieces[0].logprobs == (-0.5,)
    assert upstream.requests[0].body["top_logprobs"] == 1
    assert "message.output_text.logprobs" in upstream.requests[0].body["include"]
    assert unasked[0].shown == () and "top_logprobs" not in upstream.requests[1].body


# ---- what is asked ----


async def test_the_whole_chat_is_carried() -> None:
    made = ToolCall(id="1", name="f", arguments='{"a": 1}')
    other = ToolCall(id="2", name="f", arguments="{}")
    png = Image(url="data:image/png;base64,AA", at=4)
    thoughts = (
        Thought(text="hm", seal="s1", model="m"),
        Thought(seal="s2", withheld=True, model="m"),
        Thought(text="foreign", seal="s3", model="other"),
        Thought(text="unsealed", model="m"),
    )
    chat = Chat(
        messages=(
            Message(role="system", text="s"),
            Message(role="developer", text="d"),
            Message(role="user", text="look\nhere", images=(png,), name="u"),
            Message(role="assistant", text="I call", tool_calls=(made, other), thoughts=thoughts),
            Message(role="tool", text="42", tool_call_id="1", failed=True),
            Message(role="tool", tool_call_id="2", images=(Image(url="https://x/y.png"),)),
            Message(role="developer", text="late"),
            Message(role="user", text="and?"),
        ),
        sampling=Sampling(max_tokens=70, temperature=0.5, top_p=0.9, seed=1, presence_penalty=1.0),
        tools=(
            Tool(name="f", description="does", parameters={"type": "object"}, strict=True),
            Tool(name="g"),
        ),
        tool_choice=ToolChoice(mode="named", name="f", parallel=False),
        shape=OutputShape(name="o", schema={"type": "object"}, strict=True),
        thinking=Thinking(effort="high"),
        conversation="c",
    )
    body = await sent(chat)
    cached_as = body.pop("prompt_cache_key")
    assert len(cached_as) == 32
    assert body == {
        "model": "m",
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {
                "type": "function",
                "name": "f",
                "description": "does",
                "parameters": {"type": "object"},
                "strict": True,
            },
            {
                "type": "function",
                "name": "g",
                "parameters": {"type": "object", "properties": {}},
                "strict": False,
            },
        ],
        "tool_choice": {"type": "function", "name": "f"},
        "parallel_tool_calls": False,
        "instructions": "s\n\nd",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "look"},
                    {
                        "type": "input_image",
                        "image_url": "data:image/png;base64,AA",
                        "detail": "auto",
                    },
                    {"type": "input_text", "text": "here"},
                ],
            },
            {
                "type": "reasoning",
                "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "s1",
            },
            {"type": "reasoning", "summary": [], "encrypted_content": "s2"},
            {"role": "assistant", "content": "I call"},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a": 1}'},
            {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "1", "output": "42"},
            {
                "type": "function_call_output",
                "call_id": "2",
                "output": [
                    {"type": "input_image", "image_url": "https://x/y.png", "detail": "auto"}
                ],
            },
            {"role": "developer", "content": "late"},
            {"role": "user", "content": "and?"},
        ],
        "text": {
            "format": {
                "type": "json_schema",
                "name": "o",
                "schema": {"type": "object"},
                "strict": True,
            }
        },
        "max_output_tokens": 70,
        "temperature": 0.5,
        "top_p": 0.9,
        "reasoning": {"effort": "high"},
    }


async def test_what_was_not_asked_for_is_not_sent() -> None:
    chat = Chat(messages=CHAT.messages, shape=OutputShape())
    body = await sent(chat, prompt_cache=False)
    assert set(body) == {"model", "stream", "store", "include", "input", "text"}
    assert body["text"] == {"format": {"type": "json_object"}}


async def test_the_owners_limit_and_effort_hold_where_the_caller_does_not_say() -> None:
    owned = {"max_tokens": 99, "effort": "low"}
    body = await sent(CHAT, **owned)
    assert (body["max_output_tokens"], body["reasoning"]) == (99, {"effort": "low"})
    asked = Chat(
        messages=CHAT.messages, sampling=Sampling(max_tokens=4), thinking=Thinking(tokens=9000)
    )
    body = await sent(asked, **owned)
    assert body["max_output_tokens"] == 16, "the API takes no less"
    assert body["reasoning"] == {"effort": "medium"}


async def test_the_cache_is_named_unless_the_owner_does_not_want_it() -> None:
    assert "prompt_cache_key" in await sent(CHAT)
    assert "prompt_cache_key" not in await sent(CHAT, prompt_cache=False)


@pytest.mark.parametrize("sampling", [Sampling(n=2), Sampling(stop=("END",))], ids=["n", "stop"])
async def test_what_would_change_the_answer_and_cannot_be_said_is_rejected(
    sampling: Sampling,
) -> None:
    async with tier(Answer(HELLO)) as (subject, upstream):
        with pytest.raises(TierError, match="rejected"):
            await drain(subject, Chat(messages=CHAT.messages, sampling=sampling))
    assert upstream.requests == []


# ---- what went wrong ----


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("rate_limit_exceeded", "rate_limited"),
        ("server_is_overloaded", "overloaded"),
        ("server_error", "broken"),
        ("never_heard_of", "broken"),
        ("context_length_exceeded", "too_long"),
        ("invalid_prompt", "rejected"),
        ("image_too_large", "rejected"),
    ],
)
async def test_a_failed_response_keeps_its_kind_and_its_words(code: str, fault: str) -> None:
    said = {"code": code, "message": f"no {KEY}\ngood"}
    event = {"type": "error", "sequence_number": 2, **said}
    ended_badly = {"type": "response.failed", "response": response("failed", error=said)}
    for told in (event, ended_badly):
        line = f"data: {json.dumps(told)}\n\n".encode()
        error = await failure(Answer(stream(CREATED, *text("x")) + line))
        assert (error.fault, error.tier) == (fault, "tier3")
        assert f"{code}: no *** good" in error.message


async def test_what_a_failed_response_used_is_counted() -> None:
    error = {"code": "server_error", "message": "no"}
    body = stream(CREATED, *text("x"), ended("failed", error=error))
    async with tier(Answer(body)) as (subject, _):
        drafting = subject.draft(CHAT, read=False)
        with pytest.raises(TierError, match="broken"):
            async for _ in drafting:
                pass
    assert drafting.spent().usage == COUNTED


GOOD = stream(CREATED, *text("Hi")[:3])
BROKEN = {
    "no end": Answer(GOOD),
    "cut": Answer(GOOD, then="cut"),
    "reset": Answer(GOOD, then="reset"),
    "empty": Answer(b""),
    "not a stream": Answer(HELLO, type="application/json"),
    "not JSON": Answer(GOOD + b"data: {oops\n\n"),
    "no such call": Answer(
        GOOD
        + b'data: {"type":"response.function_call_arguments.delta",'
        + b'"output_index":7,"delta":"{"}\n\n'
    ),
    "another shape": Answer(GOOD + b'data: {"type":"response.output_item.done","item":5}\n\n'),
    "unknown reason": Answer(
        stream(CREATED, ended("incomplete", incomplete_details={"reason": "steered"}))
    ),
    "failed without a word": Answer(
        b'data: {"type":"response.failed","response":{"model":"m","error":null}}\n\n'
    ),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_half_an_answer_is_a_failure(answer: Answer) -> None:
    assert (await failure(answer)).fault == "broken"


@pytest.mark.parametrize(
    ("status", "fault"), [(400, "rejected"), (401, "unauthorised"), (429, "rate_limited")]
)
async def test_a_status_keeps_its_kind(status: int, fault: str) -> None:
    body = json.dumps({"error": {"message": f"no {KEY}", "code": None}}).encode()
    error = await failure(Answer(body, status, "application/json", {"retry-after": "3"}))
    assert (error.fault, error.retry_after_s) == (fault, 3) and "no ***" in error.message


async def test_nobody_there() -> None:
    subject = make(refused_url())
    await subject.start()
    with pytest.raises(TierError, match="unavailable"):
        await drain(subject)
    await subject.stop()


async def test_every_cut_is_noticed() -> None:
    whole = stream(CREATED, *reasoning(0, "hm"), *text("Hi", place=1), *call(2, "f", "{}"), ended())
    begun = whole.rindex(b"response.completed")
    finished = 0
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
            assert end > begun
            assert pieces[-1] == Piece(finish="tool_calls") and done.usage == COUNTED
            finished += 1
        await subject.stop()
    assert 1 <= finished <= 2, "only the whole answer counts, with or without its last line feed"


async def test_closing_early_closes_the_stream_and_estimates() -> None:
    async with tier(Answer(GOOD, then="hang")) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        assert await anext(drafting) == Piece("Hi")
        await drafting.aclose()
        await asyncio.wait_for(upstream.gone.wait(), 10)
    usage = Usage(input=2, output=1, estimated=True)
    assert drafting.spent() == Done(model="m-2026", billed_as="m-2026", usage=usage)


async def test_life() -> None:
    async with Upstream(Answer(HELLO)) as upstream:
        subject = make(upstream.url)
        assert (subject.name, subject.model, subject.local) == ("tier3", "m", False)
        for _ in range(2):
            await subject.start()
            assert await subject.health() is None
            await drain(subject)
            await subject.stop()


def test_the_worst_case_counts_the_least_limit_of_the_api() -> None:
    subject = make("http://127.0.0.1:1", price={"input": 1, "output": 10})
    few, least, none = (
        subject.most_nano(Chat(messages=CHAT.messages, sampling=Sampling(max_tokens=tokens)))
        for tokens in (4, 16, None)
    )
    assert few == least and few is not None and none is None
