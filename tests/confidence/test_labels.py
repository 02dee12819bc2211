"""Are labels found in what a rung shows, in every spelling, and nowhere else?"""

from __future__ import annotations

import math

import pytest

from rungwise.confidence.labels import Grade, grade_of, written_label
from rungwise.types import LEAST_LOGPROB, Piece, TokenAlternative, TokenLogprob


def token(text: str, *others: tuple[str, float], logprob: float = LEAST_LOGPROB) -> TokenLogprob:
    told = tuple(TokenAlternative(text=t, logprob=math.log(p)) for t, p in others)
    return TokenLogprob(text=text, logprob=logprob, alternatives=told)


def test_spellings_of_one_label_are_added_up() -> None:
    shown = token("Yes", ("Yes", 0.3), (" yes", 0.2), ("YES", 0.1), ("no", 0.2), ("\u0120No", 0.1))
    grade = grade_of([Piece("Yes", shown=(shown,))])
    assert grade is not None and grade.share is not None
    assert (grade.yes, grade.no) == (pytest.approx(0.6), pytest.approx(0.3))
    assert grade.share == pytest.approx(2 / 3)


def test_a_token_that_begins_a_label_stands_for_it() -> None:
    grade = grade_of([Piece("y", shown=(token("y", ("y", 0.5), ("N", 0.25), ("not", 0.25)),))])
    assert grade == Grade(yes=pytest.approx(0.5), no=pytest.approx(0.25))  # type: ignore[arg-type]


def test_the_written_token_counts_though_it_is_no_alternative() -> None:
    shown = token("no", ("yes", 0.5), logprob=math.log(0.25))
    grade = grade_of([Piece("no", shown=(shown,))])
    assert grade is not None and grade.no == pytest.approx(0.25)


def test_the_first_word_is_read_past_blanks_but_a_lone_blank_is_read_too() -> None:
    blank, word = token("\n", ("\n", 0.9), ("no", 0.1)), token("yes", ("yes", 0.8), ("no", 0.1))
    both = grade_of([Piece("\n", shown=(blank,)), Piece("yes", shown=(word,))])
    assert both is not None and both.yes == pytest.approx(0.8)
    alone = grade_of([Piece("\n", shown=(blank,))])
    assert alone is not None and alone.share == 0.0


def test_other_choices_are_not_read() -> None:
    other = Piece("no", 1, shown=(token("no", ("no", 1.0)),))
    assert grade_of([other]) is None and written_label([other]) is None


def test_nothing_shown_is_no_grade() -> None:
    assert grade_of([]) is None
    assert grade_of([Piece("yes", logprobs=(-0.1,))]) is None
    assert grade_of([Piece("yes", shown=(token("yes", logprob=-0.1),))]) is None, "P(no) is unknown"


def test_a_number_that_is_none_is_no_probability() -> None:
    odd = [TokenAlternative(text="yes", logprob=v) for v in (math.nan, -math.inf, LEAST_LOGPROB)]
    shown = TokenLogprob(text="yes", logprob=math.nan, alternatives=tuple(odd))
    grade = grade_of([Piece("yes", shown=(shown,))])
    assert grade is not None and grade.mass == 0 and grade.share is None


@pytest.mark.parametrize("text", ["yes", " Yes.", "YES\n", '"yes"', "**yes**"])
def test_a_word_with_marks_is_a_label(text: str) -> None:
    assert written_label([Piece(text[:2]), Piece(text[2:])]) == "yes"


@pytest.mark.parametrize("text", ["", "yes, because", "yesterday", "yes no", "n", "maybe", "oui"])
def test_anything_else_is_none(text: str) -> None:
    assert written_label([Piece(text)]) is None
