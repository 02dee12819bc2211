"""Which parts of a JSON answer or a tool call are its values."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.deciding import Deciding, JsonValues
from rungwise.types import Chat, Message, OutputShape, Piece, ToolCallDelta

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


def deciding_text(text: str) -> str:
    values = JsonValues()
    return "".join(char for char in text if values.feed(char))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"name": "Ma\\"x", "n": 12}', 'Ma\\"x"12'),
        ('["a", {"b": true}]', 'a"true'),
        ('{"a": {"b": "c"}, "d": null}', 'c"null'),
        ("{}", "}"),
    ],
)
def test_keys_and_braces_do_not_decide(text: str, kept: str) -> None:
    assert deciding_text(text) == kept


@given(JSON)
def test_every_scalar_decides_and_feeding_in_parts_changes_nothing(value: object) -> None:
    text = json.dumps(value)
    whole = JsonValues().feed(text)
    assert whole == any(JsonValues.feed(v, c) for v in [JsonValues()] for c in text)


def chat(shape: OutputShape | None = None) -> Chat:
    return Chat(messages=(Message(role="user", text="x"),), shape=shape)


def test_in_prose_every_token_decides_but_reasoning_does_not() -> None:
    deciding = Deciding(chat())
    assert deciding.feed(Piece("hello"))
    assert not deciding.feed(Piece(reasoning="thinking"))


def test_in_a_tool_call_the_name_and_the_values_decide() -> None:
    deciding = Deciding(chat())
    assert deciding.feed(Piece(tool_calls=(ToolCallDelta(0, id="1", name="f"),)))
    assert not deciding.feed(Piece(tool_calls=(ToolCallDelta(0, arguments='{"city": "'),)))
    assert deciding.feed(Piece(tool_calls=(ToolCallDelta(0, arguments="Oslo"),)))


def test_with_a_schema_only_values_decide() -> None:
    deciding = Deciding(chat(OutputShape()))
    assert [deciding.feed(Piece(part)) for part in ('{"', "name", '": "', "Mara", '"', "}")] == [
        False,
        False,
        False,
        True,
        True,
        False,
    ]
