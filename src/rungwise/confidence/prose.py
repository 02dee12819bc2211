"""What does an author say himself? A text without code, quotations and addresses."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["clauses", "own_words", "sentences"]

HOLE = "\ufffc"
"""Stands where something was left out, so that what stood around it is not joined."""

_QUOTES = (
    ('"', '"'),
    ("\u201c", "\u201d"),
    ("\u201e", "\u201c"),
    ("\u201e", "\u201d"),
    ("\u00ab", "\u00bb"),
    ("\u300c", "\u300d"),
)
_QUOTED = "|".join(f"{opens}[^{opens}{closes}\\n]{{1,400}}{closes}" for opens, closes in _QUOTES)
_OTHERS = re.compile(
    rf"""
      ^[ ]{{0,3}}(?P<fence>`{{3,}}|~{{3,}}).*?(?:^[ ]{{0,3}}(?P=fence)|\Z)  # a block of code
    | `[^`\n]{{1,400}}`                                                   # code within a line
    | ^[ \t]*>[^\n]*                                                      # a block quote
    | https?://\S+
    | {_QUOTED}
    | (?<!\w)'(?=\S)[^\n]{{1,200}}?(?<=\S)'(?![^\W\uac00-\ud7a3])  # Korean goes on after a quote
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_SENTENCE_ENDS = re.compile(r"(?<=[.!?\u2026\u061f\u06d4\u0964])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_CLAUSE_ENDS = re.compile(r"[,;\u2014\u060c\u061b\uff0c\uff1b\u3001]\s*|\s[-\u2013]\s")
_LEADING = re.compile(rf"\A[^\w{HOLE}]+")


def own_words(text: str) -> str:
    """The same text in composed form, with straight apostrophes, and with a hole wherever code, a
    quotation or an address stood. Linear in the length of the text."""
    text = unicodedata.normalize("NFC", text)
    text = text.replace("\u2019", "'").replace("\u2018", "'").replace("\u02bc", "'")
    return _OTHERS.sub(HOLE, text)


def sentences(text: str) -> list[str]:
    """Sentences and lines, each without what stands before its first letter or digit."""
    return _parts(_SENTENCE_ENDS, text)


def clauses(text: str) -> list[str]:
    """The parts of a sentence between commas, semicolons and dashes."""
    return _parts(_CLAUSE_ENDS, text)


def _parts(ends: re.Pattern[str], text: str) -> list[str]:
    parts = (_LEADING.sub("", part) for part in ends.split(text) if part)
    return [part for part in parts if part]
