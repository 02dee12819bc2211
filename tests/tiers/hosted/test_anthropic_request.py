"""Does a Chat reach Anthropic with its thoughts, its caches, and only what the model takes?"""

from __future__ import annotations

from typing import Any

import pytest

from rungwise.tiers.hosted.anthropic_request import MAX_TOKENS, to_request
from rungwise.tiers.hosted.terms import Terms
from rungwise.types import (
    Chat,
    Effort,
    Image,
    Message,
    OutputShape,
    Sampling,
    Thinking,
    Thought,
    Tool,
    ToolCall,
    ToolChoice,
)

ASKED = Message(role="user", text="hello")
CALLS = Message(role="assistant", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),))
RESULT = Message(role="tool", text="42", tool_call_id="1")
FORCED = ToolChoice(mode="required")
LONG = "word " * 1000
EPHEMERAL = {"type": "ephemeral"}


def terms(**more: Any) -> Terms:
    return Terms(**{"tier": "t", "model": "m", "prompt_cache": False, **more})


def body(*messages: Message, terms: Terms = terms(), **more: Any) -> dict[str, Any]:  # noqa: B008
    return to_request(Chat(messages=messages or (ASKED,), **more), terms, closed=dict)


def effort(level: Effort) -> Thinking:
    return Thinking(effort=level)


# ---- thinking ----


def test_nothing_is_said_of_thinking_where_nobody_asked() -> None:
    for thinks in ("none", "budgeted", "adaptive", None):
        asked = body(terms=terms(thinks=thinks), sampling=Sampling(temperature=0.5))
        assert set(asked) == {"model", "max_tokens", "stream", "messages", "temperature"}
        assert asked["max_tokens"] == MAX_TOKENS


@pytest.mark.parametrize(("asked", "said"), [("minimal", "low"), ("high", "high"), ("max", "max")])
def test_an_adaptive_model_is_given_an_effort(asked: Effort, said: str) -> None:
    shown = body(terms=terms(thinks="adaptive"), thinking=effort(asked))
    assert shown["thinking"] == {"type": "adaptive"}
    assert shown["output_config"] == {"effort": said}
    assert shown["max_tokens"] == MAX_TOKENS


def test_the_owners_effort_holds_where_the_caller_does_not_say() -> None:
    owned = terms(effort="medium")
    assert body(terms=owned)["output_config"] == {"effort": "medium"}
    assert body(terms=owned, thinking=effort("low"))["output_config"] == {"effort": "low"}
    assert body(terms=owned, thinking=effort("none"))["thinking"] == {"type": "disabled"}


def test_an_effort_goes_along_with_a_schema() -> None:
    shape = OutputShape(schema={"type": "object"})
    shown = body(thinking=effort("high"), shape=shape)["output_config"]
    assert shown["effort"] == "high" and shown["format"]["type"] == "json_schema"


