"""Does the answer decline, or say that it is unsure? The patterns are data: `wording.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

import yaml

from rungwise.confidence.orders import any_of
from rungwise.confidence.prose import clauses, own_words, sentences

__all__ = ["Wording", "wording_of"]

HEAD = 400
"""Characters at the head of an answer that are searched: what it declines, it declines there."""

Kind: TypeAlias = Literal["refusal", "hedge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What was found, in which language, and the words that said so."""

    kind: Kind
    language: str
    words: str


def wording_of(text: str) -> Wording | None:
    """The first refusal at the head of `text`, else the first hedge; None when there is neither.

    Only the answerer's own words count: neither what it quotes, nor a letter in another's name.
    """
    head = own_words(text[: 4 * HEAD])[:HEAD].lstrip("*_# \n")
    if _letter().match(head):
        return None
    said = sentences(head)
    return _first("refusal", said[:2]) or _first(
        "hedge", [c for s in said for c in (s, *clauses(s))]
    )


def _first(kind: Kind, parts: list[str]) -> Wording | None:
    pattern = _spoken(kind)
    for part in parts:
        found = pattern.match(part)
        if found:
            return Wording(kind=kind, language=found.lastgroup or "", words=found.group().strip())
    return None


@cache
def _spoken(kind: Kind) -> re.Pattern[str]:
    """One expression for all languages; the group that matched last is the language."""
    return any_of(
        rf"(?P<{language}>(?:{any_of(table['opens']).pattern}[\s,.:!\u060c\uff0c\u3001\u2026]*){{0,3}}"
        rf"{any_of(table[kind]).pattern})"
        for language, table in _table().items()
    )


@cache
def _letter() -> re.Pattern[str]:
    return any_of(pattern for table in _table().values() for pattern in table["letter"])


@cache
def _table() -> Mapping[str, Mapping[str, list[str]]]:
    source = files("rungwise.confidence").joinpath("wording.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Mapping[str, list[str]]] = yaml.safe_load(source)
    return table
