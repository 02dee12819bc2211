"""What headers and metadata ask for, and say of the caller, on both surfaces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from rungwise.edge.messages_wire import read_message
from rungwise.edge.names import Names
from rungwise.edge.openai_wire import read_chat
from rungwise.errors import CallerError
from rungwise.types import Chat
from tests.edge.doubles import ladder

NAMES = Names(ladder())
SURFACES = {"openai": read_chat, "messages": read_message}
both = pytest.mark.parametrize("surface", SURFACES)


def read(surface: str, headers: Mapping[str, str] | None = None, **body: Any) -> Chat:
    asked = {"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    raw = json.dumps(asked | body).encode()
    return SURFACES[surface](raw, headers or {}, NAMES).chat


def refused(surface: str, headers: Mapping[str, str] | None = None, **body: Any) -> CallerError:
    with pytest.raises(CallerError) as raised:
        read(surface, headers, **body)
    return raised.value


@both
def test_who_says_nothing_asks_for_nothing(surface: str) -> None:
    chat = read(surface)
    assert (chat.agent, chat.tags, chat.wish.needs) == (None, frozenset(), frozenset())
    assert chat.wish.least_right is None


@both
def test_an_agent_names_itself_by_header_or_metadata_and_the_header_wins(surface: str) -> None:
    header, metadata = {"x-rungwise-agent": "planner 2"}, {"agent": "größer"}
    assert read(surface, header).agent == "planner 2"
    assert read(surface, metadata=metadata).agent == "größer"
    assert read(surface, header, metadata=metadata).agent == "planner 2"


@both
def test_tags_of_header_and_metadata_count_together(surface: str) -> None:
    header, metadata = {"x-rungwise-tags": "a, b ,a"}, {"tags": "c,b"}
    assert read(surface, header).tags == {"a", "b"}
    assert read(surface, header, metadata=metadata).tags == {"a", "b", "c"}


@both
def test_a_header_that_is_sent_twice_is_one_list(surface: str) -> None:
    twice = [(b"x-rungwise-tags", b"a"), (b"x-rungwise-tags", b"private")]
    needs = [(b"x-rungwise-needs", b"tools"), (b"x-rungwise-needs", b"images")]
    chat = read(surface, Headers(raw=[*twice, *needs]))
    assert chat.tags == {"a", "private"} and chat.wish.needs == {"tools", "images"}


@both
def test_needs_are_abilities_and_least_right_is_a_probability(surface: str) -> None:
    told = {"x-rungwise-needs": "images,tools, structured,thinking"}
    wish = read(surface, told | {"x-rungwise-least-right": "0.95"}).wish
    assert wish.needs == {"images", "tools", "structured", "thinking"}
    assert wish.least_right == 0.95


@both
@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("x-rungwise-agent", ""),
        ("x-rungwise-agent", " "),
        ("x-rungwise-agent", "x" * 81),
        ("x-rungwise-agent", "a\tb"),
        ("x-rungwise-agent", "grÃ¶Ã\x9fer"),
        ("x-rungwise-agent", "gröger"),
        ("x-rungwise-tags", ""),
        ("x-rungwise-tags", "a,,b"),
        ("x-rungwise-tags", "a," + "x" * 81),
        ("x-rungwise-tags", ",".join(f"t{i}" for i in range(17))),
        ("x-rungwise-tags", "geheim-ä"),
        ("x-rungwise-needs", ""),
        ("x-rungwise-needs", "images,wings"),
        ("x-rungwise-needs", "Images"),
        ("x-rungwise-needs", "tools" + ",tools" * 64),
        ("x-rungwise-least-right", "1.01"),
        ("x-rungwise-least-right", "-0.1"),
        ("x-rungwise-least-right", "nan"),
        ("x-rungwise-least-right", "sure"),
    ],
)
def test_what_is_no_such_value_is_refused_by_the_name_of_its_header(
    surface: str, header: str, told: str
) -> None:
    fault = refused(surface, {header: told})
    assert fault.param == header and header in fault.message


def test_an_unknown_ability_is_told_which_ones_there_are() -> None:
    fault = refused("openai", {"x-rungwise-needs": "wings"})
    assert fault.message.endswith("'wings' is none of images, tools, structured, thinking")


@both
@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"agent": ""}, "metadata.agent"),
        ({"agent": "a\nb"}, "metadata.agent"),
        ({"agent": 7}, "metadata.agent"),
        ({"tags": "a,,b"}, "metadata.tags"),
        ({"tags": ["a"]}, "metadata.tags"),
        ({"tags": "x" * 81}, "metadata.tags"),
        ({"tags": "a," * 1_000_000 + "a"}, "metadata.tags"),
    ],
)
def test_so_is_a_wrong_value_in_the_metadata(
    surface: str, metadata: dict[str, Any], param: str
) -> None:
    assert refused(surface, metadata=metadata).param == param


@given(st.text(st.characters(codec="latin-1"), max_size=100))
def test_any_header_is_read_or_refused(told: str) -> None:
    for header in ("agent", "tags", "needs", "least-right"):
        try:
            chat = read("openai", {f"x-rungwise-{header}": told})
        except CallerError as fault:
            assert fault.param == f"x-rungwise-{header}"
        else:
            assert all(tag and tag == tag.strip() and "," not in tag for tag in chat.tags)


@both
def test_a_task_is_named_by_header_or_metadata_and_the_header_wins(surface: str) -> None:
    assert read(surface).task is None
    assert read(surface, metadata={"task": " größer "}).task == "größer"
    assert read(surface, {"x-rungwise-task": "t-1"}, metadata={"task": "t-2"}).task == "t-1"
    assert refused(surface, {"x-rungwise-task": "ä"}).param == "x-rungwise-task"
    assert refused(surface, metadata={"task": "x" * 81}).param == "metadata.task"


PARENT = f"00-{'4b' * 16}-{'a3' * 8}-01"


@both
@pytest.mark.parametrize(
    ("told", "known"),
    [
        (PARENT, True),
        (f"01{PARENT[2:]}", True),
        (f"01{PARENT[2:]}-more", True),
        (f"{PARENT}-more", False),
        (f"ff{PARENT[2:]}", False),
        (PARENT.upper(), False),
        (f"00-{'0' * 32}-{'a3' * 8}-01", False),
        (f"00-{'4b' * 16}-{'0' * 16}-01", False),
        (PARENT[:-1], False),
        ("", False),
        ("hello", False),
    ],
)
def test_a_traceparent_is_taken_where_it_is_one_and_else_left_alone(
    surface: str, told: str, known: bool
) -> None:
    assert read(surface, {"traceparent": told}).trace == (told if known else None)