def test_an_effort_that_the_model_does_not_know_becomes_the_nearest() -> None:
    known = terms(efforts=("low", "medium", "high"))
    assert body(terms=known, thinking=effort("max"))["output_config"] == {"effort": "high"}
    assert body(terms=known, thinking=effort("none"))["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize(
    ("limit", "thinking", "budget"),
    [
        (40_000, effort("medium"), 8192),
        (10_000, effort("medium"), 5000),
        (10_000, Thinking(tokens=9000), 9000),
        (10_000, Thinking(tokens=90_000), 9999),
        (10_000, Thinking(tokens=10), 1024),
    ],
)
def test_a_budget_stays_within_the_limit(limit: int, thinking: Thinking, budget: int) -> None:
    sampling = Sampling(max_tokens=limit)
    shown = body(terms=terms(thinks="budgeted"), thinking=thinking, sampling=sampling)
    assert shown["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert shown["max_tokens"] == limit, "it is what the caller agreed to pay"
    assert "output_config" not in shown


def test_a_limit_without_room_for_a_budget_leaves_no_thinking() -> None:
    sampling = Sampling(max_tokens=1500, temperature=0.5)
    shown = body(terms=terms(thinks="budgeted"), thinking=effort("high"), sampling=sampling)
    assert shown["thinking"] == {"type": "disabled"} and shown["temperature"] == 0.5


def test_a_model_that_does_not_think_is_not_told_to() -> None:
    shown = body(terms=terms(thinks="none"), thinking=effort("high"))
    assert "thinking" not in shown and "output_config" not in shown


@pytest.mark.parametrize("thinks", ["budgeted", "adaptive"])
def test_a_forced_tool_turns_thinking_off(thinks: Any) -> None:
    tools = (Tool(name="f"),)
    choices = (FORCED, ToolChoice(mode="named", name="f"))
    for choice in choices:
        shown = body(
            terms=terms(thinks=thinks), thinking=effort("high"), tools=tools, tool_choice=choice
        )
        assert shown["thinking"] == {"type": "disabled"}
    shown = body(terms=terms(thinks=thinks), thinking=effort("high"), tools=tools)
    assert shown["thinking"]["type"] in ("enabled", "adaptive")


def test_a_forced_tool_stops_models_that_think_unasked() -> None:
    forced: dict[str, Any] = {"tools": (Tool(name="f"),), "tool_choice": FORCED}
    assert body(terms=terms(thinks="adaptive"), **forced)["thinking"] == {"type": "disabled"}
    for thinks in ("budgeted", "none", None):
        assert "thinking" not in body(terms=terms(thinks=thinks), **forced)


def test_sampling_is_left_out_where_the_model_thinks_or_takes_none() -> None:
    warm = Sampling(temperature=0.5, top_p=0.9)
    for thinks in ("budgeted", "adaptive"):
        shown = body(terms=terms(thinks=thinks), thinking=effort("medium"), sampling=warm)
        assert "temperature" not in shown and "top_p" not in shown
    shown = body(terms=terms(sampling=False), sampling=warm)
    assert "temperature" not in shown and "top_p" not in shown
    assert body(sampling=warm)["top_p"] == 0.9


# ---- thoughts ----


def own(text: str = "hm") -> Thought:
    return Thought(text=text, seal=f"seal of {text}", model="m")


def test_own_thoughts_go_back_before_the_words_with_their_seals() -> None:
    hidden = Thought(seal="data", withheld=True, model="m")
    said = Message(
        role="assistant", text="so", thoughts=(own(), hidden), tool_calls=CALLS.tool_calls
    )
    assert body(ASKED, said, RESULT)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "seal of hm"},
        {"type": "redacted_thinking", "data": "data"},
        {"type": "text", "text": "so"},
        {"type": "tool_use", "id": "1", "name": "f", "input": {}},
    ]


def test_thoughts_of_others_and_unsealed_ones_are_dropped() -> None:
    others = (Thought(text="a", seal="s", model="other"), Thought(text="b", model="m"))
    said = Message(role="assistant", text="so", thoughts=others)
    assert body(ASKED, said, ASKED)["messages"][1]["content"] == [{"type": "text", "text": "so"}]


def test_a_budgeted_model_does_not_go_on_thinking_where_another_called_the_tool() -> None:
    limit = Sampling(max_tokens=9000)
    budgeted = terms(thinks="budgeted", effort="low")

    def thought(*messages: Message) -> str:
        shown = body(*messages, terms=budgeted, sampling=limit)
        return str(shown["thinking"]["type"])

    mine = Message(role="assistant", thoughts=(own(),), tool_calls=CALLS.tool_calls)
    assert thought(ASKED, CALLS, RESULT) == "disabled"
    assert thought(ASKED, mine, RESULT) == "enabled"
    assert thought(ASKED, CALLS, RESULT, ASKED) == "enabled", "that turn is over"
    adaptive = body(ASKED, CALLS, RESULT, terms=terms(thinks="adaptive", effort="low"))
    assert adaptive["thinking"] == {"type": "adaptive"}, "it need not begin with a thought"


def test_a_failed_call_is_told() -> None:
    failed = Message(role="tool", text="no", tool_call_id="1", failed=True)
    shown = body(ASKED, CALLS, failed)["messages"][2]["content"][0]
    assert shown["is_error"] is True and shown["tool_use_id"] == "1"
    assert "is_error" not in body(ASKED, CALLS, RESULT)["messages"][2]["content"][0]


