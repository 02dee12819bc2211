"""The Messages surface from outside: the official client, over HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rungwise.edge.seals import sealed
from rungwise.errors import (
    CallerError,
    LadderExhausted,
    NotAllowed,
    OverBudget,
    RepeatDiffers,
    RepeatOpen,
    RepeatSpent,
    StoreError,
    TierError,
    TooFast,
)
from rungwise.tiers.scripted import Script, ScriptedTier, call, decline, fail, say, script
from rungwise.types import (
    Image,
    Message,
    OutputShape,
    Piece,
    Thought,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from tests.edge.doubles import HELLO, ScriptedCascade, app, client, serving
from tests.served import served

pytestmark = pytest.mark.anyio

MESSAGES = "/v1/messages"
ASK: dict[str, Any] = {
    "model": "auto",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hi"}],
}
LOOK = {
    "name": "look",
    "description": "looks",
    "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}},
}


@asynccontextmanager
async def sdk_of(url: str, key: str = "any") -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0) as sdk:
        yield sdk


@asynccontextmanager
async def serving_rungs(
    folder: Path, *rungs: ScriptedTier, config: str = ""
) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with (
        served(folder, *rungs, config=config, listening=True) as server,
        sdk_of(str(server.http.base_url)) as sdk,
    ):
        yield sdk


@asynccontextmanager
async def serving_script(*steps: Any, **server: Any) -> AsyncIterator[anthropic.AsyncAnthropic]:
    cascade = ScriptedCascade(steps or HELLO)
    async with serving(app(cascade, **server)) as port, sdk_of(f"http://127.0.0.1:{port}") as sdk:
        yield sdk


async def told(sdk: anthropic.AsyncAnthropic, stream: bool, **more: Any) -> anthropic.types.Message:
    """The message, whole, or as the client puts it together from a stream."""
    if not stream:
        whole: anthropic.types.Message = await sdk.messages.create(**{**ASK, **more})
        return whole
    async with sdk.messages.stream(**{**ASK, **more}) as events:
        return await events.get_final_message()


def rung(*scripts: Script) -> ScriptedTier:
    return ScriptedTier("tier1", *scripts, model="small")


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


# ---- answers ---------------------------------------------------------------------------------


@both_ways
async def test_a_text_with_its_usage_and_its_story(tmp_path: Path, stream: bool) -> None:
    usage = Usage(input=7, cache_read=3, cache_write_1h=2, output=5, reasoning=1)
    async with serving_rungs(tmp_path, rung(say("hello there", usage=usage))) as sdk:
        message = await told(sdk, stream)
    assert [block.to_dict() for block in message.content] == [
        {"type": "text", "text": "hello there"}
    ]
    assert (message.model, message.stop_reason, message.role) == ("auto", "end_turn", "assistant")
    assert message.id.startswith("req_")
    counted = message.usage
    assert (counted.input_tokens, counted.output_tokens) == (7, 6)
    assert (counted.cache_read_input_tokens, counted.cache_creation_input_tokens) == (3, 2)
    if not stream:  # the client's own accumulation leaves out what it does not know
        assert message.model_extra is not None
        told_of = message.model_extra["rungwise"]
        assert (told_of["tier"], told_of["model"]) == ("tier1", "small")
        assert message._request_id == message.id


async def test_the_story_is_in_the_last_delta(tmp_path: Path) -> None:
    async with serving_rungs(tmp_path, rung(say("hello there"))) as sdk:
        events = [event async for event in await sdk.messages.create(**ASK, stream=True)]
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    last = events[-2].to_dict()
    assert last["rungwise"]["tier"] == "tier1"
    assert last["usage"]["cache_creation"]["ephemeral_5m_input_tokens"] == 0


@both_ways
async def test_a_doubtful_draft_is_never_seen(tmp_path: Path, stream: bool) -> None:
    low = ScriptedTier("tier1", say("wrong " * 30, logprob=-9.0), model="small")
    high = ScriptedTier("tier2", say("right"), model="large")
    gate = "gates: [{tier: tier1, calibration: window.json}]"
    async with serving_rungs(tmp_path, low, high, config=gate) as sdk:
        message = await told(sdk, stream)
    assert message.content[0].text == "right"  # type: ignore[union-attr]
    assert "wrong" not in message.to_json()


@both_ways
async def test_parallel_calls_and_their_results(tmp_path: Path, stream: bool) -> None:
    two = call("look", '{"at": "sun"}', id="c0", finish=None) + call(
        "look", '{"at": "moon"}', id="c1", index=1
    )
    tier = rung(two, say("done"))
    async with serving_rungs(tmp_path, tier) as sdk:
        first = await told(sdk, stream, tools=[LOOK], tool_choice={"type": "any"})
        assert first.stop_reason == "tool_use"
        used = [block for block in first.content if block.type == "tool_use"]
        assert [(b.id, b.name, b.input) for b in used] == [
            ("c0", "look", {"at": "sun"}),
            ("c1", "look", {"at": "moon"}),
        ]
        results = [
            {"type": "tool_result", "tool_use_id": "c0", "content": "hot"},
            {"type": "tool_result", "tool_use_id": "c1", "content": "far", "is_error": True},
        ]
        turns = [*ASK["messages"], first.to_param(), {"role": "user", "content": results}]
        await told(sdk, stream, tools=[LOOK], messages=turns)
    asked, again = tier.chats
    assert asked.tool_choice.mode == "required" and asked.tools[0].name == "look"
    assert again.messages[1:] == (
        Message(
            role="assistant",
            tool_calls=(
                ToolCall(id="c0", name="look", arguments='{"at": "sun"}'),
                ToolCall(id="c1", name="look", arguments='{"at": "moon"}'),
            ),
        ),
        Message(role="tool", text="hot", tool_call_id="c0"),
        Message(role="tool", text="far", tool_call_id="c1", failed=True),
    )


async def test_a_forced_tool_and_one_call_at_a_time(tmp_path: Path) -> None:
    tier = rung(call("look", "{}"))
    choice = {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    async with serving_rungs(tmp_path, tier) as sdk:
        await told(sdk, False, tools=[LOOK], tool_choice=choice)
    asked = tier.chats[0].tool_choice
    assert (asked.mode, asked.name, asked.parallel) == ("named", "look", False)


async def test_an_image_reaches_the_rung(tmp_path: Path) -> None:
    tier = rung(say("a cat"))
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "what is it"}]
    async with serving_rungs(tmp_path, tier) as sdk:
        await told(sdk, False, messages=[{"role": "user", "content": content}])
    (message,) = tier.chats[0].messages
    assert message.images == (Image(url="data:image/png;base64,aGk=", at=0),)


@both_ways
async def test_thoughts_go_out_and_come_back_with_their_writer(
    tmp_path: Path, stream: bool
) -> None:
    thought = Thought(text="hm so", seal="Eq==", model="claude-x")
    hidden = Thought(seal="secret", withheld=True, model="claude-x")
    thinks = script(
        Piece(reasoning="hm "),
        Piece(reasoning="so"),
        Piece(thought=thought),
        Piece(thought=hidden),
        Piece("hi"),
        Piece(finish="stop"),
    )
    tier = rung(thinks, say("done"))
    async with serving_rungs(tmp_path, tier) as sdk:
        first = await told(sdk, stream, thinking={"type": "adaptive"})
        assert [block.type for block in first.content] == ["thinking", "redacted_thinking", "text"]
        assert first.content[0].signature == sealed("claude-x", "Eq==")  # type: ignore[union-attr]
        more = [first.to_param(), {"role": "user", "content": "go on"}]
        await told(sdk, stream, messages=[*ASK["messages"], *more])
    assert tier.chats[0].thinking.effort == "high"
    assert tier.chats[1].messages[1] == Message(
        role="assistant", text="hi", thoughts=(thought, hidden)
    )


@both_ways
async def test_a_refusal(tmp_path: Path, stream: bool) -> None:
    async with serving_rungs(tmp_path, rung(decline("I will not."))) as sdk:
        message = await told(sdk, stream)
        assert message.stop_reason == "refusal" and message.content == []
        assert message.stop_details is not None
        assert message.stop_details.explanation == "I will not."
        turns = [*ASK["messages"], message.to_param(), {"role": "user", "content": "please"}]
        assert (await told(sdk, stream, messages=turns)).stop_reason == "refusal"


async def test_structured_output(tmp_path: Path) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
    }
    tier = rung(say('{"a": 1}'))
    async with serving_rungs(tmp_path, tier) as sdk:
        format = {"type": "json_schema", "schema": schema}
        message = await told(sdk, False, output_config={"format": format, "effort": "low"})
    assert message.content[0].text == '{"a": 1}'  # type: ignore[union-attr]
    assert tier.chats[0].shape == OutputShape(schema=schema, strict=True)
    assert tier.chats[0].thinking.effort == "low"


async def test_the_beta_client_and_its_headers(tmp_path: Path) -> None:
    tier = rung(say("hello"))
    async with serving_rungs(tmp_path, tier) as sdk:
        message = await sdk.beta.messages.create(
            **ASK,
            betas=["context-management-2025-06-27"],
            context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            extra_headers={"x-rungwise-step-type": "planning"},
        )
    assert message.content[0].text == "hello"
    assert tier.chats[0].wish.step_type == "planning"


async def test_cache_marks_reach_the_rung(tmp_path: Path) -> None:
    tier = rung(say("hello"))
    mark = {"type": "ephemeral", "ttl": "1h"}
    async with serving_rungs(tmp_path, tier) as sdk:
        await told(
            sdk,
            False,
            system=[{"type": "text", "text": "be brief", "cache_control": mark}],
            tools=[{**LOOK, "cache_control": {"type": "ephemeral"}}],
        )
    (chat,) = tier.chats
    assert chat.messages[0].cache_mark == "1h" and chat.tools[0].cache_mark == "5m"


async def test_the_callers_name_is_the_tenant() -> None:
    cascade = ScriptedCascade()
    async with client(app(cascade, keys=["k1", "k2"])) as http:
        for headers in ({"x-api-key": "k2"}, {"authorization": "Bearer k1"}):
            assert (await http.post(MESSAGES, json=ASK, headers=headers)).status_code == 200
    assert [chat.tenant for chat in cascade.chats] == ["key2", "key1"]


async def test_a_dry_run_asks_nobody(tmp_path: Path) -> None:
    tier = rung(say("never asked"))
    async with served(tmp_path, tier) as server:
        headers = {"x-rungwise-dry-run": "true"}
        answer = await server.http.post(MESSAGES, json=ASK, headers=headers)
    assert answer.status_code == 200 and answer.json()["object"] == "plan"
    assert [r["tier"] for r in answer.json()["rungs"]] == ["tier1"] and not tier.chats


# ---- counting --------------------------------------------------------------------------------


async def test_a_count_is_an_estimate_and_says_so(tmp_path: Path) -> None:
    tier = rung(say("never asked"))
    async with serving_rungs(tmp_path, tier) as sdk:
        count = await sdk.messages.count_tokens(
            model="auto", messages=[{"role": "user", "content": "word " * 700}]
        )
    assert 700 <= count.input_tokens <= 1400
    assert count.model_extra is not None and count.model_extra["rungwise"]["estimated"] is True
    assert not tier.chats


# ---- failures --------------------------------------------------------------------------------


def exhausted(kind: str = "overloaded") -> LadderExhausted:
    return LadderExhausted((), TierError("tier2", kind, "busy", retry_after_s=3))  # type: ignore[arg-type]


@both_ways
@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (CallerError("top_k: not supported", param="top_k"), 400, "invalid_request_error"),
        (OverBudget("the month's cap is spent", code="budget_exceeded"), 402, "billing_error"),
        (NotAllowed("not with this key"), 403, "permission_error"),
        (RepeatOpen("being answered"), 409, "conflict_error"),
        (RepeatSpent("was billed"), 409, "conflict_error"),
        (RepeatDiffers("another request"), 422, "invalid_request_error"),
        (TooFast("too fast", retry_after_s=2.5, code="x"), 429, "rate_limit_error"),
        (OSError("odd"), 500, "api_error"),
        (TierError("tier1", "broken", "half"), 502, "api_error"),
        (exhausted(), 503, "overloaded_error"),
        (StoreError("disk full"), 503, "overloaded_error"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_a_failure_before_the_release_has_its_status_and_its_kind(
    error: Exception, status: int, kind: str, stream: bool
) -> None:
    async with serving_script(error) as sdk:
        with pytest.raises(anthropic.APIStatusError) as raised:
            await told(sdk, stream)
    found = raised.value
    assert found.status_code == status and found.request_id == "req_1"
    body = found.body
    assert isinstance(body, dict) and set(body) == {"type", "error", "request_id"}
    assert (body["type"], body["request_id"]) == ("error", "req_1")
    assert set(body["error"]) == {"type", "message"} and body["error"]["type"] == kind
    if isinstance(error, (TooFast, LadderExhausted)):
        assert found.response.headers["retry-after"] == "3"


async def test_a_fault_names_its_place() -> None:
    async with serving_script() as sdk:
        with pytest.raises(anthropic.BadRequestError, match="top_k: not supported"):
            await told(sdk, False, extra_body={"top_k": 5})
        with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\]\.type: 'web_search_"):
            await told(sdk, False, tools=[{"type": "web_search_20260318", "name": "web_search"}])
        with pytest.raises(anthropic.NotFoundError, match="claude-opus"):
            await told(sdk, False, model="claude-opus-4-7")


async def test_a_prompt_that_fits_nowhere_is_told_in_the_words_that_clients_know() -> None:
    fault = TierError("tier1", "too_long", "5000 tokens, of 4096")
    async with serving_script(LadderExhausted((), fault)) as sdk:
        with pytest.raises(anthropic.BadRequestError, match="prompt is too long: tier1: 5000"):
            await told(sdk, False)


async def test_what_fails_before_a_route_is_found_is_told_in_the_same_way() -> None:
    async with client(app(keys=["k1"])) as http:
        for key, path, status, kind in (
            ({}, MESSAGES, 401, "authentication_error"),
            ({"x-api-key": "no"}, f"{MESSAGES}/count_tokens", 401, "authentication_error"),
            ({"x-api-key": "k1"}, f"{MESSAGES}/batches", 404, "not_found_error"),
        ):
            answer = await http.post(path, json=ASK, headers=key)
            assert answer.status_code == status and answer.headers["request-id"] == "req_1"
            assert answer.json()["error"]["type"] == kind and answer.json()["type"] == "error"
        answer = await http.get(MESSAGES, headers={"x-api-key": "k1"})
        assert answer.status_code == 405 and answer.json()["type"] == "error"
        other = await http.post("/v1/messagesx", json=ASK)
        assert set(other.json()) == {"error"}, "the other surface's own shape"


async def test_a_body_of_another_kind_or_too_large_is_refused() -> None:
    async with client(app(max_body_mib=0.001)) as http:
        plain = await http.post(MESSAGES, content=b"{}", headers={"content-type": "text/plain"})
        assert (plain.status_code, plain.json()["error"]["type"]) == (415, "invalid_request_error")
        large = await http.post(MESSAGES, json={**ASK, "system": "x" * 2000})
        assert (large.status_code, large.json()["error"]["type"]) == (413, "request_too_large")


async def test_a_stream_that_broke_off_ends_with_an_error_and_no_stop(tmp_path: Path) -> None:
    broken = say("half an", finish=None, delay=0.02) + fail("broken")
    async with serving_rungs(tmp_path, rung(broken)) as sdk:
        seen = []
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            async for event in await sdk.messages.create(**ASK, stream=True):
                seen.append(event.type)
    assert "content_block_delta" in seen and "message_delta" not in seen


async def test_nothing_is_told_of_a_held_draft_but_that_it_is_held() -> None:
    go = asyncio.Event()
    async with serving_script(go, *HELLO, heartbeat_s=0.01) as sdk:
        asyncio.get_running_loop().call_later(0.1, go.set)
        assert (await told(sdk, True)).content[0].text == "hello"  # type: ignore[union-attr]
    go.clear()
    again = ScriptedCascade([go, exhausted()])
    async with client(app(again, heartbeat_s=0.01)) as http:
        asyncio.get_running_loop().call_later(0.1, go.set)
        answer = await http.post(MESSAGES, json={**ASK, "stream": True})
    held, event = answer.text.removesuffix("\n\n").rsplit("\n\n", 1)
    assert set(held.split("\n\n")) == {": held"} and answer.status_code == 200
    name, data = event.split("\n")
    assert name == "event: error"
    assert json.loads(data.removeprefix("data: "))["error"]["type"] == "overloaded_error"


# ---- anything at all -------------------------------------------------------------------------

WORDS = st.sampled_from("auto user assistant text type tool_use a".split())
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
NEARLY = st.fixed_dictionaries(
    {"model": st.just("auto"), "max_tokens": st.integers(0, 9), "messages": ANYTHING},
    optional=dict.fromkeys(
        "system stream tools thinking metadata output_config x".split(), ANYTHING
    ),
)
RIGHT = st.fixed_dictionaries({key: st.just(value) for key, value in ASK.items()})
PIECES: Sequence[Piece] = (
    Piece("a\ud800"),
    Piece(reasoning="hm"),
    Piece(refusal="no"),
    Piece(tool_calls=(ToolCallDelta(0, None, None, '{"a'),)),
    Piece(finish="length"),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=ANYTHING | NEARLY | RIGHT, pieces=st.lists(st.sampled_from(PIECES), max_size=4))
async def test_any_json_is_answered_in_shape(request: Any, pieces: list[Piece]) -> None:
    cascade = ScriptedCascade([HELLO[0], *pieces, HELLO[-1]])
    async with client(app(cascade)) as http:
        body = json.dumps(request).encode("utf-8", "replace")
        kind = {"content-type": "application/json"}
        for path in (MESSAGES, f"{MESSAGES}/count_tokens"):
            answer = await http.post(path, content=body, headers=kind)
            if answer.status_code == 200 and answer.headers["content-type"] == kind["content-type"]:
                assert answer.json().get("type", "message") == "message"
            elif answer.status_code != 200:
                assert 400 <= answer.status_code < 500
                assert answer.json()["type"] == "error"
                assert answer.json()["error"]["message"]
