"""What counts as the shape that was asked for, and what does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import ChecksConfig
from rungwise.types import (
    Accept,
    Chat,
    Choice,
    Draft,
    Escalate,
    Message,
    OutputShape,
    Tool,
    ToolCall,
    ToolChoice,
)
from rungwise.verify.checks import Checks

SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}


def verdict(
    choice: Choice, config: ChecksConfig | None = None, said: str = "x", **chat: Any
) -> Accept | Escalate:
    asked = Chat(messages=(Message(role="user", text=said),), **chat)
    checks = Checks() if config is None else Checks(config)
    return checks.check(asked, Draft(choices=(choice,)))


def called(arguments: str, name: str = "f") -> Choice:
    return Choice(tool_calls=(ToolCall(id="1", name=name, arguments=arguments),))


@pytest.mark.parametrize(
    ("text", "schema", "fault"),
    [
        ('{"n": 1}', SCHEMA, None),
        ('{"n": 1.5}', SCHEMA, "breaks the schema"),
        ('{"m": 1}', SCHEMA, "breaks the schema"),
        ('{"n": 1', SCHEMA, "not JSON"),
        ("NaN", SCHEMA, "not JSON"),
        ("[" * 100_000, SCHEMA, "not JSON"),
        ("[1]", None, "not a JSON object"),
        ("{}", None, None),
        ("{}", {"$ref": "#/nowhere"}, "could not be checked"),
        ("{}", {"$ref": "http://example.invalid/schema"}, "could not be checked"),
        ("{}", {"type": 12}, "could not be checked"),
    ],
)
def test_json_answers(text: str, schema: dict[str, Any] | None, fault: str | None) -> None:
    found = verdict(Choice(text=text), shape=OutputShape(schema=schema))
    if fault is None:
        assert isinstance(found, Accept)
    else:
        assert isinstance(found, Escalate) and fault in found.reason


@pytest.mark.parametrize(
    ("choice", "tool_choice", "fault"),
    [
        (called('{"n": 1}'), ToolChoice(), None),
        (called('{"n": "1"}'), ToolChoice(), "breaks the schema"),
        (called("{"), ToolChoice(), "are not JSON"),
        (called("{}", name="g"), ToolChoice(), "was not offered: 'g'"),
        (Choice(text="no"), ToolChoice(), None),
        (Choice(text="no"), ToolChoice(mode="required"), "no tool was called"),
        (called('{"n": 1}'), ToolChoice(mode="named", name="g"), "instead of 'g'"),
    ],
)
def test_tool_calls(choice: Choice, tool_choice: ToolChoice, fault: str | None) -> None:
    tools = (Tool(name="f", parameters=SCHEMA),)
    found = verdict(choice, tools=tools, tool_choice=tool_choice)
    if fault is None:
        assert isinstance(found, Accept)
    else:
        assert isinstance(found, Escalate) and fault in found.reason


def test_two_calls_where_one_is_allowed() -> None:
    one = ToolCall(id="1", name="f", arguments='{"n": 1}')
    found = verdict(
        Choice(tool_calls=(one, one)),
        tools=(Tool(name="f", parameters=SCHEMA),),
        tool_choice=ToolChoice(parallel=False),
    )
    assert isinstance(found, Escalate)


def test_a_refusal_is_not_held_against_its_shape() -> None:
    assert isinstance(verdict(Choice(refusal="no"), shape=OutputShape(schema=SCHEMA)), Accept)


SUM = "So 12 + 7 = 20."
CODE = "```python\nx = (1\n```"


def test_a_wrong_sum_escalates_unless_sums_are_not_checked() -> None:
    found = verdict(Choice(text=SUM))
    assert found == Escalate(reason="12 + 7 = 20 is wrong: it is 19")
    assert isinstance(verdict(Choice(text=SUM), ChecksConfig(arithmetic=False)), Accept)
    assert isinstance(verdict(Choice(text=CODE), ChecksConfig(arithmetic=False)), Escalate)


def test_code_that_does_not_parse_escalates_unless_code_is_not_checked() -> None:
    found = verdict(Choice(text=CODE))
    assert isinstance(found, Escalate) and "does not parse" in found.reason
    assert isinstance(verdict(Choice(text=CODE), ChecksConfig(code=False)), Accept)
    assert isinstance(verdict(Choice(text=SUM), ChecksConfig(code=False)), Escalate)


def test_a_sum_of_the_caller_is_not_held_against_the_draft() -> None:
    assert isinstance(verdict(Choice(text=SUM), said="12 + 7 = 20, and 3 + 3?"), Accept)


def test_only_prose_is_checked_for_sums_and_code() -> None:
    shaped = Choice(text='{"note": "12 + 7 = 20"}')
    assert isinstance(verdict(shaped, shape=OutputShape()), Accept)
    calling = Choice(text=SUM, tool_calls=called('{"n": 1}').tool_calls)
    assert isinstance(verdict(calling, tools=(Tool(name="f"),)), Accept)
    assert isinstance(verdict(Choice(text=SUM, refusal="no")), Accept)


def test_half_a_program_is_not_checked_but_its_sums_are() -> None:
    assert isinstance(verdict(Choice(text=CODE, finish="length")), Accept)
    assert isinstance(verdict(Choice(text=SUM, finish="length")), Escalate)


def test_every_choice_is_checked() -> None:
    asked = Chat(messages=(Message(role="user", text="x"),))
    draft = Draft(choices=(Choice(text="Yes."), Choice(text=SUM)))
    assert isinstance(Checks().check(asked, draft), Escalate)


@given(st.text(max_size=200), st.text(max_size=60))
def test_it_never_raises(text: str, arguments: str) -> None:
    choice = Choice(text=text, tool_calls=called(arguments).tool_calls)
    verdict(choice, shape=OutputShape(schema=SCHEMA), tools=(Tool(name="f", parameters=SCHEMA),))
    verdict(Choice(text=text))
