"""Which bytes make which Chat, and which are refused with the place of their fault?"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.edge.names import Names
from rungwise.edge.openai_fields import MOST_SEAL, REFUSED, UNUSED, RequestFields
from rungwise.edge.openai_wire import Asked, read_chat
from rungwise.edge.reading import MOST_VALUES
from rungwise.edge.seals import bundled
from rungwise.errors import CallerError, UnknownModel
from rungwise.types import (
    Chat,
    Image,
    Message,
    OutputShape,
    Sampling,
    StepType,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
    Wish,
)
from tests.edge.doubles import ASK, ladder

NAMES = Names(ladder())
WEATHER = {"type": "function", "function": {"name": "weather"}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {}}}


def asked(headers: Mapping[str, str] | None = None, **fields: Any) -> Asked:
    return read_chat(json.dumps({**ASK, **fields}).encode(), headers or {}, NAMES)


def read(headers: Mapping[str, str] | None = None, **fields: Any) -> Chat:
    return asked(headers, **fields).chat


def said(*messages: dict[str, Any]) -> tuple[Message, ...]:
    return read(messages=list(messages)).messages


def refused(headers: Mapping[str, str] | None = None, **fields: Any) -> CallerError:
    with pytest.raises(CallerError) as caught:
        read(headers, **fields)
    return caught.value


def test_the_smallest_request() -> None:
    assert read() == Chat(messages=(Message(role="user", text="hi"),))


def test_everything_that_is_honoured() -> None:
    found = asked(
        stream=True,
        stream_options={"include_usage": True},
        max_completion_tokens=9,
        temperature=1,
        top_p=0.5,
        stop=["a", "b"],
        n=2,
        seed=-3,
        presence_penalty=-2,
        frequency_penalty=2,
        logprobs=True,
        top_logprobs=4,
        tools=[
            {
                "type": "function",
                "function": {
                    "name": "weather",
                    "description": "of a city",
                    "parameters": SCHEMA,
                    "strict": True,
                },
            }
        ],
        tool_choice={"type": "function", "function": {"name": "weather"}},
        parallel_tool_calls=False,
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "it", "schema": SCHEMA, "strict": True},
        },
        metadata={"step_type": "planning", "run": "7"},
    )
    assert found.show_usage
    assert found.chat == Chat(
        messages=(Message(role="user", text="hi"),),
        sampling=Sampling(
            max_tokens=9,
            temperature=1,
            top_p=0.5,
            stop=("a", "b"),
            n=2,
            seed=-3,
            presence_penalty=-2,
            frequency_penalty=2,
            top_logprobs=4,
        ),
        tools=(Tool(name="weather", description="of a city", parameters=SCHEMA, strict=True),),
        tool_choice=ToolChoice(mode="named", name="weather", parallel=False),
        shape=OutputShape(name="it", schema=SCHEMA, strict=True),
        wish=Wish(step_type=StepType.PLANNING),
        stream=True,
    )


def test_every_role() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    assert said(
        {"role": "system", "content": "s"},
        {"role": "developer", "content": [{"type": "text", "text": "d"}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "what is"},
                {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "auto"}},
                {"type": "text", "text": "this?"},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "refusal": "never"},
    ) == (
        Message(role="system", text="s"),
        Message(role="developer", text="d"),
        Message(
            role="user",
            name="ann",
            text="what is\nthis?",
            images=(Image(url="https://a/b.png", at=7),),
        ),
        Message(role="assistant", tool_calls=(ToolCall(id="c1", name="weather", arguments="{}"),)),
        Message(role="tool", tool_call_id="c1", text="rain"),
        Message(role="assistant", text="no"),
        Message(role="assistant", text="never"),
    )


def test_an_answer_can_be_sent_back_as_it_came_and_its_thinking_is_dropped() -> None:
    came = {
        "role": "assistant",
        "content": "hi",
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
        "reasoning_content": "hm",
    }
    assert said(came) == (Message(role="assistant", text="hi"),)


def test_what_the_sdk_adds_to_an_answer_is_dropped() -> None:
    function = {"name": "find", "arguments": "{}", "parsed_arguments": {"any": [1]}}
    calls = [{"id": "c1", "type": "function", "function": function}]
    came = {"role": "assistant", "content": "", "tool_calls": calls, "parsed": None}
    (message,) = said(came)
    assert message.tool_calls == (ToolCall(id="c1", name="find", arguments="{}"),)


def carried(*marks: object) -> Message:
    """An assistant's message with one call for each `extra_content`."""
    function = {"name": "find", "arguments": "{}"}
    (message,) = said(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": f"c{i}", "type": "function", "function": function, "extra_content": mark}
                for i, mark in enumerate(marks)
            ],
        }
    )
    return message


