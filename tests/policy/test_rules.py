"""Which rule fits which chat, and what a text can do against them."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rungwise.config import RoutingConfig, RuleConfig
from rungwise.policy.rules import LONGEST_TOGETHER_S, SEARCHED, Fit, Rules
from rungwise.types import Chat, Message, OutputShape, StepType, Tool

STALLS = r"(a+)+$"
STALLED = "a" * 3000 + "!"


def rule(step_type: str = "planning", **told: Any) -> RuleConfig:
    return RuleConfig(step_type=StepType(step_type), **told)


def ask(text: str = "hi", *, system: str | None = None, **told: Any) -> Chat:
    head = () if system is None else (Message(role="system", text=system),)
    return Chat(messages=(*head, Message(role="user", text=text)), **told)


def tools(*names: str) -> tuple[Tool, ...]:
    return tuple(Tool(name=name) for name in names)


def first(rules: Rules, chat: Chat) -> tuple[int, StepType] | None:
    found = rules.first(chat)
    return None if found is None else (found.number, found.step_type)


NAMED = OutputShape(name="ticket", schema={"type": "object"})


@pytest.mark.parametrize(
    ("told", "fits", "fails"),
    [
        ({"tools": ["a", "b"]}, ask(tools=tools("b", "a")), ask(tools=tools("a"))),
        ({"tools": ["a"]}, ask(tools=tools("a")), ask(tools=tools("a", "b"))),
        ({"tools": []}, ask(), ask(tools=tools("a"))),
        ({"any_tool": ["a", "b"]}, ask(tools=tools("b", "c")), ask(tools=tools("c"))),
        ({"any_tool": ["a"]}, ask(tools=tools("a")), ask()),
        ({"shape": "ticket"}, ask(shape=NAMED), ask(shape=OutputShape(name="ticket"))),
        ({"shape": "ticket"}, ask(shape=NAMED), ask(shape=OutputShape(schema={}))),
        ({"shape": "*"}, ask(shape=OutputShape()), ask()),
        ({"prompt": r"(?i)\bplan\b"}, ask("Plan it"), ask("explain it")),
        ({"prompt": r"^\p{Lu}"}, ask("Äpfel"), ask("äpfel")),
        ({"system": "planner"}, ask(system="You are the planner."), ask("planner")),
        ({"route": "auto"}, ask(route="auto"), ask(route="tier1")),
        ({"agent": "p"}, ask(agent="p"), ask(agent="q")),
        ({"agent": "p"}, ask(agent="p"), ask()),
        ({"agent": "p", "prompt": "now"}, ask("now", agent="p"), ask("later", agent="p")),
    ],
)
def test_a_rule_fits_where_everything_that_it_says_is_so(
    told: dict[str, Any], fits: Chat, fails: Chat
) -> None:
    rules = Rules([rule(**told)])
    assert first(rules, fits) == (1, StepType.PLANNING)
    assert rules.first(fails) is None


def test_the_first_that_fits_counts_by_its_number() -> None:
    rules = Rules([rule(agent="p"), rule("extraction", prompt="x"), rule("open_chat", prompt="x")])
    assert first(rules, ask("x")) == (2, StepType.EXTRACTION)
    assert first(rules, ask("x", agent="p")) == (1, StepType.PLANNING)
    assert Rules([]).first(ask("x")) is None


def test_what_a_text_decided_is_told_with_what_the_others_say() -> None:
    rules = Rules([rule(prompt="x", agent="p"), rule("extraction", agent="p")])
    assert rules.first(ask("x", agent="p")) == Fit(
        number=1, step_type=StepType.PLANNING, by_text=True, otherwise=StepType.EXTRACTION
    )
    assert rules.first(ask("y", agent="p")) == Fit(number=2, step_type=StepType.EXTRACTION)


def test_the_prompt_is_the_last_turn_of_a_user_or_a_tool() -> None:
    rules = Rules([rule(prompt="needle")])
    result = Message(role="tool", text="a needle", tool_call_id="c")
    said = Message(role="assistant", text="needle")
    user, plain = Message(role="user", text="needle"), Message(role="user", text="hay")
    assert rules.first(Chat(messages=(plain, said, result))) is not None
    assert rules.first(Chat(messages=(user, said))) is not None
    assert rules.first(Chat(messages=(user, said, plain))) is None
    assert rules.first(Chat(messages=(said,))) is None
    assert rules.first(Chat(messages=())) is None


def test_of_a_long_text_both_ends_are_searched() -> None:
    rules = Rules([rule(prompt="needle")])
    hay = "hay " * SEARCHED
    assert rules.first(ask(f"needle {hay}")) and rules.first(ask(f"{hay} needle"))
    assert rules.first(ask(f"{hay} needle {hay}")) is None
    cut = "x" * SEARCHED + "y" * SEARCHED + "z" * SEARCHED
    assert Rules([rule(prompt="xz")]).first(ask(cut)) is None, "its ends are not put together"


def test_a_pattern_that_a_text_stalls_does_not_fit_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    rules = Rules([rule(prompt=STALLS), rule("extraction", prompt="!$")])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert first(rules, ask(STALLED)) == (2, StepType.EXTRACTION)
    assert first(rules, ask("aaa")) == (1, StepType.PLANNING)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "rule 1: its prompt took longer" in caplog.text and "aaa" not in caplog.text


def test_many_stalled_patterns_together_take_no_longer_than_a_few() -> None:
    rules = Rules([rule(prompt=STALLS)] * 200 + [rule(agent="p")])
    begun = time.thread_time()
    assert first(rules, ask(STALLED, agent="p")) == (201, StepType.PLANNING)
    assert time.thread_time() - begun < 50 * LONGEST_TOGETHER_S  # 200 x 2 ms would be over it


@given(st.text(max_size=200), st.sampled_from(["a|b", r"(?s).*x", r"\bplan", r"[^\w\s]{3}", "^$"]))
def test_any_text_is_searched(text: str, pattern: str) -> None:
    Rules([rule(prompt=pattern, system=pattern)]).first(ask(text, system=text))


def test_a_text_of_surrogates_is_searched() -> None:
    assert Rules([rule(prompt="x")]).first(ask("\ud800x")) is not None


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "*", "", "x" * 1001])
def test_what_is_no_pattern_is_refused_by_its_place(pattern: str) -> None:
    document = {"rules": [{"step_type": "planning", "prompt": pattern}]}
    with pytest.raises(ValidationError) as raised:
        RoutingConfig.model_validate(document)
    assert raised.value.errors()[0]["loc"] == ("rules", 0, "prompt")


def test_a_rule_that_says_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="something to look for"):
        RuleConfig(step_type=StepType.PLANNING)
