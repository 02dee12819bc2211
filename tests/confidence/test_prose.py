"""What counts as an author's own words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.prose import HOLE, clauses, own_words, sentences


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Plain words.", "Plain words."),
        ("Say `x = 1` now", f"Say {HOLE} now"),
        ("Before\n```python\nx = 1\n```\nafter", f"Before\n{HOLE}\nafter"),
        ("Before\n~~~\nx\n~~~\nafter", f"Before\n{HOLE}\nafter"),
        ("Before\n```\nnever closed", f"Before\n{HOLE}"),
        ('He says "no" twice', f"He says {HOLE} twice"),
        ("He says 'it isn't so' twice", f"He says {HOLE} twice"),
        ("It isn't his, it's the users' list", "It isn't his, it's the users' list"),
        ("Er sagt „nein“ und “no” und «non» und 「いいえ」", "Er sagt " + f" und {HOLE}" * 4),
        ("> quoted\nown", f"{HOLE}\nown"),
        ("See https://example.org/a?b=c.", f"See {HOLE}"),
        ("Cafe\u0301 isn\u2019t", "Café isn't"),
        ("`", "`"),
        ('"', '"'),
    ],
)
def test_code_quotations_and_addresses_leave_a_hole(text: str, own: str) -> None:
    assert own_words(text) == own.replace("sagt  und", "sagt")


def test_sentences_end_in_many_scripts() -> None:
    assert sentences("One. Two? Three!\n- Four") == ["One.", "Two?", "Three!", "Four"]
    assert sentences("是的。不是。") == ["是的。", "不是。"]
    assert sentences("हाँ। नहीं।") == ["हाँ।", "नहीं।"]
    assert sentences("It is 3.5 km") == ["It is 3.5 km"]


def test_clauses_end_at_commas_and_dashes() -> None:
    assert clauses("It is 12, but wait; no - or \u2014 yes") == [
        "It is 12",
        "but wait",
        "no",
        "or ",
        "yes",
    ]


@given(st.text(max_size=500))
def test_nothing_is_added_but_holes(text: str) -> None:
    own_words(text)
    assert all(part.strip() for part in sentences(text))
