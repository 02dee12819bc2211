"""Which Chat does a Messages request ask for, and which requests are refused?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.edge.messages_size import tokens_of
from rungwise.edge.messages_turns import DEEPEST, UNPARSED
from rungwise.edge.messages_wire import read_count, read_message
from rungwise.edge.names import Names
from rungwise.edge.seals import sealed
from rungwise.errors import CallerError, UnknownModel
from rungwise.types import (
    Chat,
    Image,
    Message,
    OutputShape,
    Sampling,
    StepType,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)
from tests.edge.doubles import ladder

NAMES = Names(ladder())
HI = [{"role": "user", "content": "hi"}]
LOOK = {"name": "look", "description": "d", "input_schema": {"type": "object"}}
MARK = {"type": "ephemeral"}


def read(headers: dict[str, str] | None = None, **fields: Any) -> Chat:
    body = {"model": "auto", "max_tokens": 10, "messages": HI, **fields}
    return read_message(json.dumps(body).encode(), headers or {}, NAMES).chat


def user(*blocks: Any) -> Chat:
    return read(messages=[{"role": "user", "content": list(blocks)}])


def assistant(*blocks: Any) -> Message:
    return read(messages=[*HI, {"role": "assistant", "content": list(blocks)}]).messages[1]


def text(told: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": told, **more}


def refused(**fields: Any) -> CallerError:
    with pytest.raises(CallerError) as told:
        read(**fields)
    return told.value


# ---- what is honoured ------------------------------------------------------------------------


def test_the_least_request() -> None:
    chat = read()
    assert chat.messages == (Message(role="user", text="hi"),)
    assert chat.sampling == Sampling(max_tokens=10)
    assert not chat.stream and chat.route == "auto" and chat.thinking == Thinking()


def test_sampling_and_stream() -> None:
    chat = read(stream=True, temperature=0.5, top_p=0.9, stop_sequences=["a", "b"])
    assert chat.stream
    assert chat.sampling == Sampling(max_tokens=10, temperature=0.5, top_p=0.9, stop=("a", "b"))


def test_names_are_those_of_the_other_surface() -> None:
    assert read(model="auto:planning").wish.step_type is StepType.PLANNING
    assert read(model="tier2").wish.pin == read(model="org/mid").wish.pin == "tier2"
    with pytest.raises(UnknownModel):
        read(model="claude-opus-4-7")


def test_headers_are_those_of_the_other_surface() -> None:
    headers = {"x-rungwise-ceiling": "tier1", "x-rungwise-local-only": "true"}
    chat = read(headers, metadata={"user_id": "u", "step_type": "extraction"})
    assert chat.wish.ceiling == "tier1" and chat.wish.local_only
    assert chat.wish.step_type is StepType.EXTRACTION


def test_a_system_prompt_is_one_message_at_the_head() -> None:
    told = read(system="be brief").messages
    assert told == (Message(role="system", text="be brief"), Message(role="user", text="hi"))
    blocks = [text("one"), text("two", cache_control={**MARK, "ttl": "1h"}), text("three")]
    (system, _) = read(system=blocks).messages
    assert system == Message(role="system", text="one\ntwo\nthree", cache_mark="1h")
    assert read(system="").messages == read(system=[]).messages == read().messages


def test_what_is_for_anthropics_billing_is_not_part_of_the_prompt() -> None:
    billing = text("x-anthropic-billing-header: cc_version=2.1.0; cch=36ee5;")
    assert read(system=[billing, text("be brief")]).messages[0].text == "be brief"
    assert read(system=[billing]).messages == read().messages
    assert user(billing).messages[0].text == billing["text"], "only at the head"


def test_a_system_turn_within_the_conversation_is_a_reminder() -> None:
    turns = [*HI, {"role": "system", "content": [text("agents: a", cache_control=MARK)]}]
    (told,) = read(messages=turns).messages
    assert told.role == "user" and told.cache_mark == "5m"
    assert told.text == "hi\n\n<system-reminder>\nagents: a\n</system-reminder>"
    after = [*HI, {"role": "assistant", "content": "a"}, {"role": "system", "content": "b"}]
    assert read(messages=after).messages[2].role == "user"
    first = read(messages=[{"role": "system", "content": "a"}, *HI]).messages
    assert [m.role for m in first] == ["system", "user"]


def test_images_stand_where_they_stood() -> None:
    data = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    url = {"type": "url", "url": "https://a.example/b.png"}
    (told,) = user(
        text("a"), {"type": "image", "source": data}, text("b"), {"type": "image", "source": url}
    ).messages
    assert told.text == "a\nb"
    assert told.images == (
        Image(url="data:image/png;base64,aGk=", at=1),
        Image(url="https://a.example/b.png", at=3),
    )
    assert told.parts == ("a", told.images[0], "b", told.images[1])


def test_results_of_tools_are_messages_of_their_own_and_come_first() -> None:
    png = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    inner = [
        text("r"),
        {"type": "image", "source": png},
        {"type": "tool_reference", "tool_name": "x"},
    ]
    told = user(
        text("and now?"),
        {"type": "tool_result", "tool_use_id": "t1", "content": "ok", "cache_control": MARK},
        {"type": "tool_result", "tool_use_id": "t2", "content": inner, "is_error": True},
        {"type": "tool_result", "tool_use_id": "t3"},
    ).messages
    assert told == (
        Message(role="tool", text="ok", tool_call_id="t1", cache_mark="5m"),
        Message(
            role="tool",
            text="r",
            images=(Image(url="data:image/png;base64,aGk=", at=1),),
            tool_call_id="t2",
            failed=True,
        ),
        Message(role="tool", tool_call_id="t3"),
        Message(role="user", text="and now?"),
    )


def test_an_assistants_turn() -> None:
    told = assistant(
        {"type": "thinking", "thinking": "hm", "signature": sealed("claude-x", "Eq==")},
        {"type": "redacted_thinking", "data": sealed("claude-x", "secret")},
        text("let me look", citations=None),
        {
            "type": "tool_use",
            "id": "t1",
            "name": "look",
            "input": {"é": [1]},
            "cache_control": MARK,
        },
    )
    assert told == Message(
        role="assistant",
        text="let me look",
        tool_calls=(ToolCall(id="t1", name="look", arguments='{"é": [1]}'),),
        thoughts=(
            Thought(text="hm", seal="Eq==", model="claude-x"),
            Thought(seal="secret", withheld=True, model="claude-x"),
        ),
        cache_mark="5m",
    )
    assert assistant() == Message(role="assistant"), "what a refusal leaves"


def test_a_thought_that_nobody_here_wrote_is_dropped() -> None:
    for signature in ("", "EqQBCkYIBxgCKkA=", "rw1.!.x"):
        told = {"type": "thinking", "thinking": "hm", "signature": signature}
        assert assistant(told, text("a")).thoughts == ()
    assert assistant({"type": "redacted_thinking", "data": "EqQB"}).thoughts == ()


def test_arguments_that_were_no_json_come_back_as_they_were() -> None:
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {UNPARSED: '{"a'}}
    assert assistant(call).tool_calls[0].arguments == '{"a'


def test_tools() -> None:
    marked = {
        **LOOK,
        "type": "custom",
        "strict": True,
        "cache_control": {**MARK, "scope": "global"},
    }
    unused = {"eager_input_streaming": True, "defer_loading": True, "input_examples": [{}]}
    chat = read(tools=[marked, {**LOOK, "name": "see", **unused}])
    look = Tool(name="look", description="d", parameters={"type": "object"})
    assert chat.tools[1] == Tool(name="see", description="d", parameters={"type": "object"})
    assert (chat.tools[0].strict, chat.tools[0].cache_mark) == (True, "5m")
    assert chat.tools[0].parameters == look.parameters


@pytest.mark.parametrize(
    ("told", "choice"),
    [
        (None, ToolChoice()),
        ({"type": "auto"}, ToolChoice()),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice(parallel=False)),
        ({"type": "any"}, ToolChoice(mode="required")),
        ({"type": "none"}, ToolChoice(mode="none")),
        (
            {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
            ToolChoice(mode="named", name="look", parallel=False),
        ),
    ],
)
def test_tool_choice(told: Any, choice: ToolChoice) -> None:
    assert read(tools=[LOOK], tool_choice=told).tool_choice == choice


@pytest.mark.parametrize(
    ("told", "effort", "thinking"),
    [
        (None, None, Thinking()),
        (None, "low", Thinking(effort="low")),
        ({"type": "disabled"}, "low", Thinking(effort="none")),
        ({"type": "adaptive", "display": "omitted"}, None, Thinking(effort="high")),
        ({"type": "adaptive"}, "max", Thinking(effort="max")),
        ({"type": "enabled", "budget_tokens": 1024}, None, Thinking(tokens=1024)),
    ],
)
def test_thinking(told: Any, effort: str | None, thinking: Thinking) -> None:
    output = {"effort": effort}
    assert read(thinking=told, output_config=output, max_tokens=2000).thinking == thinking


def test_structured_output() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
    told = read(output_config={"format": {"type": "json_schema", "schema": schema}})
    assert told.shape == OutputShape(schema=schema, strict=True)


def test_a_mark_of_the_whole_is_one_of_its_last_message() -> None:
    chat = read(cache_control={**MARK, "ttl": "1h"}, system="s")
    assert [m.cache_mark for m in chat.messages] == [None, "1h"]


def test_what_claude_code_sends_is_read() -> None:
    chat = read(
        model="auto",
        stream=True,
        max_tokens=32000,
        temperature=1,
        system=[
            text("x-anthropic-billing-header: cc_version=2.1.2; cch=0aaa9;"),
            text("You are Claude Code.", cache_control={**MARK, "ttl": "1h", "scope": "global"}),
        ],
        tools=[{**LOOK, "eager_input_streaming": True, "cache_control": MARK}],
        metadata={"user_id": "user_a_account__session_b"},
        thinking={"type": "enabled", "budget_tokens": 31999},
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        diagnostics={"previous_message_id": None},
        output_config={"effort": "medium"},
    )
    assert chat.messages[0].text == "You are Claude Code." and chat.thinking.tokens == 31999


# ---- what is refused -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "x", "name": "y"}]}, "messages[0].name"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": None}, "max_tokens"),
        ({"temperature": 1.5}, "temperature"),
        ({"top_k": 5}, "top_k"),
        ({"container": "c"}, "container"),
        ({"mcp_servers": [{}]}, "mcp_servers"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"speed": "fast"}, "speed"),
        ({"n": 2}, "n"),
        ({"metadata": {"trace": "x"}}, "metadata.trace"),
        ({"metadata": {"step_type": 1}}, "metadata.step_type"),
        ({"metadata": {"step_type": "x"}}, "metadata.step_type"),
        ({"cache_control": {"type": "forever"}}, "cache_control"),
        ({"system": [text("a", cache_control={**MARK, "ttl": "2h"})]}, "system[0].cache_control"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
        ({"tools": [{**LOOK, "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{**LOOK, "input_schema": None}]}, "tools[0].input_schema"),
        ({"tools": [{**LOOK, "x": 1}]}, "tools[0].x"),
        ({"tools": [{"type": "web_search_20260318", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tools": [LOOK], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        ({"tools": [LOOK], "tool_choice": {"type": "auto", "x": 1}}, "tool_choice.x"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5}}, "thinking.budget_tokens"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2000}, "max_tokens": 2000},
            "thinking.budget_tokens",
        ),
        ({"output_config": {"effort": "little"}}, "output_config.effort"),
        ({"output_config": {"task_budget": {}}}, "output_config.task_budget"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {"type": 1}}}},
            "output_config.format.schema",
        ),
    ],
)
def test_a_fault_names_its_place(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields).param == param


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"type": "document", "source": {"type": "text"}}, "type"),
        ({"type": "tool_use", "id": "a", "name": "b", "input": {}}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "text", "text": "a", "source": None}, "source"),
        ({"type": "text", "text": "a", "x": 1}, "x"),
        ({"type": "image"}, "source"),
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "source.file_id"),
        ({"type": "image", "source": {"type": "file"}}, "source.type"),
        ({"type": "image", "source": {"type": "url", "url": "file:///etc/passwd"}}, "source.url"),
        ({"type": "image", "source": {"type": "base64", "data": "x"}}, "source"),
        ({"type": "tool_result"}, "tool_use_id"),
        (
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "document"}]},
            "content[0].type",
        ),
    ],
)
def test_a_fault_of_a_block_names_its_place(block: dict[str, Any], place: str) -> None:
    told = refused(messages=[{"role": "user", "content": [block]}])
    assert told.param == f"messages[0].content[0].{place}"


@pytest.mark.parametrize("missing", ["id", "name", "input"])
def test_a_call_has_all_its_parts(missing: str) -> None:
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    told = refused(
        messages=[{"role": "assistant", "content": [{k: call[k] for k in call if k != missing}]}]
    )
    assert told.param == f"messages[0].content[0].{missing}"


def test_an_input_that_is_too_deep_is_refused() -> None:
    deep: Any = {}
    for _ in range(DEEPEST):
        deep = {"a": deep}
    call = {"type": "tool_use", "id": "t", "name": "look", "input": deep}
    assert "nests" in str(refused(messages=[{"role": "assistant", "content": [call]}]))
    assert assistant({**call, "input": deep["a"]["a"]}).tool_calls


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b'"a"', b"\xff", b"{}"])
def test_what_is_no_request_is_a_fault(body: bytes) -> None:
    with pytest.raises(CallerError):
        read_message(body, {}, NAMES)


def test_a_pattern_that_an_engine_could_not_follow_is_refused() -> None:
    tool = {**LOOK, "input_schema": {"properties": {"a": {"pattern": "(.{1,1000}){9}"}}}}
    assert read(tools=[tool])
    told = refused(tools=[tool], tool_choice={"type": "any"})
    assert told.param == "tools[0].input_schema"


def test_a_million_values_cost_no_more_than_one() -> None:
    body = b'{"model":"auto","max_tokens":1,"messages":[' + b"1," * 1_000_000 + b"1]}"
    with pytest.raises(CallerError, match="values"):
        read_message(body, {}, NAMES)


# ---- counting --------------------------------------------------------------------------------


def test_a_count_needs_no_max_tokens_and_grows_with_the_prompt() -> None:
    body = {"model": "auto", "messages": HI}
    counts = [
        tokens_of(read_count(json.dumps({**body, **more}).encode(), {}, NAMES).chat)
        for more in (
            {},
            {"system": "be brief"},
            {"system": "be brief", "tools": [LOOK]},
            {"messages": [{"role": "user", "content": "long " * 1000}]},
        )
    ]
    assert counts == sorted(counts) and len(set(counts)) == 4
    assert 1000 <= counts[-1] <= 2000


# ---- anything at all -------------------------------------------------------------------------

WORDS = st.sampled_from(
    "auto user assistant system tool text image type ephemeral any enabled adaptive a".split()
)
KEYS = st.sampled_from(
    "type text source id name input tool_use_id content is_error thinking signature data "
    "cache_control url media_type role ttl budget_tokens effort format schema".split()
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2000) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
KINDS = "text image thinking redacted_thinking tool_use tool_result document".split()
BLOCK = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(
        "text source id name input tool_use_id content thinking data x".split(), ANYTHING
    ),
)
TURN = st.fixed_dictionaries(
    {"role": WORDS, "content": st.lists(BLOCK, max_size=3) | WORDS | ANYTHING}
)
FIELDS = (
    "system stream stop_sequences temperature top_p top_k tools tool_choice thinking "
    "output_config cache_control metadata container n"
).split()
REQUEST = st.fixed_dictionaries(
    {"model": st.just("auto"), "max_tokens": st.just(9), "messages": st.lists(TURN, max_size=3)},
    optional=dict.fromkeys(FIELDS, ANYTHING),
)


@settings(max_examples=400)
@given(REQUEST | ANYTHING)
def test_any_json_is_a_chat_or_a_callers_fault(request: Any) -> None:
    body = json.dumps(request).encode()
    for reader in (read_message, read_count):
        try:
            chat = reader(body, {}, NAMES).chat
        except CallerError as told:
            assert told.message
        else:
            assert chat.messages


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_callers_fault(body: bytes) -> None:
    with pytest.raises(CallerError):
        read_message(body, {}, NAMES)
