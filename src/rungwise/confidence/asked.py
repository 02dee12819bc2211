"""Is the finished draft in the language and the format that were asked for in words?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rungwise.confidence.formats import format_fault
from rungwise.confidence.languages import language_fault
from rungwise.types import Chat

__all__ = ["Mismatch", "mismatch_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """What was asked for, and that it is not there: one line without a word of the draft."""

    kind: Literal["language", "format"]
    what: str


def mismatch_of(
    chat: Chat, text: str, *, language: bool = True, format: bool = True
) -> Mismatch | None:
    """What of these two does not fit; None where both do, or where it is not clear.

    Says nothing of answers whose shape or labels the caller has given otherwise, or which go on
    from the caller's own beginning.
    """
    if chat.shape is not None or chat.labels or not text.strip():
        return None
    if not chat.messages or chat.messages[-1].role == "assistant":
        return None
    if language and (fault := language_fault(chat, text)):
        return Mismatch(kind="language", what=fault)
    if format and (fault := format_fault(chat, text)):
        return Mismatch(kind="format", what=fault)
    return None
