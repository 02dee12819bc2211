"""What a sum of plain numbers is worth, and what is none."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.verify.sums import Notation, read_sum


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12 + 7", 19),
        ("3*(4+1)", 15),
        ("2 + 3 * 4 - 1", 13),
        ("100 / 8 / 5", Fraction(5, 2)),
        ("-(2 - 5) * -2", -6),
        ("1,234 + 1", 1235),
        ("1 234 567 + 1", 1234568),
        (".5 + 0.25", Fraction(3, 4)),
        ("50% + 25%", 75),
    ],
)
def test_it_is_worth_exactly(text: str, value: Fraction | int) -> None:
    found = read_sum(text, "1,234.5")
    assert found is not None and found.value == value


def test_the_other_notation() -> None:
    found = read_sum("1.234,5 + 0,5", "1.234,5")
    assert found is not None and (found.value, found.unit) == (1235, Fraction(1, 10))


def test_percentages_as_hundredths() -> None:
    found = read_sum("200 * 15%", "1,234.5", hundredths=True)
    assert found is not None and (found.value, found.percents, found.numbers) == (30, 1, 2)


def test_what_is_told_of_a_number() -> None:
    found = read_sum("3.140", "1,234.5")
    assert found is not None
    assert found.plain and not found.divides and not found.adds
    assert found.unit == Fraction(1, 1000) and found.first == Fraction("3.14")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "x + 1",
        "1 +",
        "1 + + 2",
        "1 2",
        "1 1/2",
        "2(3)",
        "(1 + 2",
        "1 + 2)",
        "5 ** 2",
        "1 / 0",
        "1,23 + 1",
        "1,2345 + 1",
        "1.2.3",
        "0900 - 0130",
        "9" * 30,
        "1" + " + 1" * 90,
        "(" * 20 + "1" + ")" * 20,
        "1" + "0" * 19 + " * 10000000000000000000" * 20,
    ],
)
def test_what_is_no_sum_or_too_large(text: str) -> None:
    assert read_sum(text, "1,234.5") is None


SUMS = st.recursive(
    st.integers(0, 10**6).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda t: "({} {} {})".format(*t)
    ),
    max_leaves=8,
)


@given(SUMS)
def test_it_agrees_with_python(text: str) -> None:
    found = read_sum(text, "1,234.5")
    try:
        exact = eval(text.replace("/", "/one/"), {"one": Fraction(1)})
    except ZeroDivisionError:
        assert found is None
        return
    assert found is not None and found.value == exact


@given(st.text("0123456789+-*/()., %x", max_size=60), st.sampled_from(["1,234.5", "1.234,5"]))
def test_it_never_raises(text: str, notation: Notation) -> None:
    read_sum(text, notation)
