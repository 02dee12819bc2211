"""Is what is worth caching marked, named and salted, and never shared by two tenants?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.tiers.hosted.prefix import MOST_MARKS, cache_key, cache_salt, longest_mark, marked
from rungwise.types import CacheMark, Chat, Message, Tool

LONG = "x" * 4096
SYSTEM = Message(role="system", text=LONG)
ASKED = Message(role="user", text="hello")
SAID = Message(role="assistant", text="hi")
TOOL = Tool(name="f", description=LONG)


def mark(chat: Chat, **more: Any) -> Chat:
    return marked(chat, **{"automatic": True, "minimum": 1024, "ttl": "5m", **more})


def places(chat: Chat) -> list[str]:
    tools = [t.name for t in chat.tools if t.cache_mark]
    return tools + [f"{m.role} {i}" for i, m in enumerate(chat.messages) if m.cache_mark]


# ---- marks ----


def test_the_mark_before_is_where_the_last_step_wrote() -> None:
    chat = Chat(messages=(SYSTEM, ASKED), tools=(TOOL,))
    first = mark(chat)
    second = mark(replace(chat, messages=(*chat.messages, SAID, ASKED)))
    third = mark(replace(chat, messages=(*chat.messages, SAID, ASKED, SAID, ASKED)))
    assert places(first) == ["f", "system 0", "user 1"]
    assert places(second) == ["f", "system 0", "user 1", "user 3"]
    assert places(third) == ["f", "system 0", "user 3", "user 5"]


def test_a_turn_of_several_messages_is_marked_at_its_end() -> None:
    result = Message(role="tool", text="42", tool_call_id="1")
    chat = Chat(messages=(SYSTEM, ASKED, SAID, result, result, ASKED))
    assert places(mark(chat)) == ["system 0", "user 1", "user 5"]


def test_a_late_system_message_ends_neither_head_nor_turn() -> None:
    late = Message(role="developer", text="be brief")
    chat = Chat(messages=(SYSTEM, ASKED, SAID, ASKED, late))
    assert places(mark(chat)) == ["system 0", "user 1", "user 3"]


def test_a_conversation_that_ends_with_the_assistant_is_marked_before_it() -> None:
    assert places(mark(Chat(messages=(SYSTEM, ASKED, SAID)))) == ["system 0", "user 1"]


@pytest.mark.parametrize(("size", "reached"), [(4095, False), (4096, True)])
def test_only_a_prefix_of_the_minimum_is_marked(size: int, reached: bool) -> None:
    chat = Chat(messages=(Message(role="system", text="x" * size), ASKED))
    assert bool(places(mark(chat))) is reached
    assert not places(mark(chat, minimum=2048))


def test_what_is_cached_is_counted_from_the_prompts_beginning() -> None:
    half = "x" * 2048
    chat = Chat(messages=(Message(role="system", text=half), Message(role="user", text=half)))
    assert places(mark(replace(chat, tools=(Tool(name="f"),)))) == ["user 1"]


def test_without_leave_nothing_is_added_and_nothing_taken() -> None:
    chat = Chat(messages=(SYSTEM, replace(ASKED, cache_mark="1h")), tools=(TOOL,))
    assert mark(chat, automatic=False) == chat
    assert mark(chat) == chat, "the caller's own win"
    bare = Chat(messages=(SYSTEM, ASKED), tools=(TOOL,))
    assert mark(bare, automatic=False) is bare


def test_of_too_many_marks_the_last_in_the_prompt_stay() -> None:
    tools = (replace(TOOL, cache_mark="1h"),)
    users = tuple(replace(ASKED, cache_mark="5m") for _ in range(3))
    late = replace(SYSTEM, cache_mark="1h")
    kept = mark(Chat(messages=(*users, late), tools=tools))
    assert places(kept) == ["user 0", "user 1", "user 2", "system 3"], "tools come first"


MESSAGES = st.lists(
    st.builds(
        Message,
        role=st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
        text=st.text(max_size=40),
        cache_mark=st.sampled_from([None, None, "5m", "1h"]),
    ),
    max_size=12,
).map(tuple)
TOOLS = st.lists(
    st.builds(Tool, name=st.just("f"), cache_mark=st.sampled_from([None, "5m"])), max_size=6
).map(tuple)


@given(MESSAGES, TOOLS, st.integers(0, 20), st.booleans())
def test_there_are_never_more_than_four_and_nothing_else_changes(
    messages: Any, tools: Any, minimum: int, automatic: bool
) -> None:
    chat = Chat(messages=messages, tools=tools)
    found = mark(chat, minimum=minimum, automatic=automatic)
    assert len(places(found)) <= MOST_MARKS
    bare = replace(
        found,
        messages=tuple(replace(m, cache_mark=None) for m in found.messages),
        tools=tuple(replace(t, cache_mark=None) for t in found.tools),
    )
    assert bare == replace(
        chat,
        messages=tuple(replace(m, cache_mark=None) for m in messages),
        tools=tuple(replace(t, cache_mark=None) for t in tools),
    )
    if places(chat):
        assert set(places(found)) <= set(places(chat))


@pytest.mark.parametrize(
    ("own", "automatic", "ttl", "longest"),
    [
        (None, True, "5m", "5m"),
        (None, True, "1h", "1h"),
        (None, False, "1h", "never"),
        ("5m", True, "1h", "5m"),
        ("1h", False, "5m", "1h"),
    ],
)
def test_the_longest_mark_bounds_the_price(
    own: CacheMark | None, automatic: bool, ttl: CacheMark, longest: str
) -> None:
    chat = Chat(messages=(replace(ASKED, cache_mark=own),))
    assert longest_mark(chat, automatic=automatic, ttl=ttl) == longest


# ---- names ----


def key(*messages: Message, **more: Any) -> str | None:
    return cache_key(Chat(messages=messages, **more), automatic=True)


def test_first_turns_share_the_key_of_their_head() -> None:
    other = Message(role="user", text="another question")
    assert key(SYSTEM, ASKED) == key(SYSTEM, other)
    assert key(SYSTEM, ASKED) != key(Message(role="system", text="y"), ASKED)
    assert key(SYSTEM, ASKED) != key(SYSTEM, ASKED, tools=(TOOL,))


def test_the_steps_of_a_conversation_share_a_key_of_their_own() -> None:
    more = (SAID, ASKED, SAID, ASKED)
    other = Message(role="user", text="another question")
    assert key(SYSTEM, ASKED, SAID, ASKED) == key(SYSTEM, ASKED, *more)
    assert key(SYSTEM, ASKED, SAID, ASKED) != key(SYSTEM, other, SAID, ASKED)


def test_the_callers_name_wins_within_its_tenant() -> None:
    mine = key(ASKED, conversation="c", tenant="a")
    assert mine == key(SYSTEM, SAID, conversation="c", tenant="a")
    assert mine != key(ASKED, conversation="c", tenant="b")
    assert mine is not None and len(mine) <= 64 and mine != "c"
    unasked = Chat(messages=(ASKED,), conversation="c", tenant="a")
    assert cache_key(unasked, automatic=False) == mine
    assert cache_key(replace(unasked, conversation=None), automatic=False) is None


def test_two_tenants_never_share_a_key() -> None:
    assert key(SYSTEM, ASKED, tenant="a") != key(SYSTEM, ASKED, tenant="b")


# ---- salts ----


@given(st.text(), st.text(), st.text() | st.none(), st.text() | st.none())
def test_a_salt_is_one_tenants_and_one_salts(
    one: str, other: str, mine: str | None, theirs: str | None
) -> None:
    first = cache_salt(Chat(messages=(), tenant=one, cache_salt=mine))
    second = cache_salt(Chat(messages=(ASKED,), tenant=other, cache_salt=theirs))
    assert (first == second) is ((one, mine or "") == (other, theirs or ""))
    assert len(first) == 32
