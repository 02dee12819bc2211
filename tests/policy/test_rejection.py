"""Whether the last answer did not do."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy import rejection as module
from rungwise.policy.rejection import HEEDED, LONGEST, MOST, prepare, rejection, unsettled
from rungwise.types import Chat, Message

EXAMPLES: dict[str, dict[str, list[str]]] = yaml.safe_load(
    Path(__file__).with_name("rejections.yaml").read_text(encoding="utf-8")
)
REJECTED, NOT_REJECTED = EXAMPLES["rejected"], EXAMPLES["not_rejected"]


def chat(*turns: str) -> Chat:
    """Turns in turn: user, assistant, user ..."""
    roles = ("user", "assistant")
    return Chat(messages=tuple(Message(role=roles[i % 2], text=t) for i, t in enumerate(turns)))  # type: ignore[arg-type]


def answered(text: str, answer: str = "It is five.") -> Chat:
    return chat("What is it?", answer, text)


@pytest.mark.parametrize(
    "text", [t for texts in REJECTED.values() for t in texts], ids=lambda t: t[:40]
)
def test_a_rejection_is_heard(text: str) -> None:
    assert rejection(answered(text)) == "the user rejected the last answer"


@pytest.mark.parametrize(
    "text", [t for texts in NOT_REJECTED.values() for t in texts], ids=lambda t: t[:40]
)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert rejection(answered(text)) is None


def test_there_are_examples_for_every_language() -> None:
    assert set(REJECTED) == set(NOT_REJECTED) == set(module._table())
    assert sum(map(len, [*REJECTED.values(), *NOT_REJECTED.values()])) >= 250


@pytest.mark.parametrize("language", REJECTED)
def test_every_pattern_is_met_by_an_example(language: str) -> None:
    row = module._table()[language]
    said = [module._own(text) for text in REJECTED[language]]
    for kind in ("says", "bare", "again"):
        for line in row[kind]:  # type: ignore[literal-required]
            lone = {**row, kind: [line]}
            pattern = re.compile(module._of(lone, kind), re.IGNORECASE)  # type: ignore[arg-type]
            heard = [t for t in said if any(map(pattern.match, (t, *module._ends(t))))]
            assert heard, f"no example for {line}"


def test_nothing_is_rejected_before_there_is_an_answer() -> None:
    assert rejection(chat("That is wrong, try again.")) is None
    assert rejection(Chat(messages=())) is None
    assert rejection(Chat(messages=(Message(role="assistant", text="That is wrong."),))) is None
    assert rejection(chat("x", "That is wrong.")) is None, "the assistant's own words"


def test_a_bare_word_may_be_the_answer_to_a_question() -> None:
    assert rejection(answered("Wrong.", "The capital is Rome.")) is not None
    assert rejection(answered("Wrong.", "Is that right or wrong?")) is None
    assert rejection(answered("違います", "田中さんですか\uff1f")) is None
    assert rejection(answered("That doesn't work.", "Does that work?")) is not None


def test_a_long_turn_that_says_so_too_is_none() -> None:
    assert rejection(answered("That is wrong. " + "x" * (LONGEST - 15))) is not None
    assert rejection(answered("That is wrong. " + "x" * LONGEST)) is None
    log = "```\n" + "x" * (MOST - 100) + "\n```"
    assert rejection(answered(f"It doesn't work:\n{log}")) is not None, "what it quotes is not long"
    assert rejection(answered(f"It doesn't work:\n{log}{log}")) is None


@pytest.mark.parametrize("marks", ["\u201e\u201c", "\u201c\u201d", "\u00ab\u00bb", "\u300c\u300d"])
def test_no_mark_looks_for_its_end_beyond_the_next_that_opens_alike(marks: str) -> None:
    """So a text of nothing but such marks is looked at once, and not once for each of them."""
    opens, closes = marks
    assert module._own(f"{opens}a {opens}b{closes} c") == f"{opens}a {module._HOLE} c"
    assert module._own(opens * 1990) == opens * 1990


def test_of_many_long_turns_only_the_last_ones_are_read() -> None:
    def turns(later: int, text: str) -> Chat:
        said = ["x", "Five.", "That is wrong.", "Six."]
        return chat(*said, *[text, "It is."] * later, "And now?")

    quoted, own = "`" + "x" * 390 + "`\n", "a " * (LONGEST // 2)
    long = quoted * ((MOST - 10) // len(quoted))
    assert len(long) <= MOST and 2 * len(long) < module.READ
    assert unsettled(turns(1, long)) is not None
    assert unsettled(turns(HEEDED - 2, long)) is not None
    longest = "`" + "x" * 390 + "`\n" + "> " + "x" * (MOST - len(quoted) - 2)
    assert len(longest) == MOST
    assert unsettled(turns(HEEDED - 2, longest)) is None, "READ characters were read before it"
    assert unsettled(turns(2, own)) is not None
    said = [Message(role="user", text=own)] * 2
    messages = turns(2, own).messages
    more = Chat(messages=(*messages[:4], *said, *messages[5:6], *said, *messages[7:]))
    assert unsettled(more) is None, "READ_OWN characters were read before it"


def test_a_turn_of_several_messages_counts_as_one() -> None:
    said = answered("That is wrong.").messages
    assert rejection(Chat(messages=(*said, Message(role="user", text="(the date is Monday)"))))


def test_a_rejection_is_new_only_once_and_heeded_for_a_few_turns() -> None:
    turns = ["What is it?", "Five.", "That is wrong.", "Six."]
    for later in range(HEEDED):
        assert unsettled(chat(*turns, "And now?")) is not None
        assert rejection(chat(*turns, "And now?")) is None
        turns += ["And now?", f"It is {later}."]
        if later == HEEDED - 2:
            break
    assert unsettled(chat(*turns, "And now?")) is None


def test_once_prepared_no_chat_waits_for_patterns() -> None:
    prepare()
    ready = module._pattern.cache_info().misses
    for texts in REJECTED.values():
        rejection(answered(texts[0]))
    assert module._pattern.cache_info().misses == ready


def test_nothing_of_the_chat_is_told() -> None:
    told = rejection(answered("That is wrong, my password is hunter2"))
    assert told is not None and "hunter2" not in told and "wrong" not in told


@given(st.text(max_size=400), st.text(max_size=50))
def test_no_text_makes_it_fail(text: str, answer: str) -> None:
    rejection(answered(text, answer))
    unsettled(answered(text, answer))


@pytest.mark.parametrize(
    "text",
    [
        "no, " * 500,
        "that is " * 30,
        "you forgot " + "a" * 1900,
        "i still get the " * 15,
        "<a>" * 600,
        "```" * 600,
        '"' * 1999,
        "`" * 1999,
        "still again and but so no " * 9,
        "不" * 240,
        "it's still " * 20,
        "(" * 1999,
        "\u201e" * 1999,
        "\u201e\u00ab\u300c\u201c" * 499,
        ("<" + "a-" * 20 + " " * 199) * 8,
        "no" + "," * 238,
        "no " + " " * 230 + ".x",
    ],
    ids=lambda t: t[:10],
)
def test_no_text_takes_long(text: str) -> None:
    """With a pattern that tries every way to match, this would never end."""
    rejection(answered(text))
