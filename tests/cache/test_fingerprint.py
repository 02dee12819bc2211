"""Which requests are the same, and which are not?"""

import dataclasses
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.cache.fingerprint import fingerprint
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
    Wish,
)

CHANGES: dict[type, dict[str, Any]] = {
    Chat: {
        "messages": (),
        "sampling": Sampling(n=2),
        "tools": (),
        "tool_choice": ToolChoice(mode="required"),
        "shape": None,
        "wish": Wish(pin="tier3"),
        "labels": ("yes", "no"),
        "thinking": Thinking(),
        "tenant": "somebody else",
        "cache_salt": "other",
        "agent": "other",
        "tags": frozenset({"private"}),
    },
    Message: {
        "role": "assistant",
        "text": "other",
        "images": (),
        "tool_calls": (),
        "tool_call_id": None,
        "name": "other",
        "thoughts": (),
        "failed": True,
    },
    Image: {"url": "https://b.example/", "at": 1},
    ToolCall: {"id": "other", "name": "other", "arguments": '{"a":2}'},
    Thought: {"text": "other", "seal": "other", "withheld": True, "model": "other"},
    Tool: {"name": "other", "description": "other", "parameters": {"type": "x"}, "strict": True},
    ToolChoice: {"mode": "none", "name": "other", "parallel": False},
    OutputShape: {"name": "other", "schema": {"type": "string"}, "strict": True},
    Thinking: {"effort": "max", "tokens": 7},
    Sampling: {
        "max_tokens": 1,
        "temperature": 0.5,
        "top_p": 0.5,
        "stop": ("other",),
        "n": 3,
        "seed": 3,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.5,
        "top_logprobs": 3,
    },
    Wish: {
        "pin": "tier1",
        "floor": "tier2",
        "ceiling": "tier2",
        "local_only": True,
        "step_type": StepType.PLANNING,
        "needs": frozenset({"images"}),
        "least_right": 0.5,
    },
}
"""Every field that changes the answer, and another value for it."""

