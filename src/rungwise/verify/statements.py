"""Where does a text state a sum? `so 12 + 7 = 19.` does.

Only what cannot be anything else counts: plain numbers, operators and an equals sign. Dates,
versions, code, tables and equations with letters do not, nor what the text itself doubts, rounds
or quotes. The words that say so are data: `arithmetic.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

__all__ = ["Statement", "plain", "statements"]

LONGEST = 300
"""Characters of one statement."""
NEAR = 40
"""Characters around a statement in which the text may doubt it."""

_ASIDE = re.compile(
    r"""^[ ]{0,3}(?P<fence>`{3,}|~{3,}).*?(?:^[ ]{0,3}(?P=fence)|\Z) | `[^`\n]{1,400}`
    | ^[ \t]*>[^\n]* | https?://\S+ | "[^"\n]{1,400}" | \u201c[^\u201d\n]{1,400}\u201d""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_WRITTEN = (
    (re.compile(r"\\(?:times|cdot|ast)\b|[\u00d7\u2715\u2716\u22c5\u00b7\u2219]"), "*"),
    (re.compile(r"\\div\b|[\u00f7\u2215]"), "/"),
    (re.compile(r"\u2212|(?<=[ ])\u2013(?=[ ])"), "-"),
    (re.compile(r"\\boxed\{([^{}\n]*)\}"), r"\1"),
    (re.compile(r"\\([*%$])"), r"\1"),
    (re.compile(r"\\[()\[\],;!]|[$\u20ac\u00a3\u00a5]"), " "),
    (re.compile(r"(?<![^\s(])\*\*(?=\S)|(?<=\S)\*\*(?![^\s.,;:!?)])"), ""),  # bold
    (re.compile(r"(?<=[0-9)])[ ]*(?<!\b0)[xX][ ]*(?=[0-9(])"), " * "),
)
_STRETCH = re.compile("[0-9 \t\u00a0\u202f\u2009().,%+*/=-]+")
_DATE = re.compile(r"[0-9][-/][0-9]+[-/][0-9]")
_MARKER = re.compile(r"\(?[0-9]{1,3}\)[ \t]+|[*+-][ \t]+")
_TORN = re.compile(r"[0-9],[ ]$"), re.compile(r"[0-9]{3}(?![0-9])")  # 14, 400
_MIXED = re.compile(r"[0-9] and[ ]$"), re.compile(r"[0-9]+/[0-9]")  # 1 and 1/4
_WORD_BEFORE = re.compile(r"([^\W\d_]+)[ \t]*$")
_SIGN_BEFORE = re.compile(
    r"[^\w\s:;.,!?(\[>\"'*_\u2014\u2022\u2192\u21d2\u2234][ \t]*$|[\w^\\|/*+-]$|[0-9]:$"
    r"|[-+*/=][ \t.]*$"
)
_SIGN_AFTER = re.compile(r"[^\s.,;:)\]*_\"'\u2014\u2026]|[:*_][0-9]|[ \t]+[^\w\s(\"'\u2014\u2192-]")
_WORD_AFTER = re.compile(r"[ \t]*\(?[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    text: str
    """Numbers, brackets, + - * / % and at least one equals sign."""
    signed: bool
    """It begins its line with a sign that may be a minus or a bullet."""
    unit_after: bool
    """A word follows: what the result counts may not be what was added up."""


def statements(text: str) -> Iterator[Statement]:
    """What may be statements of sums, in order. Linear in the length of the text."""
    text = plain(text) if "=" in text else ""
    if _words("other_rules").search(text):
        return
    for stretch in _STRETCH.finditer(text):
        if "=" not in stretch.group():
            continue
        start = stretch.start()
        for part in re.split(r"[.,](?=\s|$)", stretch.group()):
            statement = _statement(text, start, start + len(part))
            if statement is not None:
                yield statement
            start += len(part) + 1


def plain(text: str) -> str:
    """The text without code and quotations, its signs written in one way."""
    text = _ASIDE.sub("\ufffc", text)
    for written, sign in _WRITTEN:
        text = written.sub(sign, text)
    return text


def _statement(text: str, start: int, end: int) -> Statement | None:
    """What stands between two places, if its surroundings leave it whole."""
    part = text[start:end]
    if not 5 <= len(part.strip()) <= LONGEST or "=" not in part or _DATE.search(part):
        return None
    start += len(part) - len(part.lstrip())
    end -= len(part) - len(part.rstrip())
    before = text[max(0, start - NEAR) : start]
    line = before.rpartition("\n")[2]
    alone = not line.strip() and (line != before or start < NEAR)
    result = text[start : start + 2] == "= "  # of whatever stands before it
    signed = alone and text[start] == "-"
    marker = _MARKER.match(text, start, end) if alone else None
    start, end = _trimmed(text, marker.end() if marker else start, end)
    after = text[end : end + NEAR]
    if not (alone or result or _may_follow(line, text[start:end])):
        return None
    doubts = _words("doubts")
    if _SIGN_AFTER.match(after) or doubts.search(line) or doubts.search(after):
        return None
    return Statement(
        text=text[start:end], signed=signed, unit_after=_WORD_AFTER.match(after) is not None
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without a leading equals sign, brackets without a partner, and stars around it all."""
    if text[start : start + 2] == "= ":
        start += 2
    part = text[start:end]
    if part[:1] == part[-1:] == "*":
        return start + 1, end - 1
    if part.count("(") > part.count(")") and part.startswith("("):
        return start + 1, end
    if part.count(")") > part.count("(") and part.endswith(")"):
        return start, end - 1
    if part.startswith("(") and part.endswith(")") and "=" in part[: part.find(")")]:
        return start + 1, end - 1
    return start, end


def _may_follow(before: str, part: str) -> bool:
    """Whether what stands before it in its line leaves it whole."""
    word = _WORD_BEFORE.search(before)
    if word is not None and _words("belongs").fullmatch(word.group(1)):
        return False
    if any(begun.search(before) and rest.match(part) for begun, rest in (_TORN, _MIXED)):
        return False
    return not _SIGN_BEFORE.search(before) and not re.match(r"[-+*/][ \t]|[=+*/]", part)


@cache
def _words(key: str) -> re.Pattern[str]:
    source = files("rungwise.verify").joinpath("arithmetic.yaml").read_text(encoding="utf-8")
    return re.compile("|".join(yaml.safe_load(source)[key]), re.IGNORECASE)
