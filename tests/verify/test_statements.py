"""Where a text states a sum, and which words beside it say that it is none."""

import re

import pytest
import yaml

from rungwise.verify import statements as subject
from rungwise.verify.statements import Statement, plain, statements


def test_signs_are_written_in_one_way() -> None:
    assert plain("3 \u00d7 4 \u00f7 2 \u2212 1") == "3 * 4 / 2 - 1"
    assert plain(r"\(3 \times 4\) and \boxed{12}") == " 3 * 4  and 12"
    assert plain("3x4, 3 X (4), 0x10, 2**3, **3**") == "3 * 4, 3 * (4), 0x10, 2**3, 3"
    assert plain("`1 = 2` and\n```\n1 = 2\n```") == "\ufffc and\n\ufffc"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("so 1 + 2 = 3.", ["1 + 2 = 3"]),
        ("1 + 2 = 3, 3 + 4 = 7", ["1 + 2 = 3", "3 + 4 = 7"]),
        ("(1 + 2 = 3)", ["1 + 2 = 3"]),
        ("x = 1 + 2 = 3", ["1 + 2 = 3"]),
        ("2) 1 + 2 = 3", ["1 + 2 = 3"]),
        ("*1 + 2 = 3*", ["1 + 2 = 3"]),
        ("x + 1 = 2", []),
        ("x1 + 1 = 2", []),
        ("1 + 2", []),
        ("1" * 400 + " = 2", []),
    ],
)
def test_statements_are_cut_out(text: str, found: list[str]) -> None:
    assert [statement.text for statement in statements(text)] == found


def test_what_stands_around_is_told() -> None:
    assert list(statements("- 1 + 2 = 3 cards")) == [
        Statement(text="1 + 2 = 3", signed=True, unit_after=True)
    ]
    assert list(statements("Hence 1 + 2 = 3.")) == [
        Statement(text="1 + 2 = 3", signed=False, unit_after=False)
    ]


WORDS = {
    "belongs": ["of", "mal", "step", "page", "week", "Schritt", "étape", "y"],
    "doubts": [
        "It is wrong that",
        "It isn't so that",
        "If",
        "About",
        "Es ist falsch, dass",
        "C'est faux,",
        "Het is niet so dat",
        "❌",
    ],
    "other_rules": ["In binary,", "With mod 3,"],
}


@pytest.mark.parametrize("before", [word for words in WORDS.values() for word in words])
def test_these_words_say_that_it_is_none(before: str) -> None:
    assert not list(statements(f"{before} 1 + 2 = 3."))


def test_every_line_of_words_has_an_example() -> None:
    source = subject.files("rungwise.verify").joinpath("arithmetic.yaml").read_text("utf-8")
    for key, lines in yaml.safe_load(source).items():
        for line in lines:
            assert any(re.search(line, text, re.IGNORECASE) for text in WORDS[key]), line