INDIFFERENT: dict[type, dict[str, Any]] = {
    Chat: {
        "stream": True,
        "route": "tier3",
        "conversation": "other",
        "task": "other",
        "trace": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
    Message: {"cache_mark": "1h"},
    Tool: {"cache_mark": "1h"},
    Wish: {"hurry": True, "deadline_s": 1.0, "most_nano": 1, "recall": True, "once": "k"},
}
"""Every other field."""

PARTS: dict[type, Any] = {
    Image: Image(url="https://a.example/"),
    ToolCall: ToolCall(id="c1", name="look", arguments='{"a":1}'),
    Thought: Thought(text="hm", seal="s", model="m"),
    Tool: Tool(name="look", description="d", parameters={"type": "object"}),
    ToolChoice: ToolChoice(mode="named", name="look"),
    OutputShape: OutputShape(schema={"type": "object"}),
    Thinking: Thinking(effort="low", tokens=5),
    Sampling: Sampling(max_tokens=5, temperature=0, stop=("a",), n=2, seed=1, top_logprobs=1),
    Wish: Wish(),
}


def chat_of(**parts: Any) -> Chat:
    """A chat that has one of everything, with some of it another."""
    told: dict[str, Any] = {kind.__name__: part for kind, part in PARTS.items()} | parts
    message = parts.get("Message") or Message(
        role="user",
        text="hi",
        images=(told["Image"],),
        tool_calls=(told["ToolCall"],),
        tool_call_id="c0",
        thoughts=(told["Thought"],),
    )
    return Chat(
        messages=(message,),
        sampling=told["Sampling"],
        tools=(told["Tool"],),
        tool_choice=told["ToolChoice"],
        shape=told["OutputShape"],
        thinking=told["Thinking"],
        wish=told["Wish"],
    )


def changed(kind: type, field: str, value: Any) -> Chat:
    if kind is Chat:
        return replace(chat_of(), **{field: value})
    part = PARTS.get(kind, chat_of().messages[0])
    return chat_of(**{kind.__name__: replace(part, **{field: value})})


def cases(of: dict[type, dict[str, Any]]) -> list[Any]:
    return [
        pytest.param(kind, field, value, id=f"{kind.__name__}.{field}")
        for kind, fields in of.items()
        for field, value in fields.items()
    ]


@pytest.mark.parametrize("kind", CHANGES, ids=lambda kind: kind.__name__)
def test_of_every_field_it_is_decided_whether_it_changes_the_answer(kind: type) -> None:
    fields = {field.name for field in dataclasses.fields(kind)}
    assert set(CHANGES[kind]) | set(INDIFFERENT.get(kind, {})) == fields


@pytest.mark.parametrize(("kind", "field", "value"), cases(CHANGES))
def test_what_changes_the_answer_changes_the_fingerprint(
    kind: type, field: str, value: Any
) -> None:
    assert fingerprint(changed(kind, field, value)) != fingerprint(chat_of())


@pytest.mark.parametrize(("kind", "field", "value"), cases(INDIFFERENT))
def test_what_does_not_leaves_it(kind: type, field: str, value: Any) -> None:
    other = changed(kind, field, value)
    assert other != chat_of() and fingerprint(other) == fingerprint(chat_of())


def test_another_ladder_has_other_fingerprints() -> None:
    assert fingerprint(chat_of(), ladder="a") != fingerprint(chat_of(), ladder="b")


def test_keys_of_a_schema_count_in_their_order() -> None:
    one = OutputShape(schema={"a": {}, "b": {}})
    other = OutputShape(schema={"b": {}, "a": {}})
    assert fingerprint(chat_of(OutputShape=one)) != fingerprint(chat_of(OutputShape=other))


def test_tags_and_needs_have_no_order() -> None:
    tags = [frozenset(told) for told in (("a", "b", "c"), ("c", "b", "a"))]
    one, other = (fingerprint(replace(chat_of(), tags=told)) for told in tags)
    assert one == other != fingerprint(chat_of())
    needs = [frozenset(told) for told in (("images", "tools"), ("tools", "images"))]
    told, turned = (fingerprint(chat_of(Wish=Wish(needs=need))) for need in needs)
    assert told == turned != fingerprint(chat_of())


def test_any_text_has_a_fingerprint() -> None:
    for text in ("\x00", "\ud800", "\u2028", "é", "𝄞", "x" * 10_000):
        message = Message(role="user", text=text)
        assert len(fingerprint(Chat(messages=(message,)))) == 64


TEXT = st.sampled_from(["", "a", "b", '"', "\\", ",", "[", "null", "\ud800", "é"])
NUMBER = st.sampled_from([None, 0, 1, 0.5])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
IMAGE = st.builds(Image, url=TEXT, at=st.none() | st.integers(0, 1))
MESSAGE = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool"]),
    text=TEXT,
    images=st.lists(st.builds(Image, url=TEXT, at=st.none() | st.integers(0, 1)), max_size=2).map(
        tuple
    ),
    tool_calls=st.lists(st.builds(ToolCall, id=TEXT, name=TEXT, arguments=TEXT), max_size=2).map(
        tuple
    ),
    tool_call_id=st.none() | TEXT,
    name=st.none() | TEXT,
    thoughts=st.lists(st.builds(Thought, text=TEXT, seal=TEXT, model=TEXT), max_size=1).map(tuple),
    failed=st.booleans(),
)
CHAT = st.builds(
    Chat,
    messages=st.lists(MESSAGE, max_size=2).map(tuple),
    sampling=st.builds(
        Sampling,
        max_tokens=st.none() | st.integers(1, 2),
        temperature=NUMBER,
        stop=st.lists(TEXT, max_size=2).map(tuple),
        n=st.integers(1, 2),
    ),
    tools=st.lists(st.builds(Tool, name=TEXT, description=TEXT, parameters=OBJECT), max_size=1).map(
        tuple
    ),
    shape=st.none() | st.builds(OutputShape, name=TEXT, schema=st.none() | OBJECT),
    wish=st.builds(Wish, pin=st.none() | TEXT, step_type=st.none() | st.sampled_from(StepType)),
    tenant=TEXT,
    cache_salt=st.none() | TEXT,
    agent=st.none() | TEXT,
)


@given(CHAT, CHAT)
def test_two_chats_share_a_fingerprint_only_where_they_are_the_same(a: Chat, b: Chat) -> None:
    # repr tells 1 from True, and the order of keys
    assert (fingerprint(a) == fingerprint(b)) == (repr(a) == repr(b))


@given(CHAT, CHAT, st.integers(0, 10_000))
def test_a_chat_with_one_part_of_another_is_another(a: Chat, b: Chat, pick: int) -> None:
    names = [field.name for field in dataclasses.fields(Chat)]
    name = names[pick % len(names)]
    mixed = replace(a, **{name: getattr(b, name)})
    same = repr(getattr(a, name)) == repr(getattr(b, name))
    assert (fingerprint(mixed) == fingerprint(a)) == same


@given(CHAT, TEXT, TEXT)
def test_tenants_never_share_one(chat: Chat, one: str, other: str) -> None:
    a, b = (fingerprint(replace(chat, tenant=tenant)) for tenant in (one, other))
    assert (a == b) == (one == other)
