"""How many transitions does a pattern have, counted and written out?"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.edge.patterns import MOST, transitions


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("", 0),
        ("a", 0),
        ("^abc$", 2),
        (r"^\d{4}-\d{2}-\d{2}$", 9),
        ("a{3}", 2),
        ("a{2,5}b", 4 + 4),  # b can follow the second to the fifth a
        ("a?b?c?", 3),
        ("(?:ab)*", 2),
        ("(?:a?){4}", 6),
        ("[a-z]{1,500}", 499),
        (".{0,50}" * 10, 490 + 45 * 50),
        ("(.{1,5000}x){1,5000}", 49_999_999),
        (r"[\]\[]a", 1),
        (r"\p{L}\u{1F600}\u00e9\x41\(", 4),
        (r"(?<year>a)(?P<day>b)(?=c)(?<!d)", 3),
        ("a{,3}", 2),
        ("a{3,}", 3),
        ("a+?b*+", 3),
        ("red|green|blue", 2 + 4 + 3),
        ("x{0}y", 0),
        ("a{99999999999999999999}", MOST - 1),
    ],
)
def test_the_count_is_known(pattern: str, count: int) -> None:
    assert transitions(pattern) == count


@pytest.mark.parametrize(
    "pattern", ["(", ")", "(a", "a)b", "[", "[^", "\\", "*", "{", "a{1", "a{1,2", "(?<", "|", "(?"]
)
def test_what_is_no_pattern_is_counted_all_the_same(pattern: str) -> None:
    assert transitions(pattern) >= 0


@pytest.mark.parametrize(
    "part", ["(", "[", "(?<", "(?P<", r"\p{", "{", "a{1,", "\\", "((a{1,99}){9}"]
)
def test_a_hostile_text_is_read_once(part: str) -> None:
    """A scan that starts again at each place would not end within this test's patience."""
    assert 0 <= transitions(part * 30_000) <= MOST


@given(st.text(alphabet="ab()[]{}|?*+,\\^$.:=<>!P123u"))
def test_nothing_is_raised(text: str) -> None:
    assert 0 <= transitions(text) <= MOST


# ---- written out: Glushkov's construction with sets, as in any textbook -----------------------


@dataclass(frozen=True)
class Written:
    text: str
    first: frozenset[int]
    last: frozenset[int]
    empty: bool
    pairs: frozenset[tuple[int, int]]
    places: int


def shifted(part: Written, by: int) -> Written:
    move = lambda places: frozenset(i + by for i in places)  # noqa: E731
    pairs = frozenset((i + by, j + by) for i, j in part.pairs)
    return Written(part.text, move(part.first), move(part.last), part.empty, pairs, part.places)


def then(one: Written, two: Written, text: str = "") -> Written:
    two = shifted(two, one.places)
    return Written(
        text or one.text + two.text,
        one.first | two.first if one.empty else one.first,
        one.last | two.last if two.empty else two.last,
        one.empty and two.empty,
        one.pairs | two.pairs | {(i, j) for i in one.last for j in two.first},
        one.places + two.places,
    )


def maybe(part: Written) -> Written:
    return Written(part.text, part.first, part.last, True, part.pairs, part.places)


def times(part: Written, least: int, more: int) -> Written:
    """a{2,4} is aa(a(a)?)?"""
    text = f"(?:{part.text}){{{least},{least + more}}}"
    whole = NOTHING
    for _ in range(more):
        whole = maybe(then(part, whole))
    for _ in range(least):
        whole = then(part, whole)
    return Written(text, whole.first, whole.last, whole.empty, whole.pairs, whole.places)


def again(part: Written) -> Written:
    back = {(i, j) for i in part.last for j in part.first}
    text, pairs = f"(?:{part.text})*", part.pairs | back
    return Written(text, part.first, part.last, True, pairs, part.places)


NOTHING = Written("", frozenset(), frozenset(), True, frozenset(), 0)
PLACES = st.sampled_from(["a", ".", "[b-d]", r"\d", r"\."]).map(
    lambda text: Written(text, frozenset({0}), frozenset({0}), False, frozenset(), 1)
)
PATTERNS = st.recursive(
    PLACES,
    lambda inner: st.one_of(
        st.builds(then, inner, inner),
        st.builds(times, inner, st.integers(0, 3), st.integers(0, 3)),
        st.builds(again, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=150)
@given(PATTERNS)
def test_the_count_is_that_of_the_pattern_written_out(part: Written) -> None:
    # where an empty part may go round, a place's way back to itself may be there already
    counted, written = transitions(part.text), len(part.pairs)
    assert written <= counted
    assert counted == written or "*" in part.text
