"""What goes round in circles, and what only repeats itself as lists, tables and songs do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.repetition import repetition_of
from rungwise.lab.steps.suite import EVEN, generate

LOOP = "and then we go back to the very first step of the plan "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("So: " + LOOP * 5, "the last 13 words 5 times over"),
        ("So: " + LOOP * 40 + "and then we go", "times over"),
        ("Intro.\n" + "The order was sent to the wrong city.\n" * 9, "the same line 9 times over"),
        ("Intro.\n" + "The order was sent off.\n\n" * 12 + "Done.", "the same line 12 times over"),
        ("x" + "a" * 400, "'a' for 400 places"),
        ("{" + " \n" * 200 + "}", "' ' for 400 places"),
        ("the " * 600, "the last 4 characters 600 times over"),
        ("0, " * 600, "the last 3 characters 600 times over"),
        ("    x = x + 1\n" * 130, "the same line 130 times over"),
        ("我们再次回到这个计划的第一步。" * 20, "the last 15 characters 20 times over"),
        ("मैं फिर से पहले चरण पर लौटता हूँ। " * 12, "times over"),
    ],
)
def test_loops_are_found(text: str, said: str) -> None:
    found = repetition_of(text)
    assert found is not None and said in found and "\n" not in found


STEPS = "\n".join(f"Step {i}: build the service and test the service." for i in range(1, 60))
RECIPE = "\n".join(f"- Add {i} g of flour and stir well." for i in range(1, 60))
TABLE = "| name | state | note |\n|---|---|---|\n" + "\n".join(
    f"| job {i} | passed | n/a |" for i in range(80)
)
EQUAL_ROWS = "| yes | yes | not known |\n" * 20
SONG = (
    "We sail in the morning,\nWe sail in the night,\n"
    + "Oh, let us go home, let us go home, let us go home.\n" * 4
)
CODE = "def f(x):\n" + "    x = x + 1\n" * 20 + "    return x"
BRACES = "{\n" * 20 + "}\n" * 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "A plain answer.",
        STEPS,
        RECIPE,
        TABLE,
        EQUAL_ROWS,
        SONG,
        CODE,
        BRACES,
        "Title\n" + "-" * 120 + "\nText\n" + "=" * 250,
        json.dumps([0] * 256),
        json.dumps([[0] * 28] * 28),
        json.dumps([{"label": "spam", "ok": True}] * 40),
        "id,flag\n" + "".join(f"{i},0\n" for i in range(500)),
        "0,0,0,0\n" * 60,
        "positive\n" * 60,
        "positive, " * 60,
        "ha" * 100,
        "no, no, no, no, no, no, no!",
        "Buffalo " * 8,
        "driver.click_the_button()\n" * 30,
        "1 = 1\n" * 50,
        "The sum is right. " * 4,
    ],
)
def test_what_only_repeats_itself_is_left_alone(text: str) -> None:
    assert repetition_of(text) is None


def test_the_right_answers_of_the_suite_do_not_loop() -> None:
    for step in generate("test", 450, mix=EVEN):
        assert repetition_of(step.answer) is None


@given(st.text(max_size=200), st.text(min_size=1, max_size=40))
def test_any_text_with_enough_repeats_of_a_unit_is_found(text: str, unit: str) -> None:
    assert repetition_of(text + unit * 1000) is not None


WORDS = st.lists(
    st.text("abcdefghij", min_size=3, max_size=8), min_size=3, max_size=12, unique=True
)


@given(st.text(max_size=200), WORDS)
def test_any_sentence_is_found_after_twenty_repeats(text: str, words: list[str]) -> None:
    assert repetition_of(text + f"{' '.join(words)}. " * 20) is not None


@given(st.lists(st.text(min_size=1, max_size=30), max_size=60, unique=True))
def test_text_without_repeats_is_left_alone(parts: list[str]) -> None:
    text = "".join(f"{number}{part}" for number, part in enumerate(parts))
    assert repetition_of(text) is None


@pytest.mark.parametrize(
    "unit", ["a", "ab", "\n", " \n", "a" * 299 + "b", "abcabd", "1, ", "\u4e00"]
)
def test_long_texts_are_read_in_linear_time(unit: str) -> None:
    repetition_of(unit * (300_000 // len(unit)))
