"""Do two answers that say the same look alike, and only they?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.likeness import likeness
from rungwise.types import Choice, ToolCall

LONG = "the quick brown fox jumps over the lazy dog and then it sleeps"

values = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


def like(one: str, other: str, *, shaped: bool = False) -> float:
    return likeness(Choice(text=one), Choice(text=other), shaped=shaped)


def calls(*told: tuple[str, str]) -> Choice:
    return Choice(tool_calls=tuple(ToolCall(id="x", name=n, arguments=a) for n, a in told))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", " paris.\n"),
        ("**Paris**", '"Paris"'),
        ("It is 4.", "it is 4"),
        ("\uff34\uff32\uff35\uff25", "true"),
        ("\u6771\u4eac\u3002", "\u6771\u4eac"),
        ("\u6771\u4eac\uff01", "\u6771\u4eac"),
        ("1.0", "1"),
        ('{"a": 1, "b": [2]}', '{ "b":[2], "a":1.0 }'),
    ],
)
def test_the_same_short_answer(one: str, other: str) -> None:
    assert like(one, other) == like(other, one) == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Paris", "Lyon"),
        ("-5 degrees", "5 degrees"),
        (".5 l", "5 l"),
        ("2 * 3", "2 3"),
        ("3.5 l", "35 l"),
        ("50%", "50"),
        ("it is true", "it is not true"),
        ("true", "1"),
        ('{"a": 1}', '{"a": 2}'),
        ("[1, 2]", "[2, 1]"),
        ("Paris", ""),
        ("\u6771\u4eac", "\u4eac\u90fd"),
    ],
)
def test_another_short_answer(one: str, other: str) -> None:
    assert like(one, other) == like(other, one) == 0.0


def test_long_prose_is_alike_by_its_words_in_order() -> None:
    assert like(LONG, LONG.upper() + "!") == 1.0
    assert like(LONG, "nothing of this kind was ever said by anybody here") == 0.0
    # 13 of 13 words and 13 of 26: 2 * 13 / 39
    assert like(LONG, f"{LONG} and so he said at last that nothing more was to be done") == (
        pytest.approx(2 * 13 / 39)
    )


def test_both_ends_of_long_prose_are_compared() -> None:
    middle = " ".join(f"w{i}" for i in range(300))
    assert like(f"{middle} so yes", f"{middle} so no") < 1.0
    assert like(f"yes {middle}", f"no {middle}") < 1.0


def test_where_json_was_asked_for_prose_is_like_nothing() -> None:
    assert like("a", "a", shaped=True) == 0.0
    assert like("[1]", "[1]", shaped=True) == 1.0
    assert like('{"a":' * 5000, "[1]", shaped=True) == 0.0


def test_tool_calls_are_the_same_by_name_and_arguments() -> None:
    one = calls(("f", '{"x": 1, "y": 2}'), ("g", "{}"))
    assert likeness(one, calls(("g", "{}"), ("f", '{"y": 2, "x": 1}')), shaped=False) == 1.0
    assert likeness(one, calls(("f", '{"x": 1, "y": 2}')), shaped=False) == 0.0
    assert likeness(calls(("f", "{}")), calls(("g", "{}")), shaped=False) == 0.0
    assert likeness(calls(("f", "{half")), calls(("f", "{half")), shaped=False) == 1.0
    assert likeness(calls(("f", "{}")), Choice(text="f {}"), shaped=False) == 0.0


@given(values)
def test_a_json_value_is_like_itself_however_it_is_spelt(value: object) -> None:
    one, other = json.dumps(value), json.dumps(value, indent=2, ensure_ascii=False)
    assert like(one, other) == like(one, other, shaped=True) == 1.0


@given(st.text(), st.text())
def test_likeness_is_a_share_and_any_answer_is_like_itself(one: str, other: str) -> None:
    assert 0.0 <= like(one, other) <= 1.0
    assert like(one, one) == 1.0
