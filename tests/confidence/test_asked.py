"""When a draft's language and format are compared with what was asked, and when they are not."""

from typing import Any

import pytest

from rungwise.confidence.asked import Mismatch, mismatch_of
from rungwise.lab.steps.suite import EVEN, generate
from rungwise.types import Chat, Message, OutputShape

ORDER = "Answer in German. Answer with one word."
ANSWER = "The parcel left on Monday and it will be there soon, as far as we can tell."


def chat(*messages: Message, **fields: Any) -> Chat:
    return Chat(messages=messages or (Message(role="user", text=ORDER),), **fields)


def test_the_language_is_told_first() -> None:
    found = mismatch_of(chat(), ANSWER)
    assert found == Mismatch(
        kind="language", what="German was asked for, and the answer reads as English"
    )


def test_each_of_the_two_can_be_left_out() -> None:
    found = mismatch_of(chat(), ANSWER, language=False)
    assert found == Mismatch(kind="format", what="one word was asked for")
    assert mismatch_of(chat(), ANSWER, language=False, format=False) is None
    formats_off = mismatch_of(chat(), ANSWER, format=False)
    assert formats_off is not None and formats_off.kind == "language"
    assert mismatch_of(chat(), "Ja", format=True) is None


@pytest.mark.parametrize(
    "asked",
    [
        chat(shape=OutputShape()),
        chat(labels=("yes", "no")),
        chat(Message(role="user", text=ORDER), Message(role="assistant", text="The parcel")),
        Chat(messages=()),
        chat(Message(role="system", text="Be kind.")),
    ],
)
def test_nothing_is_said_where_something_else_rules(asked: Chat) -> None:
    assert mismatch_of(asked, ANSWER) is None


def test_an_empty_answer_is_not_judged_here() -> None:
    assert mismatch_of(chat(), " \n") is None


def test_the_right_answers_of_the_suite_are_left_alone() -> None:
    for step in generate("test", 450, mix=EVEN):
        messages = [Message(role=m["role"], text=m["content"]) for m in step.messages]
        assert mismatch_of(chat(*messages), step.answer) is None
