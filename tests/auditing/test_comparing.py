"""What does a program say of two answers, and of which does it say nothing?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.auditing.comparing import same
from rungwise.types import Chat, Choice, JsonObject, Message, OutputShape, StepType, ToolCall

CHAT = Chat(messages=(Message(role="user", text="What is it?"),))
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "label": {"enum": ["spam", "ham"]},
        "urgent": {"type": "boolean"},
        "why": {"type": "string"},
        "parts": {"type": "array", "items": {"enum": [1, 2, 3]}},
    },
}
SHAPED = Chat(messages=CHAT.messages, shape=OutputShape(schema=SCHEMA))


def said(text: str) -> Choice:
    return Choice(text=text, finish="stop")


def told(value: object) -> Choice:
    return said(json.dumps(value))


def called(*calls: tuple[str, str]) -> Choice:
    made = tuple(ToolCall(id=f"{n}", name=name, arguments=a) for n, (name, a) in enumerate(calls))
    return Choice(tool_calls=made, finish="tool_calls")


@pytest.mark.parametrize("step_type", StepType)
def test_whatever_the_step_the_same_text_is_the_same(step_type: StepType) -> None:
    long = "Once upon a time there was a step. " * 20
    assert same(CHAT, step_type, said(long), said(f"{long}\n")) is True


@pytest.mark.parametrize("step_type", StepType)
def test_of_two_texts_in_other_words_a_program_says_nothing(step_type: StepType) -> None:
    one, other = "It rained all day in Paris, says the report. " * 5, "Paris was wet. " * 9
    assert same(CHAT, step_type, said(one), said(other)) is None


def test_long_texts_that_differ_only_in_their_middle_are_not_the_same() -> None:
    ends = "word " * 200
    one, other = said(f"{ends} yes {ends}"), said(f"{ends} no {ends}")
    assert same(CHAT, StepType.OPEN_CHAT, one, other) is None


def test_the_indentation_of_code_counts() -> None:
    one = said("if a:\n    b()\n    c()\n" + "# a remark that makes it long enough\n" * 4)
    other = said("if a:\n    b()\nc()\n" + "# a remark that makes it long enough\n" * 4)
    assert same(CHAT, StepType.CODE_GENERATION, one, other) is None


def test_tool_calls_agree_by_name_and_arguments_in_any_order() -> None:
    one = called(("find", '{"q": "a", "n": 1}'), ("save", "{}"))
    other = called(("save", "{}"), ("find", '{"n": 1.0, "q": "a"}'))
    assert same(CHAT, StepType.TOOL_SELECTION, one, other) is True


@pytest.mark.parametrize(
    "other",
    [
        called(("find", '{"q": "b"}')),
        called(("look", '{"q": "a"}')),
        called(("find", '{"q": "a"}'), ("find", '{"q": "a"}')),
        said("I need no tool."),
    ],
)
def test_another_call_may_do_as_well(other: Choice) -> None:
    one = called(("find", '{"q": "a"}'))
    assert same(CHAT, StepType.TOOL_SELECTION, one, other) is None
    assert same(CHAT, StepType.TOOL_SELECTION, other, one) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(value=st.dictionaries(st.text(max_size=3), json_values), step_type=st.sampled_from(StepType))
def test_the_same_value_is_the_same_however_it_is_spelt(value: object, step_type: StepType) -> None:
    spelt = said(json.dumps(value, indent=3, sort_keys=True))
    assert same(SHAPED, step_type, told(value), spelt) is True


@given(one=json_values, other=json_values, step_type=st.sampled_from(StepType))
def test_it_is_the_same_the_other_way_round(
    one: object, other: object, step_type: StepType
) -> None:
    there = same(SHAPED, step_type, told(one), told(other))
    assert there is same(SHAPED, step_type, told(other), told(one))


@pytest.mark.parametrize("step_type", [StepType.CLASSIFICATION, StepType.EXTRACTION])
@pytest.mark.parametrize(
    ("other", "found"),
    [
        ({"label": "ham", "urgent": True, "why": "a"}, False),
        ({"label": "spam", "urgent": False, "why": "a"}, False),
        ({"label": "spam", "urgent": True, "why": "another word for it"}, None),
        ({"label": "spam", "urgent": True}, None),
        ({"label": "of no list", "urgent": True, "why": "a"}, None),
        ({"label": "spam", "urgent": "true", "why": "a"}, None),
        ({"label": "spam", "urgent": True, "why": "a"}, True),
    ],
)
def test_only_where_a_field_takes_few_values_another_one_is_wrong(
    step_type: StepType, other: object, found: bool | None
) -> None:
    one = told({"label": "spam", "urgent": True, "why": "a"})
    assert same(SHAPED, step_type, one, told(other)) is found


def test_items_of_a_list_are_fields_too_and_lists_of_other_lengths_are_read_by_somebody() -> None:
    extraction = StepType.EXTRACTION
    assert same(SHAPED, extraction, told({"parts": [1, 2]}), told({"parts": [1, 3]})) is False
    assert same(SHAPED, extraction, told({"parts": [1, 2]}), told({"parts": [1]})) is None


def test_a_plan_may_name_another_value_of_an_enum() -> None:
    one, other = told({"label": "spam"}), told({"label": "ham"})
    assert same(SHAPED, StepType.PLANNING, one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("spam", "Spam.", True),
        ("**spam**", "spam", True),
        ("spam", "ham", False),
        ("spam", "It is spam.", None),
        ("not spam", "spam", None),
    ],
)
def test_one_word_is_a_label(one: str, other: str, found: bool | None) -> None:
    assert same(CHAT, StepType.CLASSIFICATION, said(one), said(other)) is found


def test_one_word_of_a_conversation_is_no_label() -> None:
    assert same(CHAT, StepType.OPEN_CHAT, said("Hello!"), said("Hi!")) is None


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("42", "42.0", True),
        ("1,000", "1000", True),
        ("$12.50", "12.5", True),
        ("First 6 x 7. The answer is 42.", "6 * 7 = 42\n#### 42", True),
        (r"So \boxed{42}", "Answer: **42** apples", True),
        ("42", "43.5", False),
        ("6 x 7, so the answer is 42 apples.", "#### 48", False),
        ("3.14", "3.1416", None),
        ("50%", "50", True),  # read both ways: nobody says of what
        ("0.5", "50", None),
        ("the answer is 10/2", "the answer is 10", None),
        ("the answer is 3 or 4", "the answer is 3", None),
        ("forty-two", "42", None),
        ("there are 3 of them", "there are 5 of them", None),
    ],
)
def test_the_number_of_a_solution_decides(one: str, other: str, found: bool | None) -> None:
    assert same(CHAT, StepType.MULTI_STEP_REASONING, said(one), said(other)) is found
    assert same(CHAT, StepType.MULTI_STEP_REASONING, said(other), said(one)) is found


def test_of_other_steps_another_number_may_be_right_too() -> None:
    assert same(CHAT, StepType.OPEN_CHAT, said("7"), said("7.0")) is True
    assert same(CHAT, StepType.OPEN_CHAT, said("7"), said("3")) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "answer is " * 20_000, "\\boxed{" * 9])
def test_a_hostile_answer_is_only_another_text(text: str) -> None:
    for step_type in StepType:
        assert same(CHAT, step_type, said(text), said("42")) is None
