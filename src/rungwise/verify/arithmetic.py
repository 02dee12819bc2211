"""Are the sums that an answer states right? `12 + 7 = 20` is not."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from rungwise.verify.statements import Statement, plain, statements
from rungwise.verify.sums import Notation, Sum, read_sum

__all__ = ["arithmetic_fault"]

OTHER_UNIT = Fraction(3, 2)
"""60 + 60 = 2 hours: a number this much larger or smaller may count something else."""
SLACK = Fraction(1, 100)
"""Between two sums that hold rounded numbers."""
TINY = Fraction(1, 10**9)
"""What floating point may add: 0.1 + 0.2 = 0.30000000000000004."""

_NOTATIONS: tuple[Notation, ...] = ("1,234.5", "1.234,5")
_RANGE = re.compile(r"([0-9]+)-([0-9]+)")
_FRACTION = re.compile(r"(?<![0-9./(])([0-9]+/[0-9]+)(?![0-9./)])")


def arithmetic_fault(text: str, given: str = "") -> str | None:
    """One line on the first stated sum that is wrong; None where none is. Linear in the text.

    A result is right that rounds to the digits it shows; a quotient may also be cut off. What can
    be read in several ways is wrong only in all of them. A statement that stands in `given` too,
    word for word, is somebody else's.
    """
    for statement in statements(text):
        fault = _fault(statement)
        if fault is not None and not _stands_in(given, statement):
            return fault
    return None


def _stands_in(given: str, statement: Statement) -> bool:
    return "".join(statement.text.split()) in "".join(plain(given).split())


def _fault(statement: Statement) -> str | None:
    """What is wrong in every way to read it; None where one is right, or none can be read."""
    texts = [statement.text]
    if statement.signed:
        unsigned = statement.text.lstrip("- ")
        texts = [unsigned, f"-{unsigned}"]
    if " / " in statement.text:
        texts.append(_FRACTION.sub(r"(\1)", statement.text))  # 2000 / 2/3
    percent = [False, True] if statement.text.endswith("%") else [True, False]
    ways = [(text, notation, way) for text in texts for notation in _NOTATIONS for way in percent]
    found: list[str] = []
    for text, notation, hundredths in ways:
        parts = text.split("=")
        sums = [read_sum(part, notation, hundredths=hundredths) for part in parts]
        fault = _first_wrong(parts, sums, statement.unit_after)
        if fault == "":
            return None
        if fault is not None:
            found.append(fault)
    return found[0] if found else None


def _first_wrong(parts: list[str], sums: list[Sum | None], unit_after: bool) -> str | None:
    """The first two neighbours that differ; empty where none do, None where it cannot be read."""
    whole = [one for one in sums if one is not None]
    if len(whole) < len(sums) or len(whole) < 2:
        return None
    for (left, left_text), (right, right_text) in pairwise(zip(whole, parts, strict=True)):
        if left.plain or _fits(left, right) or _is_range(left_text, right):
            continue
        if _mixes_percent(left) or (unit_after and _counts_else(left, right)):
            continue
        stated = " ".join(f"{left_text} = {right_text}".split())
        return f"{stated} is wrong: it is {_shown(left.value)}"
    return ""


def _fits(left: Sum, right: Sum) -> bool:
    """Equal, as far as the digits go that are shown."""
    apart = abs(left.value - right.value)
    if apart == 0:
        return True
    if not right.plain:
        rounded = left.divides or right.divides or left.unit < 1 or right.unit < 1
        near = apart <= SLACK * max(abs(left.value), abs(right.value))
        return (rounded and near) or right.first == left.value  # 5 + 3 = 8 + 2 = 10
    if right.unit < TINY:
        return apart < TINY
    return apart < right.unit if left.divides else apart <= right.unit / 2


def _is_range(text: str, right: Sum) -> bool:
    """3-5 = 4 hardly means minus two."""
    found = _RANGE.fullmatch(text.strip())
    return found is not None and int(found[1]) < int(found[2]) and right.value >= 0


def _mixes_percent(left: Sum) -> bool:
    """100 + 10%: of what?"""
    return 0 < left.percents < left.numbers and left.adds


def _counts_else(left: Sum, right: Sum) -> bool:
    if left.value <= 0 or right.value <= 0:
        return True
    ratio = left.value / right.value
    return not 1 / OTHER_UNIT < ratio < OTHER_UNIT


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    decimals = f"{float(value):.10g}"
    return decimals if Fraction(decimals) == value else f"about {decimals}"