def test_thoughts_come_back_with_the_calls_they_led_to() -> None:
    first = Thought(text="Is it?", seal="s1", model="m")
    second = Thought(seal="s2", withheld=True, model="m")
    marks = [{"google": {"thought_signature": bundled([t], "x")}} for t in (first, second)]
    assert carried(*marks).thoughts == (first, second)


@pytest.mark.parametrize(
    "mark", [None, {}, {"other": 1}, {"google": {}}, {"google": {"thought_signature": "Ep0BCg"}}]
)
def test_a_mark_of_others_on_a_call_is_no_thought(mark: object) -> None:
    assert carried(mark).thoughts == ()


def test_a_mark_on_a_call_is_bounded() -> None:
    long = {"google": {"thought_signature": "x" * (MOST_SEAL + 1)}}
    calls = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "tool_calls": [{**calls, "extra_content": long}]}
    assert "thought_signature" in (refused(messages=[message]).param or "")


@pytest.mark.parametrize("field", sorted(UNUSED))
def test_fields_that_do_not_change_the_answer_are_accepted(field: str) -> None:
    assert read(**{field: "x"}) == read()


def test_null_is_the_same_as_absent() -> None:
    required = {"model", "messages"}
    assert (
        read(**dict.fromkeys([*RequestFields.model_fields.keys() - required, *REFUSED])) == read()
    )


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_fields_that_would_change_the_answer_are_refused(field: str) -> None:
    fault = refused(**{field: {"some": "thing"}})
    assert fault.param == field and fault.code == "unsupported_parameter"
    assert "not supported" in fault.message
    for neutral in REFUSED[field]:
        assert read(**{field: neutral}) == read()


JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"banana": 1}, "banana"),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": [5]}, "messages[0]"),
        ({"messages": [{}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": []}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].image_url",
        ),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image_url", "image_url": {"url": "file:///etc"}}],
                    }
                ]
            },
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": "a", "x": 1}]}, "messages[0].x"),
        ({"messages": [{"role": "user\u0000", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user\n", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "function", "name": "f", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "x" * 1000, "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "a", "name": "a\u0000b"}]}, "messages[0].name"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": "a", "tool_call_id": "c"}]},
            "messages[0].tool_call_id",
        ),
        ({"messages": [{"role": "assistant"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream": True, "stream_options": {"x": 1}}, "stream_options.x"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"stop": ""}, "stop"),
        ({"stop": ["a"] * 17}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"n": 0}, "n"),
        ({"n": 9}, "n"),
        ({"n": True}, "n"),
        ({"seed": 2**63}, "seed"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"frequency_penalty": -3}, "frequency_penalty"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
        ),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "a", "parameters": {"$ref": "http://a/b"}},
                    }
                ]
            },
            "tools[0].function.parameters",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": "perhaps"}, "tool_choice"),
        (
            {
                "tools": [WEATHER],
                "tool_choice": {"type": "function", "function": {"name": "other"}},
            },
            "tool_choice",
        ),
        ({"tools": [WEATHER], "tool_choice": {"type": "allowed_tools"}}, "tool_choice.type"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a"}}},
            "response_format.json_schema.schema",
        ),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"step_type": "cooking"}}, "metadata.step_type"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"reasoning_effort": "hardly"}, "reasoning_effort"),
        ({"cache_salt": ""}, "cache_salt"),
    ],
)
def test_a_fault_names_its_place(fields: dict[str, Any], param: str) -> None:
    fault = refused(**fields)
    assert fault.param == param
    assert len(fault.message) < 500 and fault.message.isprintable()


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"type": "banana"}, "not a JSON Schema"),
        ({"properties": []}, "not a JSON Schema"),
        ({"$schema": 5}, "not a JSON Schema"),
        ({"$ref": "http://169.254.169.254/latest"}, "$ref must stay"),
        ({"allOf": [{"$ref": "other.json"}]}, "$ref must stay"),
        ({"description": "x" * 40_000}, "characters"),
    ],
)
def test_a_schema_that_cannot_be_checked_is_refused(schema: dict[str, Any], why: str) -> None:
    fault = refused(
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    )
    assert fault.param == "response_format.json_schema.schema" and why in fault.message


LONG = {"properties": {"a": {"pattern": "^.{1,5000}$"}}}


