"""Do two answers say the same, as far as a program can tell? Calls, JSON, labels, numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from rungwise.confidence.likeness import likeness
from rungwise.types import Chat, Choice, Json, JsonObject, StepType
from rungwise.verify.sums import Notation, read_sum

__all__ = ["same"]

SHORT = 80
"""Characters: up to here the words alone are compared, without case and marks."""
LONG_NUMBER = 40
"""Characters that a number with its marks has at most."""
LONG_END = 4096
"""Characters at the end of a solution that are looked through for its number."""

_NOTATIONS: tuple[Notation, ...] = ("1,234.5", "1.234,5")
_MARKED = re.compile(
    r"####[ ]*(?P<hashes>[^\n]{1,40})"
    r"|\\boxed\{(?P<boxed>[^{}\n]{1,40})\}"
    r"|\banswer(?:[ ]is)?[ ]*[:=]?[ *]*(?P<said>[-+$\u20ac\u00a3]?[0-9][0-9.,]{0,38}%?)"
    r"(?=[^\n\w]*(?:[^\W\d_]+[^\n\w]*)?$)",  # and a unit at the most
    re.IGNORECASE | re.MULTILINE,
)
"""How a solution marks its last number: GSM8K's way, LaTeX's, and in words."""
_AROUND = " \t\r\n*_`\"'.,;:!?$\u20ac\u00a3"

_CLOSED = (StepType.CLASSIFICATION, StepType.EXTRACTION)
"""One of a few values is right, so that another one is wrong."""


def same(chat: Chat, step_type: StepType, one: Choice, other: Choice) -> bool | None:
    """True: they say the same. False: they differ where only one answer can be right. None: a
    program cannot tell, so somebody must read them.

    - Tool calls: True for the same names and arguments, as JSON, in any order. Never False: other
      calls may do as well.
    - JSON: True for the same value; False for classification and extraction, where an enum or a
      boolean has another value.
    - A number: True for the same one; False for multi-step reasoning. There it is also the number
      that a solution marks as its answer.
    - Up to SHORT characters: True for the same words; False for classification, where each is one
      word.
    - Any other text: True for the same text, but for white space where a line ends.
    """
    if one.tool_calls or other.tool_calls:
        return True if _like(one, other, shaped=False) else None
    if _lines(one.text) == _lines(other.text):
        return True
    values = _json(one.text), _json(other.text)
    if chat.shape is not None or None not in values:
        if _like(one, other, shaped=True):
            return True
        schema = None if chat.shape is None else chat.shape.schema
        closed = step_type in _CLOSED and None not in values
        return False if closed and _closed_apart(values[0], values[1], schema or {}) else None
    if max(len(one.text), len(other.text)) <= SHORT and _like(one, other, shaped=False):
        return True
    if (numbers := _same_number(step_type, one.text, other.text)) is not None:
        return numbers
    if step_type is StepType.CLASSIFICATION and _is_word(one.text) and _is_word(other.text):
        return False
    return None


def _like(one: Choice, other: Choice, *, shaped: bool) -> bool:
    return likeness(one, other, shaped=shaped) == 1.0


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _is_word(text: str) -> bool:
    return len(text.split()) == 1 and len(text.strip()) <= LONG_NUMBER


def _json(text: str) -> Json:
    """None for what is no object and no list: a bare word or number is read as a text."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def _closed_apart(one: Json, other: Json, schema: JsonObject) -> bool:
    """Whether they differ in a place that holds one of a few values; nothing is followed that the
    schema only refers to."""
    waiting: list[tuple[Json, Json, object]] = [(one, other, schema)]
    while waiting:
        left, right, rule = waiting.pop()
        told = rule if isinstance(rule, Mapping) else {}
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            inner = told.get("properties")
            rules = inner if isinstance(inner, Mapping) else {}
            waiting += [(left[k], right[k], rules.get(k)) for k in left.keys() & right.keys()]
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) == len(right):
                waiting += [(a, b, told.get("items")) for a, b in zip(left, right, strict=True)]
        elif left != right:
            both = isinstance(left, bool) and isinstance(right, bool)
            few = told.get("enum")
            if both or (isinstance(few, Sequence) and left in few and right in few):
                return True
    return False


def _same_number(step_type: StepType, one: str, other: str) -> bool | None:
    """None too where both may be one number: rounded otherwise, or 0.5 and 50 %."""
    solved = step_type is StepType.MULTI_STEP_REASONING
    left, right = (_worth(one), _worth(other)) if not solved else (_solution(one), _solution(other))
    if not left or not right:
        return None
    if not left.isdisjoint(right):
        return True
    near = any(_near(a, b) for a in left for b in right)
    return False if solved and not near else None


def _solution(text: str) -> frozenset[Fraction]:
    """Of a text that is a number, or else of the last one that it marks as its answer."""
    if found := _worth(text):
        return found
    marked = list(_MARKED.finditer(text[-LONG_END:]))
    return _worth(next(filter(None, marked[-1].groups()), "")) if marked else frozenset()


def _worth(text: str) -> frozenset[Fraction]:
    """What a number can be worth: in several notations several values. Empty for any other text."""
    told = text.strip(_AROUND)
    if len(told) > LONG_NUMBER:
        return frozenset()
    found = (
        read_sum(told, notation, hundredths=hundredths)
        for notation in _NOTATIONS
        for hundredths in (False, True)
    )
    return frozenset(one.value for one in found if one is not None and one.plain)


def _near(one: Fraction, other: Fraction) -> bool:
    """Within a hundredth, or a hundred times as much."""
    larger = max(abs(one), abs(other))
    return abs(one - other) <= larger / 100 or one == other * 100 or other == one * 100
