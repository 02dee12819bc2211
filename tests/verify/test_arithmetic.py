# ruff: noqa: RUF001
"""Which stated sums are wrong, and what only looks like a sum."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.lab.steps.suite import EVEN, generate
from rungwise.verify.arithmetic import arithmetic_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("12 + 7 = 20", "12 + 7 = 20 is wrong: it is 19"),
        ("71 + 12 = 83\n83 - 5 = 79\nAnswer: 79", "83 - 5 = 79 is wrong: it is 78"),
        ("So 3*(4+1) = 16.", "3*(4+1) = 16 is wrong: it is 15"),
        ("There are 12 × 7 = 85 of them.", "12 * 7 = 85 is wrong: it is 84"),
        ("12 x 7 = 85", "12 * 7 = 85 is wrong: it is 84"),
        ("84 ÷ 7 = 13", "84 / 7 = 13 is wrong: it is 12"),
        ("1,200 + 300 = 1,600", "1,200 + 300 = 1,600 is wrong: it is 1500"),
        ("1.200 + 300,5 = 1.600,5", "1.200 + 300,5 = 1.600,5 is wrong: it is 1500.5"),
        ("0.1 + 0.2 = 0.4", "0.1 + 0.2 = 0.4 is wrong: it is 0.3"),
        ("10 / 3 = 3.43", "10 / 3 = 3.43 is wrong: it is about 3.333333333"),
        ("25% + 25% = 60%", "25% + 25% = 60% is wrong: it is 50"),
        ("200 × 15% = 40", "200 * 15% = 40 is wrong: it is 30"),
        ("$12 + $7 = $20", "12 + 7 = 20 is wrong: it is 19"),
        ("**12 + 7 = 20**", "12 + 7 = 20 is wrong: it is 19"),
        ("- 12 + 7 = 20", "12 + 7 = 20 is wrong: it is 19"),
        ("1. 12 + 7 = 20", "12 + 7 = 20 is wrong: it is 19"),
        ("(1) 12 + 7 = 20", "12 + 7 = 20 is wrong: it is 19"),
        ("Hence (12 + 7 = 20) we go", "12 + 7 = 20 is wrong: it is 19"),
        (r"\(12 \times 7 = \boxed{85}\)", "12 * 7 = 85 is wrong: it is 84"),
        ("3*(4+1) = 3*6 = 18", "3*(4+1) = 3*6 is wrong: it is 15"),
        ("Total = 12 + 7 = 20", "12 + 7 = 20 is wrong: it is 19"),
        ("She has 12 + 7 = 20 cards now.", "12 + 7 = 20 is wrong: it is 19"),
        ("12 \u2212 7 = 6, and on", "12 - 7 = 6 is wrong: it is 5"),
        ("4 + 5 = 9, 4 + 6 = 11", "4 + 6 = 11 is wrong: it is 10"),
        ("2 + 3 × 4 = 20", "2 + 3 * 4 = 20 is wrong: it is 14"),
    ],
)
def test_wrong_results_are_found(text: str, fault: str) -> None:
    assert arithmetic_fault(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "12 + 7 = 19",
        "3*(4+1) = 3*5 = 15",
        "10 / 3 = 3.33",
        "2 / 3 = 0.67, or cut off 2 / 3 = 0.66",
        "10 / 3 = 3",
        "17 / 5 = 3 remainder 2, 19 / 5 = 3 remainder 4",
        "22 / 7 = 3.14...",
        "12.3 + 7.4 = 20",
        "1.500 × 2 = 3.000",
        "1,5 + 1,5 = 3",
        "3 / 12 × 100 = 25%",
        "200 × 15% = 30",
        "1/4 = 25%",
        "1/3 + 1/3 = 2/3",
        "2/3 × 100 = 0.667 × 100 = 66.7",
        "0.1 + 0.2 = 0.30000000000000004",
        "-12 + 7 = -5",
        "5 + 3 = 8 + 2 = 10",
        "(-3) * (-2) = 6",
        "5 - -3 = 8",
    ],
)
def test_right_results_pass(text: str) -> None:
    assert arithmetic_fault(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "On 2024-01-15 = Monday, 5/6/2024 = 3",
        "Version 1.2.3 + 4 = 5",
        "pages 3-5 = 3 pages",
        "3-5 = 4",
        "x = x + 1",
        "x - 3 = 4",
        "2x + 3 = 7",
        "2 + 3y = 9",
        "y = 2 + 3x",
        "3 apples + 4 apples = 8",
        "f(2 + 3) = 6",
        "sin(30) + 1 = 1.5",
        "√16 + 3 = 7",
        "3² + 4² = 25",
        "2^3 + 1 = 9",
        "2**3 + 1 = 9",
        "3! + 1 = 7, and 2 + 3 = 5!",
        "|-3| + 2 = 5",
        "log 8 + 1 = 4",
        "20% of 50 + 10 = 20",
        "100 + 10% = 110",
        "the root of 16 + 9 = 5",
        "| 12 + 7 = 20 |",
        "```python\nassert 12 + 7 = 20\n```",
        "Never write `12 + 7 = 20`.",
        'The pupil wrote "12 + 7 = 20".',
        "> 12 + 7 = 20",
        "if 12 + 7 == 20:",
        "12 + 7 != 20, 12 + 7 <= 20, 12 + 7 => 20",
        "https://example.org/?a=1+1=3",
        "12 + 7 = 20 is wrong.",
        "It is false that 12 + 7 = 20.",
        "12 + 7 = 20? No: 12 + 7 = 19.",
        "12 + 7 = 20\nWait, that is 19.",
        "If 12 + 7 = 20, then everything follows.",
        "about 12 + 7 = 20",
        "12 + 7 = 20 ❌",
        "1 + 1 = 10 in binary",
        "9 + 5 = 2 (mod 12)",
        "60 + 60 = 2 hours",
        "9 + 5 = 2 pm",
        "1200 * 1000 = 1.2 million",
        "2 * 500 = 1 kg",
        "10:30 + 2:15 = 12:45",
        "10:30 + 1 = 11.5",
        "0x10 + 1 = 17",
        "1e3 + 1 = 1001",
        "1 + 2 + ... + 100 = 5050",
        "1 + 2 + … + 100 = 5050",
        "Step 1 - 12 + 7 = 19",
        "1 1/2 + 1 = 2 1/2",
        "1/3 = 0.(3)",
        "5 choose 2 = 10",
        "12 x 1 and 1/4 = 15",
        "0900-0130 = 0730",
        "14, 400 / 80 = 180",
        ".8 + . 84 + .82 = 2.46",
        "2000 / 2/3 = 3000",
        "+----+----+\n| a=1 | b=2 |",
        "---\n===",
        "A1 + B2 = 3",
        "1 / 0 = 0",
        "12 + 7 =",
        "= 20",
        "a = 3, b = 4",
        "20° + 30° = 60°",
    ],
)
def test_what_only_looks_like_a_sum_is_left_alone(text: str) -> None:
    assert arithmetic_fault(text) is None


def test_what_was_given_is_not_held_against_the_answer() -> None:
    riddle = "If 2+3 = 10 and 8 + 4 = 96, what is 7 + 2?"
    assert arithmetic_fault("2 + 3 = 10 and 8 + 4 = 96", given=riddle) is None
    assert arithmetic_fault("2 + 3 = 10 and 8 + 4 = 97", given=riddle) is not None


def test_the_right_answers_of_the_suite_pass() -> None:
    for step in generate("test", 450, mix=EVEN):
        assert arithmetic_fault(step.answer) is None


def test_a_changed_result_in_worked_steps_is_found() -> None:
    seen = 0
    for step in generate("test", 450, mix=EVEN):
        if step.step_type == "multi_step_reasoning":
            wrong = re.sub(
                r"= (\d+)$", lambda m: f"= {int(m[1]) + 1}", step.answer, count=1, flags=re.M
            )
            assert "is wrong: it is" in (arithmetic_fault(wrong) or "")
            seen += 1
    assert seen == 50


NUMBERS = st.integers(0, 9999)


@given(NUMBERS, st.sampled_from("+-*"), NUMBERS, st.integers(-50, 50))
def test_every_sum_is_judged_rightly(a: int, sign: str, b: int, off: int) -> None:
    right = {"+": a + b, "-": a - b, "*": a * b}[sign]
    found = arithmetic_fault(f"We see that {a} {sign} {b} = {right + off} here.".replace("*", "×"))
    if off == 0 or right <= 0 or not 2 / 3 < (right + off) / right < 1.5:
        assert found is None
    else:
        assert found is not None and found.endswith(f"it is {right}")


HOSTILE = st.lists(
    st.sampled_from(
        ["1", "23", "=", "+", "-", "*", "/", "(", ")", ".", ",", " ", "\n", "%", "x", "^", "**"]
    )
)


@given(st.text(max_size=300) | HOSTILE.map("".join))
def test_it_never_raises(text: str) -> None:
    arithmetic_fault(text)


@pytest.mark.parametrize(
    "unit",
    [
        "1 + 1 = 2 ",
        "1+1=2,",
        "((((",
        "1 + ",
        "= ",
        "9",
        "**",
        "`",
        '"',
        "1 = ",
        "- ",
        "\u201c",
        "$",
        "1 x ",
    ],
)
def test_long_texts_are_read_in_linear_time(unit: str) -> None:
    arithmetic_fault(unit * 20_000)


@settings(max_examples=50)
@given(st.text("0123456789+-*/()=. ", min_size=1, max_size=20))
def test_repeated_signs_are_read_in_linear_time(unit: str) -> None:
    arithmetic_fault(unit * 2_000)