@pytest.mark.parametrize(
    ("strict", "choice", "is_held"),
    [
        (False, "auto", False),
        (True, "auto", True),
        (True, "none", False),
        (False, "required", True),
        (False, {"type": "function", "function": {"name": "weather"}}, True),
        (False, {"type": "function", "function": {"name": "other"}}, False),
    ],
)
def test_patterns_are_bounded_where_an_answer_is_held_to_them(
    strict: bool, choice: Any, is_held: bool
) -> None:
    weather = {"name": "weather", "parameters": LONG, "strict": strict}
    tools = [{"type": "function", "function": f} for f in ({"name": "other"}, weather)]
    if is_held:
        fault = refused(tools=tools, tool_choice=choice)
        assert fault.param == "tools[1].function.parameters" and "patterns" in fault.message
    else:
        assert read(tools=tools, tool_choice=choice).tools[1].parameters == LONG


def test_the_patterns_of_an_answers_schema_are_bounded() -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "a", "schema": LONG}}
    assert refused(response_format=shape).param == "response_format.json_schema.schema"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(number: str) -> None:
    for text in (
        json.dumps({**ASK, "temperature": 7}).replace("7", number),
        json.dumps(
            {**ASK, "tools": [{**WEATHER, "function": {"name": "a", "parameters": {"x": 7}}}]}
        ).replace("7", number),
        json.dumps(
            {
                **ASK,
                "response_format": {
                    **JSON_SCHEMA,
                    "json_schema": {"name": "a", "schema": {"const": 7}},
                },
            }
        ).replace("7", number),
    ):
        with pytest.raises(CallerError):
            read_chat(text.encode(), {}, NAMES)


TEXT = b'{"model":"auto","messages":[{"role":"user","content":%b}]}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"{}x",
        b"[" * 10_000,
        b'{"a":' * 10_000,
        b"\xff\xfe",
        TEXT % b'"\xff"',
        TEXT % b'"\xed\xa0\x80"',
        TEXT % rb'"\ud800"',
        TEXT % rb'"\udc00\ud800"',
        TEXT % b'"\x00"',
        b"\x00" + TEXT % b'"a"',
        b"\xef\xbb\xbf" + TEXT % b'"a"',
        (TEXT % b'"a"').decode().encode("utf-16"),
        TEXT % b'"' + b"9" * 5000,
    ],
)
def test_what_is_no_json_object_is_refused_with_its_place(body: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        read_chat(body, {}, NAMES)
    assert "line 1 column" in caught.value.message or "object" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"auto","messages":[' + b'{"role":"user","content":"x"},' * 10**6 + b"]}",
        b'{"model":"auto","messages":[' + b"1," * 10**7 + b"]}",
        b"{" + b",".join(b'"a%d":1' % i for i in range(2 * 10**6)) + b"}",
        TEXT % (b'"' + b"x" * 30_000_000),
        TEXT % (b"[" * 30_000_000),
    ],
    ids=["messages", "numbers", "fields", "unclosed", "deep"],
)
def test_a_huge_body_is_refused_at_once(body: bytes) -> None:
    start = time.process_time()
    with pytest.raises(CallerError):
        read_chat(body, {}, NAMES)
    assert time.process_time() - start < 1


def test_a_request_has_only_so_many_messages_and_values() -> None:
    message = ASK["messages"][0]
    assert len(read(messages=[message] * 2048).messages) == 2048
    fault = refused(messages=[message] * 2049)
    assert fault.param == "messages" and "2048" in fault.message
    schema = {"parameters": {"enum": list(range(MOST_VALUES))}}
    many = {**WEATHER, "function": {"name": "a", **schema}}
    assert "values" in refused(tools=[many], metadata={"a": "b"}).message


def called_with(arguments: str) -> dict[str, Any]:
    function = {"name": "weather", "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]}


@pytest.mark.parametrize("arguments", ["[" * 101, '{"a":' * 5000 + "1" + "}" * 5000])
def test_arguments_that_nest_without_end_are_refused_at_their_place(arguments: str) -> None:
    fault = refused(messages=[called_with(arguments)])
    assert fault.param == "messages[0].tool_calls[0].function.arguments"
    assert "levels deep" in fault.message


@pytest.mark.parametrize(
    "arguments",
    ["[" * 100 + "]" * 100, "[]" * 5000, json.dumps("[{" * 5000), '"' + "[" * 5000, "}" * 999],
)
def test_arguments_that_are_long_and_flat_are_taken(arguments: str) -> None:
    (message,) = said(called_with(arguments))
    assert message.tool_calls[0].arguments == arguments


def test_a_long_text_with_many_commas_and_quotes_is_no_fault() -> None:
    text = '"a", {"b": [1, 2]}, \\, ' * 100_000
    assert said({"role": "user", "content": text})[0].text == text


def test_doubled_keys_are_no_fault() -> None:
    assert read_chat(b'{"model":"x",' + json.dumps(ASK)[1:].encode(), {}, NAMES).chat == read()


# ---- names and wishes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "pin", "step_type", "route"),
    [
        ("auto", None, None, "auto"),
        ("auto:planning", None, StepType.PLANNING, "auto:planning"),
        ("tier2", "tier2", None, "tier2"),
        ("org/mid", "tier2", None, "tier2"),
        ("demo-bottom", "tier1", None, "tier1"),
    ],
)
def test_the_model_name_says_who_may_answer(
    model: str, pin: str | None, step_type: StepType | None, route: str
) -> None:
    chat = read(model=model)
    assert (chat.wish, chat.route) == (Wish(pin=pin, step_type=step_type), route)


