"""Does OpenAITier say what the upstream said, and fail when the upstream failed?"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import SecretStr
from tests.doubles.upstream import Answer, Upstream, openai_delta, openai_stream, refused_url

from rungwise.config import GuardsConfig, OpenAITierConfig
from rungwise.drafts import collect
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.guards.retrying import Retrying
from rungwise.tiers.hosted.openai import OpenAITier
from rungwise.types import (
    Chat,
    Done,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
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
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
HELLO = openai_stream(
    openai_delta("", role="assistant"),
    openai_delta("Hel"),
    openai_delta("lo"),
    openai_delta(finish="stop"),
    {"usage": USAGE},
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def make(url: str, key: str = KEY, **more: Any) -> OpenAITier:
    settings = {"name": "tier2", "kind": "openai", "model": "m", "api_key_env": "K"}
    config = OpenAITierConfig.model_validate({**settings, "base_url": f"{url}/v1", **more})
    return OpenAITier(config.model_copy(update={"api_key": SecretStr(key)}))


@asynccontextmanager
async def tier(*answers: Answer, **more: Any) -> AsyncIterator[tuple[OpenAITier, Upstream]]:
    async with Upstream(*answers) as upstream:
        subject = make(upstream.url, **more)
        await subject.start()
        try:
            yield subject, upstream
        finally:
            await subject.stop()


async def drain(
    subject: OpenAITier, chat: Chat = CHAT, *, read: bool = False
) -> tuple[list[Piece], Done]:
    drafting = subject.draft(chat, read=read)
    pieces = [piece async for piece in drafting]
    return pieces, drafting.spent()


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
    assert done == Done(model="m-2026", usage=Usage(input=9, output=2), billed_as="m-2026")
    assert upstream.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert upstream.requests[0].body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("told", "kept"),
    [("fp_1", "fp_1"), (None, None), ("", None), (1, None), ({}, None), ("f" * 5000, "f" * 200)],
)
async def test_what_serves_the_model_is_kept_as_it_is_told(told: object, kept: str | None) -> None:
    event = {"system_fingerprint": told, **openai_delta("Hi", finish="stop")}
    last = {"system_fingerprint": "", "usage": USAGE}
    async with tier(Answer(openai_stream(event, last))) as (subject, _):
        _, done = await drain(subject)
    assert done.fingerprint == kept


async def test_usage_parts_do_not_overlap() -> None:
    told = {
        **USAGE,
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    body = openai_stream(openai_delta("x", finish="stop"), {"usage": told})
    async with tier(Answer(body)) as (subject, _):
        _, done = await drain(subject)
    assert done.usage == Usage(input=30, cache_read=60, cache_write_5m=10, output=20, reasoning=30)


async def test_tool_calls_name_themselves_once() -> None:
    def part(index: int, arguments: str, **more: Any) -> dict[str, Any]:
        function = {
            "arguments": arguments,
            **({"name": more.pop("name")} if "name" in more else {}),
        }
        return openai_delta(tool_calls=[{"index": index, "function": function, **more}])

    body = openai_stream(
        part(0, "", id="a", name="f"),
        part(0, '{"x":', id="a", name="f"),
        part(0, "1}"),
        part(1, "{}", id="b", name="g"),
        openai_delta(finish="tool_calls"),
    )
    async with tier(Answer(body)) as (subject, _):
        pieces, _ = await drain(subject)
    (choice,) = collect(pieces)
    assert choice.tool_calls == (
        ToolCall(id="a", name="f", arguments='{"x":1}'),
        ToolCall(id="b", name="g", arguments="{}"),
    )
    assert choice.finish == "tool_calls"


async def test_refusal_and_reasoning() -> None:
    body = openai_stream(
        openai_delta(reasoning_content="hm"),
        openai_delta(refusal="I cannot"),
        openai_delta(finish="content_filter"),
    )
    async with tier(Answer(body)) as (subject, _):
        (choice,) = collect((await drain(subject))[0])
    assert (choice.reasoning, choice.refusal, choice.finish) == ("hm", "I cannot", "content_filter")


async def test_several_choices_end_only_when_all_have_ended() -> None:
    chat = Chat(messages=CHAT.messages, sampling=Sampling(n=2))
    one = openai_delta("b", index=1, finish="length")
    two = openai_delta("a", finish="stop")
    async with tier(Answer(openai_stream(one, two)), Answer(openai_stream(one))) as (subject, up):
        choices = collect((await drain(subject, chat))[0])
        with pytest.raises(TierError, match="broken"):
            await drain(subject, chat)
    assert [(c.text, c.finish) for c in choices] == [("a", "stop"), ("b", "length")]
    assert up.requests[0].body["n"] == 2


# ---- log-probabilities ----

TOKENS = (
    '{"content":[{"token":"a","logprob":-0.5,"top_logprobs":[{"token":"b","logprob":-1.5}]},'
    '{"token":"c","logprob":-9999.0,"top_logprobs":[]},{"token":"d","logprob":NaN},'
    '{"token":"e","logprob":-Infinity},{"token":"f","logprob":null}]}'
)


def with_logprobs() -> bytes:
    body = openai_stream(openai_delta("acdef", logprobs="TOKENS", finish="stop"))
    return body.replace(b'"TOKENS"', TOKENS.encode())


async def test_a_number_that_is_no_log_probability_is_no_reading() -> None:
    async with tier(Answer(with_logprobs()), logprobs=True) as (subject, upstream):
        pieces, _ = await drain(subject, read=True)
    # out of reach is the least likely of all; only what is no number at all is no reading
    assert pieces[0].logprobs == (-0.5, -9999.0, None, -9999.0, None)
    assert pieces[0].shown == ()
    assert upstream.requests[0].body["logprobs"] is True
    assert "top_logprobs" not in upstream.requests[0].body


async def test_the_caller_is_shown_what_was_asked_for() -> None:
    chat = Chat(messages=CHAT.messages, sampling=Sampling(top_logprobs=1))
    async with tier(Answer(with_logprobs())) as (subject, upstream):
        pieces, _ = await drain(subject, chat)
    alternatives = (TokenAlternative(text="b", logprob=-1.5),)
    assert pieces[0].shown[0] == TokenLogprob(text="a", logprob=-0.5, alternatives=alternatives)
    assert [token.logprob for token in pieces[0].shown[1:]] == [-9999.0] * 4
    assert upstream.requests[0].body["top_logprobs"] == 1


RIVALS = (
    '{"content":[{"token":"a","logprob":-0.5,"top_logprobs":[{"token":"b","logprob":-1.5},'
    '{"token":"a","logprob":-0.5},{"token":"c","logprob":-3.0}]},'
    '{"token":"d","logprob":-0.1,"top_logprobs":[{"token":"d","logprob":-0.1},'
    '{"token":"e","logprob":-9999.0},{"token":"f","logprob":NaN}]},'
    '{"token":"g","logprob":-0.2,"top_logprobs":null}]}'
)


def with_rivals() -> bytes:
    body = openai_stream(openai_delta("adg", logprobs="RIVALS", finish="stop"))
    return body.replace(b'"RIVALS"', RIVALS.encode())


async def test_the_likeliest_come_beside_each_token_highest_first() -> None:
    async with tier(Answer(with_rivals()), logprobs=True) as (subject, upstream):
        (piece,) = [p async for p in subject.draft(CHAT, read=True, likeliest=2)]
    assert piece.logprobs == (-0.5, -0.1, -0.2)
    assert piece.likeliest == ((-0.5, -1.5), (-0.1,), ()), "what is out of reach is no rival"
    assert piece.shown == ()
    assert upstream.requests[0].body["top_logprobs"] == 2


async def test_the_likeliest_are_asked_for_only_where_somebody_reads_them() -> None:
    async with tier(Answer(with_rivals()), logprobs=True) as (subject, upstream):
        (piece,) = [p async for p in subject.draft(CHAT, read=False, likeliest=2)]
    assert piece.likeliest == () and "logprobs" not in upstream.requests[0].body
    async with tier(Answer(with_rivals())) as (subject, upstream):
        (piece,) = [p async for p in subject.draft(CHAT, read=True, likeliest=2)]
    assert piece.likeliest == () and "logprobs" not in upstream.requests[0].body


async def test_the_gates_alternatives_are_not_the_callers() -> None:
    chat = Chat(messages=CHAT.messages, sampling=Sampling(top_logprobs=1))
    async with tier(Answer(with_rivals()), logprobs=True) as (subject, upstream):
        (piece,) = [p async for p in subject.draft(chat, read=True, likeliest=30)]
    assert [len(token.alternatives) for token in piece.shown] == [1, 1, 0]
    assert [len(values) for values in piece.likeliest] == [3, 1, 0]
    assert upstream.requests[0].body["top_logprobs"] == 20, "the API gives no more"


async def test_labels_are_read_where_the_model_gives_log_probabilities() -> None:
    asked = Chat(messages=CHAT.messages, sampling=Sampling(top_logprobs=5), labels=("a", "b"))
    async with tier(Answer(with_rivals()), logprobs=True) as (subject, upstream):
        pieces, _ = await drain(subject, asked)
    assert [other.text for other in pieces[0].shown[0].alternatives] == ["b", "a", "c"]
    body = upstream.requests[0].body
    assert (body["logprobs"], body["top_logprobs"]) == (True, 20)
    async with tier(Answer(HELLO)) as (subject, upstream):
        pieces, _ = await drain(subject, asked)
    assert not any(piece.shown for piece in pieces)
    assert "logprobs" not in upstream.requests[0].body, "it would be refused"


@pytest.mark.parametrize(("read", "logprobs"), [(True, False), (False, True)])
async def test_log_probabilities_are_not_asked_for_in_vain(read: bool, logprobs: bool) -> None:
    async with tier(Answer(HELLO), logprobs=logprobs) as (subject, upstream):
        await drain(subject, read=read)
    assert "logprobs" not in upstream.requests[0].body


# ---- what is asked ----


async def test_the_whole_chat_is_carried() -> None:
    chat = Chat(
        messages=(
            Message(role="system", text="s"),
            Message(role="developer", text="d"),
            Message(
                role="user", text="look", images=(Image(url="data:image/png;base64,AA"),), name="u"
            ),
            Message(role="assistant", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),)),
            Message(role="tool", text="42", tool_call_id="1"),
        ),
        sampling=Sampling(
            max_tokens=7,
            temperature=0.5,
            top_p=0.9,
            stop=("\n",),
            seed=3,
            presence_penalty=0.1,
            frequency_penalty=0.2,
        ),
        tools=(Tool(name="f", description="does", parameters={"type": "object"}, strict=True),),
        tool_choice=ToolChoice(mode="named", name="f", parallel=False),
        shape=OutputShape(name="o", schema={"type": "object"}, strict=True),
    )
    async with tier(Answer(HELLO)) as (subject, upstream):
        await drain(subject, chat)
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    function = {
        "name": "f",
        "description": "does",
        "parameters": {"type": "object"},
        "strict": True,
    }
    schema = {"name": "o", "schema": {"type": "object"}, "strict": True}
    assert upstream.requests[0].body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "developer", "content": "d"},
            {"role": "user", "content": [{"type": "text", "text": "look"}, image], "name": "u"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "content": "42", "tool_call_id": "1"},
        ],
        "max_completion_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["\n"],
        "seed": 3,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": schema},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_what_was_not_asked_for_is_not_sent() -> None:
    async with tier(Answer(HELLO)) as (subject, upstream):
        await drain(subject, Chat(messages=CHAT.messages, shape=OutputShape()))
    body = upstream.requests[0].body
    assert set(body) == {"model", "messages", "stream", "stream_options", "response_format"}
    assert body["response_format"] == {"type": "json_object"}


# ---- what went wrong ----


@pytest.mark.parametrize(
    ("status", "code", "fault"),
    [
        (400, None, "rejected"),
        (400, "context_length_exceeded", "too_long"),
        (401, "invalid_api_key", "unauthorised"),
        (403, None, "unauthorised"),
        (404, None, "rejected"),
        (413, None, "rejected"),
        (422, None, "rejected"),
        (429, None, "rate_limited"),
        (500, None, "broken"),
        (503, None, "overloaded"),
        (529, None, "overloaded"),
    ],
)
async def test_a_status_keeps_its_kind_and_the_upstream_its_words(
    status: int, code: str | None, fault: str
) -> None:
    said = {"error": {"message": f"no {KEY} good " + "x" * 400, "type": "t", "code": code}}
    body = json.dumps(said).encode()
    async with tier(Answer(body, status, "application/json")) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        with pytest.raises(TierError) as caught:
            await anext(drafting)
    error = caught.value
    assert (error.fault, error.tier, error.retry_after_s) == (fault, "tier2", None)
    assert "no *** good" in error.message and len(error.message) == 300
    assert len(upstream.requests) == 1  # retries are not the SDK's
    assert drafting.spent().usage == Usage()


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [("7", 7, 7), ("1.5", 1.5, 1.5), (formatdate(time.time() + 9000, usegmt=True), 1, 9000)],
)
async def test_retry_after_is_kept(said: str, low: float, high: float) -> None:
    error = await failure(Answer(b"{}", 429, "application/json", {"retry-after": said}))
    assert error.retry_after_s is not None and low <= error.retry_after_s <= high


@pytest.mark.parametrize("said", ["soon", "nan", "inf", ""])
async def test_a_senseless_retry_after_is_none(said: str) -> None:
    error = await failure(Answer(b"", 429, "text/plain", {"retry-after": said}))
    assert (error.fault, error.retry_after_s) == ("rate_limited", None)


async def test_a_page_instead_of_an_error_is_cut_short() -> None:
    error = await failure(Answer(b"<html>" + b"z" * 9999, 502, "text/html"))
    assert error.fault == "broken" and len(error.message) == 300


GOOD = openai_stream(openai_delta("Hi"), done=False)
BROKEN = {
    "no finish": Answer(openai_stream(openai_delta("Hi"))),
    "cut": Answer(GOOD, then="cut"),
    "reset": Answer(GOOD, then="reset"),
    "empty": Answer(b""),
    "not a stream": Answer(HELLO, type="application/json"),
    "no type": Answer(HELLO, type=None),
    "not JSON": Answer(GOOD + b"data: {oops\n\n"),
    "not UTF-8": Answer(GOOD + b"data: \xff\xfe\n\n"),
    "another shape": Answer(GOOD + b'data: {"choices": ["x"]}\n\n'),
    "text that is none": Answer(
        GOOD + openai_stream({"choices": [{"index": 0, "delta": {"content": 5}}]})
    ),
    "a list": Answer(GOOD + b"data: []\n\n"),
    "unknown finish": Answer(GOOD + openai_stream(openai_delta(finish="gave_up"))),
    "error event": Answer(
        GOOD + b'data: {"error": {"message": "fell over", "type": "server"}}\n\n'
    ),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_half_an_answer_is_a_failure(answer: Answer) -> None:
    assert (await failure(answer)).fault == "broken"


async def test_an_error_event_keeps_its_words() -> None:
    assert "server: fell over" in (await failure(BROKEN["error event"])).message


async def test_nobody_there() -> None:
    subject = make(refused_url())
    await subject.start()
    with pytest.raises(TierError, match="unavailable"):
        await drain(subject)
    await subject.stop()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(silent=True, then="reset"),
        Answer(silent=True, then="cut"),
        Answer(b"", 504, "text/html"),
        Answer(HELLO, type="application/json"),
    ],
    ids=["reset", "closed", "a gateway gave up", "not a stream"],
)
async def test_what_was_sent_whole_may_be_billed_and_is_not_sent_again(answer: Answer) -> None:
    async with tier(answer) as (subject, upstream):
        guarded = Retrying(subject, GuardsConfig(), deadline_s=20.0)
        drafting = guarded.draft(CHAT, read=False)
        with pytest.raises(TierError):
            [piece async for piece in drafting]
    usage = drafting.spent().usage
    assert usage.estimated and usage.input > 0 and len(upstream.requests) == 1


@pytest.mark.parametrize("told", ["m" * 5000, "a\0b", "a\nb", "a\u202eb"])
async def test_an_upstreams_id_of_its_model_is_fit_to_be_kept(told: str) -> None:
    event = {"model": told, **openai_delta("Hi", finish="stop")}
    async with tier(Answer(openai_stream(event, {"model": told, "usage": USAGE}))) as (subject, _):
        _, done = await drain(subject)
    odd = dict.fromkeys((0, 10, 0x202E), 0xFFFD)
    assert done.billed_as == done.model == told[:200].translate(odd)


async def test_what_cannot_be_sent_is_rejected() -> None:
    async with tier(Answer(HELLO)) as (subject, upstream):
        with pytest.raises(TierError, match="rejected"):
            await drain(subject, Chat(messages=(Message(role="user", text="\ud800"),)))
    assert upstream.requests == []


@pytest.mark.parametrize(
    "answer", [Answer(silent=True), Answer(GOOD, then="hang")], ids=["no answer", "half an answer"]
)
async def test_the_deadline_is_for_the_whole_draft(answer: Answer) -> None:
    async with tier(answer, deadline_s=1.0) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        with pytest.raises(TierError) as caught:
            [piece async for piece in drafting]
        await asyncio.wait_for(upstream.gone.wait(), 10)
    assert caught.value.fault == "timeout"
    assert drafting.spent().usage.estimated  # it may well be billed


async def test_the_deadline_never_falls_on_the_reader() -> None:
    async with tier(Answer(HELLO), deadline_s=0.05) as (subject, _):
        drafting = subject.draft(CHAT, read=False)
        first = await anext(drafting)
        await asyncio.sleep(0.1)
        assert first == Piece("Hel")
        await drafting.aclose()


async def test_every_cut_is_noticed() -> None:
    whole = openai_stream(openai_delta("Hi"), openai_delta(finish="stop"), {"usage": USAGE})
    finished = whole.index(b'"stop"')
    async with Upstream() as upstream:
        subject = make(upstream.url)
        await subject.start()
        for end in range(len(whole)):
            upstream.answers = [Answer(whole[:end], framing="close")]
            try:
                pieces, done = await drain(subject)
            except TierError as error:
                assert error.fault == "broken"
                continue
            assert end > finished
            assert pieces == [Piece("Hi"), Piece(finish="stop")]
            assert done.usage == Usage(input=9, output=2) or done.usage.estimated
        await subject.stop()


# ---- closing early ----


async def test_closing_early_closes_the_stream_and_estimates() -> None:
    async with tier(Answer(GOOD, then="hang")) as (subject, upstream):
        drafting = subject.draft(CHAT, read=False)
        assert drafting.spent().usage == Usage()
        assert await anext(drafting) == Piece("Hi")
        await drafting.aclose()
        await asyncio.wait_for(upstream.gone.wait(), 10)
    usage = Usage(input=2, output=1, estimated=True)
    assert drafting.spent() == Done(model="m-2026", usage=usage, billed_as="m-2026")


async def test_cancelling_the_reader_closes_the_stream() -> None:
    async with tier(Answer(GOOD, then="hang")) as (subject, upstream):
        task = asyncio.create_task(drain(subject))
        await upstream.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(upstream.gone.wait(), 10)


async def test_a_finished_draft_stands_without_its_usage() -> None:
    body = openai_stream(openai_delta("Hi", finish="stop"), done=False)
    async with tier(Answer(body, then="cut")) as (subject, _):
        pieces, done = await drain(subject)
    assert pieces[-1].finish == "stop" and done.usage.estimated


# ---- life ----


async def test_life() -> None:
    async with Upstream(Answer(HELLO)) as upstream:
        subject = make(upstream.url, served_as="shown", price={"input": 1, "output": 10})
        assert (subject.name, subject.model, subject.local) == ("tier2", "shown", False)
        await subject.stop()
        assert "not started" in str(await subject.health())
        with pytest.raises(TierError, match="unavailable"):
            await drain(subject)
        for _ in range(2):
            await subject.start()
            assert await subject.health() is None
            _, done = await drain(subject)
            assert subject.cost_nano(done) == 9 * 1000 + 2 * 10_000
            await subject.stop()


async def test_without_a_key() -> None:
    subject = make("http://127.0.0.1:9", key="")
    assert "K is not set" in str(await subject.health())
    with pytest.raises(TierError, match="unauthorised"):
        await subject.start()


def test_importing_the_tiers_loads_no_sdk() -> None:
    code = (
        "import sys, rungwise.tiers.hosted.openai, rungwise.tiers.hosted.anthropic;"
        "import rungwise.tiers.scripted;"
        "assert not {'openai', 'anthropic', 'httpx2', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


async def test_a_key_that_cannot_be_sent_is_the_owners_to_mend() -> None:
    subject = make("http://127.0.0.1:9", key="sk-1\nx")
    with pytest.raises(ConfigError) as caught:
        await subject.start()
    assert str(caught.value) == "K: the key holds what no header can carry"