def test_images_stay_where_they_stood_in_the_text() -> None:
    images = (Image(url="https://x/1.png", at=1), Image(url="https://x/2.png"))
    shown = body(Message(role="user", text="a\nb", images=images))["messages"][0]["content"]
    assert [part["type"] for part in shown] == ["text", "image", "text", "image"]


# ---- caches ----


def marked_places(shown: dict[str, Any]) -> list[str]:
    """Where a mark stands, in the order of the prompt."""
    places = [f"tool {t['name']}" for t in shown.get("tools", ()) if "cache_control" in t]
    system = shown.get("system", "")
    blocks = system if isinstance(system, list) else []
    places += [f"system {i}" for i, b in enumerate(blocks) if "cache_control" in b]
    for i, turn in enumerate(shown["messages"]):
        marks = ["cache_control" in block for block in turn["content"]]
        assert not any(marks[:-1]) or "cache_control" in turn["content"][-1] or sum(marks) == 1
        places += [f"turn {i}.{j}" for j, mark in enumerate(marks) if mark]
    return places


CACHING = terms(prompt_cache=True, cache_minimum=1024)
SYSTEM = Message(role="system", text=LONG)
TOOLS = (Tool(name="f"), Tool(name="g", description=LONG))


def test_tools_system_and_the_last_two_turns_are_marked() -> None:
    shown = body(SYSTEM, ASKED, CALLS, RESULT, terms=CACHING, tools=TOOLS)
    assert marked_places(shown) == ["tool g", "system 0", "turn 0.0", "turn 2.0"]
    assert shown["tools"][1]["cache_control"] == EPHEMERAL
    assert shown["system"] == [{"type": "text", "text": LONG, "cache_control": EPHEMERAL}]
    assert list(shown)[3:6] == ["tools", "tool_choice", "system"]


def test_a_question_that_may_not_go_on_marks_only_its_head() -> None:
    assert marked_places(body(SYSTEM, ASKED, terms=CACHING)) == ["system 0"]


def test_a_prefix_below_the_models_minimum_is_not_marked() -> None:
    wanting = terms(prompt_cache=True, cache_minimum=4096)
    assert marked_places(body(SYSTEM, ASKED, CALLS, RESULT, terms=wanting, tools=TOOLS)) == []


def test_the_owner_can_leave_marks_out_but_the_callers_own_still_go() -> None:
    off = terms(prompt_cache=False)
    assert marked_places(body(SYSTEM, ASKED, CALLS, RESULT, terms=off, tools=TOOLS)) == []
    own_mark = Message(role="user", text="hello", cache_mark="1h")
    assert marked_places(body(SYSTEM, own_mark, terms=off)) == ["turn 0.0"]


def test_the_callers_marks_win_and_say_how_long() -> None:
    own_mark = Message(role="system", text="be kind", cache_mark="1h")
    late = Message(role="system", text="be brief")
    shown = body(own_mark, late, ASKED, CALLS, RESULT, terms=CACHING, tools=TOOLS)
    assert marked_places(shown) == ["system 0"]
    assert shown["system"] == [
        {"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "text", "text": "be brief"},
    ]


def test_the_configured_hour_is_said() -> None:
    hour = terms(prompt_cache=True, cache_ttl="1h")
    shown = body(SYSTEM, ASKED, terms=hour)
    assert shown["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_a_tools_result_bears_the_mark_itself() -> None:
    failed = Message(role="tool", text="no", tool_call_id="1", cache_mark="5m")
    shown = body(ASKED, CALLS, failed)["messages"][2]["content"]
    assert shown[0]["cache_control"] == EPHEMERAL and "cache_control" not in shown[0]["content"][0]


def test_the_words_for_any_json_stand_behind_the_cached_system() -> None:
    shown = body(SYSTEM, ASKED, terms=CACHING, shape=OutputShape())
    assert "cache_control" in shown["system"][0] and "JSON" in shown["system"][1]["text"]
