"""What is a sum of plain numbers worth? Exactly, in fractions; nothing is ever executed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

__all__ = ["Notation", "Sum", "read_sum"]

Notation: TypeAlias = Literal["1,234.5", "1.234,5"]
"""How a number is written; both are read where a text does not say which it means."""

MOST_TOKENS, MOST_DIGITS, DEEPEST = 60, 20, 10

_BLANK = " \u00a0\u202f\u2009"
_TOKEN = {
    notation: re.compile(
        rf"[\s{_BLANK}]*(?:(?P<number>[0-9]{{1,3}}(?:[{mark}{_BLANK}][0-9]{{3}})+(?:{point}[0-9]+)?(?![0-9])"
        rf"|[0-9]+(?:{point}[0-9]+)?|{point}[0-9]+)|(?P<sign>[-+*/()%]))"
    )
    for notation, mark, point in (("1,234.5", ",", r"\."), ("1.234,5", ".", ","))
}

_ZERO = re.compile("0[0-9]")
"""A time or a number of a thing: 0730."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What was read, and how exact it can be."""

    value: Fraction
    first: Fraction
    """The number it begins with."""
    numbers: int
    unit: Fraction
    """One in the last place of its last number: 0.01 for 3.14."""
    adds: bool
    divides: bool
    percents: int
    """How many of its numbers are percentages."""

    @property
    def plain(self) -> bool:
        return self.numbers == 1


def read_sum(text: str, notation: Notation, *, hundredths: bool = False) -> Sum | None:
    """Numbers with + - * / and brackets, the usual precedence; None for anything else, for a
    division by zero and for what is too large. `hundredths` reads 5% as 0.05, otherwise as 5."""
    tokens = _tokens(text, notation)
    if tokens is None:
        return None
    reader = _Reader(tokens, notation, hundredths)
    try:
        value = reader.terms(DEEPEST)
    except (_NotASum, ZeroDivisionError):
        return None
    if reader.left() or value.numerator.bit_length() > 400:
        return None
    return Sum(
        value=value,
        first=reader.numbers[0],
        numbers=len(reader.numbers),
        unit=reader.unit,
        adds="+" in tokens or "-" in tokens,
        divides="/" in tokens,
        percents=tokens.count("%"),
    )


def _tokens(text: str, notation: Notation) -> list[str] | None:
    tokens: list[str] = []
    place, text = 0, text.strip()
    while place < len(text) and len(tokens) < MOST_TOKENS:
        token = _TOKEN[notation].match(text, place)
        if token is None:
            return None
        tokens.append(token["number"] or token["sign"])
        place = token.end()
    return tokens if tokens and place == len(text) else None


class _NotASum(Exception):
    pass


class _Reader:
    """Recursive descent, one method a precedence."""

    def __init__(self, tokens: list[str], notation: Notation, hundredths: bool) -> None:
        self._tokens, self._place = tokens, 0
        self._notation, self._hundredths = notation, hundredths
        self.numbers: list[Fraction] = []
        self.unit = Fraction(1)

    def left(self) -> bool:
        return self._place < len(self._tokens)

    def terms(self, deepest: int) -> Fraction:
        value = self._factors(deepest)
        while sign := self._take("+", "-"):
            term = self._factors(deepest)
            value = value + term if sign == "+" else value - term
        return value

    def _factors(self, deepest: int) -> Fraction:
        value = self._operand(deepest)
        while sign := self._take("*", "/"):
            factor = self._operand(deepest)
            value = value * factor if sign == "*" else value / factor
        return value

    def _operand(self, deepest: int) -> Fraction:
        if self._take("-"):
            return -self._positive(deepest)
        return self._positive(deepest)

    def _positive(self, deepest: int) -> Fraction:
        if not self._take("("):
            return self._number()
        if deepest == 0:
            raise _NotASum
        value = self.terms(deepest - 1)
        if not self._take(")"):
            raise _NotASum
        return value

    def _number(self) -> Fraction:
        token = self._tokens[self._place] if self.left() else ""
        if not token[-1:].isdigit() or len(token) > MOST_DIGITS or _ZERO.match(token):
            raise _NotASum
        self._place += 1
        mark, point = (",", ".") if self._notation == "1,234.5" else (".", ",")
        whole, _, decimals = "".join(token.replace(mark, "").split()).partition(point)
        value = Fraction(f"{whole or '0'}.{decimals or '0'}")
        self.unit = Fraction(1, 10 ** len(decimals))
        if self._take("%") and self._hundredths:
            value, self.unit = value / 100, self.unit / 100
        self.numbers.append(value)
        return value

    def _take(self, *signs: str) -> str | None:
        if not self.left() or self._tokens[self._place] not in signs:
            return None
        self._place += 1
        return self._tokens[self._place - 1]
