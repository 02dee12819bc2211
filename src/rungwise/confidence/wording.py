"""Does the answer decline, or say that it is unsure? The patterns are data: `wording.yaml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

__all__ = ["Wording", "wording_of"]

HEAD = 400
"""Characters at the head of an answer that are searched: a refusal opens with its refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What was found, in which language, and the words that said so."""

    kind: Literal["refusal", "hedge"]
    language: str
    words: str


def wording_of(text: str) -> Wording | None:
    """The first refusal at the head of `text`, else the first hedge; None when there is neither."""
    head = text[:HEAD].replace("\u2019", "'")
    for kind, language, pattern in _patterns():
        found = pattern.search(head)
        if found:
            return Wording(kind=kind, language=language, words=found.group(0).strip())
    return None


@cache
def _patterns() -> tuple[tuple[Literal["refusal", "hedge"], str, re.Pattern[str]], ...]:
    source = files("rungwise.confidence").joinpath("wording.yaml").read_text(encoding="utf-8")
    table = yaml.safe_load(source)
    return tuple(
        (kind, language, re.compile("|".join(f"(?:{p})" for p in patterns), re.IGNORECASE))
        for kind in ("refusal", "hedge")
        for language, patterns in table[kind].items()
    )