@pytest.mark.parametrize("model", ["gpt-9", "auto:", "auto:cooking", "tier9", "AUTO", "a\u0000"])
def test_an_unknown_model_is_told_apart(model: str) -> None:
    fault = refused(model=model)
    assert isinstance(fault, UnknownModel)
    assert (fault.param, fault.code) == ("model", "model_not_found")


def test_the_header_wins_over_the_metadata_and_that_over_the_alias() -> None:
    alias, metadata = "auto:planning", {"step_type": "extraction"}
    header = {"x-rungwise-step-type": "classification"}
    assert read(model=alias).wish.step_type == "planning"
    assert read(model=alias, metadata=metadata).wish.step_type == "extraction"
    assert read(header, model=alias, metadata=metadata).wish.step_type == "classification"


def test_the_other_wishes() -> None:
    wish = read(
        {
            "x-rungwise-local-only": "true",
            "x-rungwise-floor": "tier1",
            "x-rungwise-ceiling": "tier2",
            "x-rungwise-hurry": "True",
        }
    ).wish
    assert wish == Wish(local_only=True, floor="tier1", ceiling="tier2", hurry=True)
    assert read({"x-rungwise-local-only": "false", "x-rungwise-hurry": "false"}).wish == Wish()


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({"x-rungwise-step-type": "cooking"}, "code_generation"),
        ({"x-rungwise-step-type": ""}, "planning"),
        ({"x-rungwise-local-only": "perhaps"}, "true or false"),
        ({"x-rungwise-hurry": ""}, "true or false"),
        ({"x-rungwise-hurry": "1"}, "true or false"),
        ({"x-rungwise-floor": "tier9"}, "tier1, tier2"),
        ({"x-rungwise-ceiling": "demo-bottom"}, "tier1, tier2"),
        ({"x-rungwise-floor": "tier2", "x-rungwise-ceiling": "tier1"}, "above"),
    ],
)
def test_a_wish_that_makes_no_sense_names_its_header(headers: dict[str, str], known: str) -> None:
    fault = refused(headers)
    assert fault.param == next(iter(headers)) and known in fault.message


# ---- properties ------------------------------------------------------------------------------

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "function", "name", "text", "$ref", "id"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([*RequestFields.model_fields, *REFUSED, *UNUSED, "banana"])


@settings(max_examples=120)
@given(st.dictionaries(FIELDS, VALUES, max_size=4))
def test_any_fields_are_read_or_refused(fields: dict[str, Any]) -> None:
    try:
        found = read(**fields)
    except CallerError as fault:
        assert fault.message
    else:
        assert found.messages and hash(found.route) is not None


@settings(max_examples=60)
@given(VALUES)
def test_any_message_is_read_or_refused(value: Any) -> None:
    for role in ("user", "assistant", "tool"):
        message = {"role": role, **value} if isinstance(value, dict) else value
        try:
            read(messages=[message])
        except CallerError as fault:
            assert fault.message


@settings(max_examples=150)
@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for told in (body, TEXT % body):
        try:
            read_chat(told, {}, NAMES)
        except CallerError as fault:
            assert fault.message


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), TEXTS), min_size=1),
    st.floats(0, 2),
    st.integers(1, 8),
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), max_size=4),
)
def test_what_was_asked_is_what_is_read(
    talk: list[tuple[str, str]], temperature: float, n: int, stop: list[str]
) -> None:
    chat = read(
        messages=[{"role": role, "content": text} for role, text in talk],
        temperature=temperature,
        n=n,
        stop=stop,
    )
    assert [(m.role, m.text) for m in chat.messages] == talk
    assert chat.sampling == Sampling(temperature=temperature, n=n, stop=tuple(stop))
