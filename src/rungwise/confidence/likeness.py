"""How much do two answers say the same? 0 to 1, by what kind of answer they are."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from rungwise.types import Choice, ToolCall

__all__ = ["likeness"]

SHORT = 8
"""Words: up to here an answer is one statement, and says the same or does not."""
LONGEST = 128
"""Words of prose that are compared, half from each end: the matching is cubic at its worst."""

_SPACELESS = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Thai, kana, Han: scripts that put no space between words."""
_WORD = re.compile(f"[{_SPACELESS}]|[^\\s\u3000-\u303f{_SPACELESS}]+")
_BEFORE, _AFTER = "*_`\"'([{\u00ab\u2018\u201c", "*_`\"'.,;:!?)]}\u00bb\u2019\u201d"


def likeness(one: Choice, other: Choice, *, shaped: bool) -> float:
    """`one` is the draft's. `shaped`: JSON was asked for.

    - Tool calls: 1 for the same names and arguments, in any order, else 0.
    - JSON, where it was asked for or both are JSON: 1 for the same value, else 0.
    - A draft of up to SHORT words: 1 for the same words, without case and marks, else 0.
    - Longer prose: 2 M / T of difflib's SequenceMatcher (Ratcliff and Obershelp), where M counts
      the words in matching runs and T the words of both, of the first and last LONGEST / 2 words.
    """
    if one.tool_calls or other.tool_calls:
        return float(_calls(one.tool_calls) == _calls(other.tool_calls))
    values = _value(one.text), _value(other.text)
    if shaped or None not in values:
        return float(values[0] is not None and values[0] == values[1])
    words, others = _words(one.text), _words(other.text)
    if len(words) <= SHORT:
        return float(words == others)
    return SequenceMatcher(None, _ends(words), _ends(others), autojunk=False).ratio()


def _calls(calls: Sequence[ToolCall]) -> list[tuple[str, str]]:
    return sorted((call.name, _value(call.arguments) or call.arguments) for call in calls)


def _value(text: str) -> str | None:
    """The JSON value in one spelling; None for text that is not JSON. 1.0 is 1, but true is not."""
    try:
        return json.dumps(json.loads(text, parse_float=_number), sort_keys=True)
    except (ValueError, RecursionError):
        return None


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() else value


def _words(text: str) -> list[str]:
    found = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    spoken = [word for word in found if word.strip(".,;:!?")] or found
    return [word.lstrip(_BEFORE).rstrip(_AFTER) or word for word in spoken]


def _ends(words: list[str]) -> list[str]:
    half = LONGEST // 2
    return words if len(words) <= LONGEST else words[:half] + words[-half:]
