"""Is the rung asked for more samples of the same, and is their mean likeness read?"""

from __future__ import annotations

import pytest

from rungwise.confidence.agreement import Agreement
from rungwise.config import AgreementConfig
from rungwise.types import (
    Chat,
    Choice,
    Draft,
    Message,
    OutputShape,
    Piece,
    Sampling,
    Tool,
    ToolCall,
    ToolCallDelta,
)

CHAT = Chat(
    messages=(Message(role="user", text="Capital of France?"),),
    sampling=Sampling(max_tokens=9, temperature=0, top_p=0.9, seed=1, top_logprobs=5, stop=("x",)),
    tools=(Tool(name="f"),),
    stream=True,
)
PROBE = Agreement(AgreementConfig(samples=4, temperature=0.5, deadline_s=3))
PARIS = Draft(choices=(Choice(text="Paris"),))


def samples(*texts: str) -> list[Piece]:
    return [Piece(text, i, finish="stop") for i, text in enumerate(texts)]


def test_it_is_the_rung_that_drafted_which_is_asked_by_its_deadline() -> None:
    assert (PROBE.name, PROBE.tier, PROBE.deadline_s) == ("agreement", None, 3)


def test_the_same_chat_is_sampled_as_configured() -> None:
    question = PROBE.question(CHAT, PARIS)
    assert question is not None
    assert (question.messages, question.tools, question.tool_choice) == (
        (CHAT.messages, CHAT.tools, CHAT.tool_choice)
    )
    assert question.sampling == Sampling(n=4, temperature=0.5, max_tokens=9, top_p=0.9, stop=("x",))
    assert not question.stream and not question.labels


def test_where_nothing_was_answered_nothing_is_asked() -> None:
    declined = Draft(choices=(Choice(refusal="no"), Choice(text="\n")))
    assert PROBE.question(CHAT, declined) is None


def test_the_mean_over_the_samples_is_read() -> None:
    answer = samples("paris.", "Lyon", "Paris", "**Paris**")
    assert PROBE.read(CHAT, PARIS, answer) == pytest.approx(3 / 4)


def test_of_several_choices_the_one_that_agrees_least_is_read() -> None:
    draft = Draft(choices=(Choice(text="Paris"), Choice(text="Lyon")))
    assert PROBE.read(CHAT, draft, samples("Paris", "Paris", "Lyon")) == pytest.approx(1 / 3)


def test_a_sample_that_declines_agrees_with_nothing() -> None:
    refused = Piece(refusal="no", choice=1), Piece(choice=1, finish="content_filter")
    assert PROBE.read(CHAT, PARIS, [*samples("Paris"), *refused]) == pytest.approx(1 / 2)


def test_a_sample_that_never_came_is_not_counted() -> None:
    assert PROBE.read(CHAT, PARIS, [Piece("Paris", 2, finish="stop")]) == 1.0


def test_no_sample_is_no_reading() -> None:
    assert PROBE.read(CHAT, PARIS, []) is None
    assert PROBE.read(CHAT, Draft(choices=()), samples("Paris")) is None


def test_a_shape_makes_values_of_texts() -> None:
    shaped = Chat(messages=CHAT.messages, shape=OutputShape())
    draft = Draft(choices=(Choice(text='{"city": "Paris"}'),))
    answer = samples('{ "city":"Paris" }', '{"city": "paris"}', "Paris")
    assert PROBE.read(shaped, draft, answer) == pytest.approx(1 / 3)


def test_tool_calls_are_compared() -> None:
    draft = Draft(choices=(Choice(tool_calls=(ToolCall(id="a", name="f", arguments="{}"),)),))
    same = Piece(tool_calls=(ToolCallDelta(0, "b", "f", "{ }"),), finish="tool_calls")
    other = Piece(choice=1, tool_calls=(ToolCallDelta(0, "c", "g", "{}"),))
    assert PROBE.read(CHAT, draft, [same, other]) == pytest.approx(1 / 2)
