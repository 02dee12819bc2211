"""What does a message order about the answer? Clear orders only, none that it quotes.

Whatever holds in some cases only, or may belong to a text that the message carries, is left out:
an order that is missed costs nothing, and one that was never given costs a good draft.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.resources import files

import yaml

from rungwise.confidence.prose import clauses, own_words, sentences

__all__ = ["any_of", "order_among", "orders_in"]

LONGEST = 1000
"""Characters: a longer message carries a text to work on, whatever it says."""

_END_OF_ORDER = re.compile(r"[:\uff1a]\s|\n")


def orders_in(text: str) -> tuple[tuple[str, ...], ...]:
    """For each sentence that may hold an order: the sentence, and its clauses."""
    return _orders_in(text[: 2 * LONGEST], long=len(text) > LONGEST)


# An agent's system prompt, and the question that several rungs are asked, come again and again.
@lru_cache(maxsize=128)
def _orders_in(head: str, *, long: bool) -> tuple[tuple[str, ...], ...]:
    words = own_words(head).strip()
    if long or _pattern("material").search(words):
        words = _END_OF_ORDER.split(words, maxsplit=1)[0]
    return tuple(
        (_bare(sentence), *map(_bare, clauses(sentence)))
        for sentence in sentences(words)
        if not _pattern("conditional").search(sentence)
    )


def order_among(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for orders; to be matched at the beginning of a sentence or clause."""
    opens, alternative = _pattern("opens").pattern, _pattern("alternative").pattern
    return re.compile(
        rf"(?>(?:{opens}[\s,:\u3001\uff0c]*){{0,4}}{any_of(patterns).pattern})(?!\w*{alternative})",
        re.IGNORECASE,
    )


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile(f"(?:{'|'.join(patterns)})", re.IGNORECASE)


def _bare(part: str) -> str:
    return part.rstrip(" .!?:;,\u3002\uff01\uff1f\u0964")


@cache
def _pattern(key: str) -> re.Pattern[str]:
    source = files("rungwise.confidence").joinpath("orders.yaml").read_text(encoding="utf-8")
    return any_of(yaml.safe_load(source)[key])
