"""Is the rung asked in the same conversation, and is P(yes) read from what it shows?"""

from __future__ import annotations

import json

import pytest

from rungwise.confidence.self_check import SelfCheck
from rungwise.config import SelfCheckConfig
from rungwise.tiers.scripted import ScriptedTier, label, say
from rungwise.types import (
    Chat,
    Choice,
    Draft,
    Image,
    Message,
    OutputShape,
    Piece,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
    Wish,
)

pytestmark = pytest.mark.anyio

CHAT = Chat(
    messages=(
        Message(role="system", text="Be brief."),
        Message(role="user", text="2 + 2?", images=(Image(url="data:image/png;base64,x"),)),
    ),
    sampling=Sampling(temperature=0.7, stop=("\n",), n=2, seed=3, max_tokens=99),
    tools=(Tool(name="add"),),
    tool_choice=ToolChoice(mode="named", name="add", parallel=False),
    shape=OutputShape(),
    wish=Wish(local_only=True),
    stream=True,
)
PROBE = SelfCheck(SelfCheckConfig(deadline_s=3))


def draft(*texts: str) -> Draft:
    return Draft(choices=tuple(Choice(text=text) for text in texts))


def asked(given: Draft, chat: Chat = CHAT) -> Chat:
    question = PROBE.question(chat, given)
    assert question is not None
    return question


async def reading(tier: ScriptedTier) -> float | None:
    drafting = tier.draft(asked(draft("4")), read=False)
    return PROBE.read(CHAT, draft("4"), [piece async for piece in drafting])


def test_it_is_the_rung_that_drafted_which_is_asked_by_its_deadline() -> None:
    assert (PROBE.name, PROBE.tier, PROBE.deadline_s) == ("self_check", None, 3)


def test_the_conversation_before_the_question_is_untouched() -> None:
    question = asked(draft("4"))
    assert question.messages[:2] == CHAT.messages
    assert (question.tools, question.wish) == (CHAT.tools, CHAT.wish)
    answer, ask = question.messages[2:]
    assert (answer.role, answer.text) == ("assistant", "4")
    assert ask.role == "user" and "yes or no" in ask.text


def test_one_token_is_asked_for_with_its_alternatives() -> None:
    question = asked(draft("4"))
    assert question.sampling == Sampling(max_tokens=1, temperature=0, top_logprobs=20)
    assert question.labels == ("yes", "no")
    assert (question.shape, question.stream) == (None, False)
    assert question.tool_choice == ToolChoice(mode="none", parallel=False)


def test_a_tool_call_is_told_as_text_for_a_call_without_result_is_no_history() -> None:
    call = ToolCall(id="1", name="add", arguments='{"a": 2, "b": "é"}')
    question = asked(Draft(choices=(Choice(text="So:", tool_calls=(call,)),)))
    answer = question.messages[2]
    assert not answer.tool_calls
    words, told = answer.text.split("\n")
    assert words == "So:"
    assert json.loads(told) == {"name": "add", "arguments": {"a": 2, "b": "é"}}


def test_arguments_that_are_not_json_are_told_as_they_are() -> None:
    call = ToolCall(id="1", name="add", arguments="{half")
    told = asked(Draft(choices=(Choice(tool_calls=(call,)),))).messages[2].text
    assert json.loads(told)["arguments"] == "{half"


def test_several_choices_are_asked_about_together() -> None:
    assert asked(draft("4", " ", "four")).messages[2].text == "4\n\nfour"


def test_where_nothing_was_answered_nothing_is_asked() -> None:
    assert PROBE.question(CHAT, Draft(choices=(Choice(refusal="no", text=" "),))) is None


async def test_the_share_of_yes_is_read() -> None:
    found = await reading(ScriptedTier("tier1", label("Yes", Yes=0.6, no=0.2, maybe=0.2)))
    assert found == pytest.approx(0.75)


async def test_neither_word_and_nothing_shown_are_no_reading() -> None:
    assert await reading(ScriptedTier("tier1", label("maybe", maybe=0.9))) is None
    assert await reading(ScriptedTier("tier1", say("yes"))) is None
    assert PROBE.read(CHAT, draft("4"), [Piece(finish="length")]) is None
