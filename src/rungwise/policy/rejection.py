"""Did the last answer not do? Said by the user, or shown by a tool loop that does not get on.

Better to miss a rejection than to see one where there is none: only a short turn that begins with
one counts, and of tools only what comes three times. The patterns are data: `rejection.yaml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias, TypedDict, get_args

import yaml

from rungwise.policy.loops import stuck, was_stuck
from rungwise.types import Chat, Message

__all__ = ["prepare", "rejection", "unsettled"]

MOST = 2000
"""Characters of a turn with what it quotes: a longer one is no short answer to an answer."""
LONGEST = 240
"""Characters that the user himself may say."""
HEEDED = 4
"""Turns of the user for which a rejection counts, its own included."""
TRAILING = 4
"""Messages of one turn that are read."""
READ, READ_OWN = 2 * MOST, 3 * LONGEST
"""Characters of all these turns together, and of what the user says in them himself, the last turn
first: so what it takes is bounded, whatever the texts."""

TOLD = "the user rejected the last answer"
TOLD_BEFORE = "the user rejected an answer not long ago"

Script: TypeAlias = Literal["latin", "cyrillic", "other"]
Kind: TypeAlias = Literal["says", "bare", "again", "unless"]


def prepare() -> None:
    """Compile the patterns, which takes some tenths of a second that no chat should wait for."""
    for script in get_args(Script):
        for kind in get_args(Kind):
            _pattern(script, kind)


def rejection(chat: Chat) -> str | None:
    """What speaks for it, in a few words; None where nothing does.

    Only where it is new: the step right after the rejected answer, and every third step of a loop.
    No text of the chat is in what it says.
    """
    if not chat.messages:
        return None
    match chat.messages[-1].role:
        case "user":
            return TOLD if _rejected(_turns(chat.messages, 1)) else None
        case "tool":
            return stuck(chat.messages)
        case _:
            return None


def unsettled(chat: Chat) -> str | None:
    """What spoke for it not long ago: reason enough not to go back down yet. See `rejection`.

    That one of the user's last HEEDED turns rejected an answer, or that this turn's steps did not
    get on for a while.
    """
    if _rejected(_turns(chat.messages, HEEDED)):
        return TOLD_BEFORE
    return was_stuck(chat.messages)


def _turns(messages: Sequence[Message], most: int) -> list[tuple[Sequence[Message], bool]]:
    """The user's last turns that follow an answer, the last one first, and whether what they
    follow was a question. At least one; of no messages where there is none."""
    turns: list[tuple[Sequence[Message], bool]] = []
    said: list[Message] = []
    for message in reversed(messages):
        if message.role == "user":
            said.append(message)
        elif message.role == "assistant" and said:
            turns.append((said[-TRAILING:], message.text[-200:].rstrip().endswith(_QUESTION)))
            said = []
            if len(turns) == most:
                break
    return turns or [((), False)]


def _rejected(turns: Sequence[tuple[Sequence[Message], bool]]) -> bool:
    """Whether one of them rejects an answer; what goes beyond READ is not looked at."""
    return any(_says_no(own, answering=asked) for own, asked in _heard(turns))


def _heard(turns: Sequence[tuple[Sequence[Message], bool]]) -> Iterable[tuple[str, bool]]:
    """What the user says himself, message by message, and whether it may answer a question."""
    left, left_own = READ, READ_OWN
    for text, asked in ((message.text, asked) for said, asked in turns for message in said):
        if not text or len(text) > MOST:
            continue
        if (left := left - len(text)) < 0:
            return
        own = _own(text)
        if len(own) > LONGEST:
            continue
        if (left_own := left_own - len(own)) < 0:
            return
        yield own, asked


# ---- words -----------------------------------------------------------------------------------

_QUESTION = ("?", "\uff1f", "\u061f")
_QUOTED = re.compile(
    r"""
      ^[ ]{0,3}(?P<fence>`{3,}|~{3,}).*?(?:^[ ]{0,3}(?P=fence)|\Z)  # a block of code
    | <(?P<tag>[A-Za-z][\w-]{0,40}+)(?![\w-])[^<>]{0,200}+>.*?(?:</(?P=tag)>|\Z)  # of an agent
    | `[^`\n]{1,400}+`
    | ^[ \t]*>[^\n]*
    | https?://\S+
    | "[^"\n]{1,400}+" | \u201c[^\u201c\u201d\n]{1,400}+\u201d
    | \u201e[^\u201e\u201c\u201d\n]{1,400}+[\u201c\u201d]
    | \u00ab[^\u00ab\u00bb\n]{1,400}+\u00bb | \u300c[^\u300c\u300d\n]{1,400}+\u300d
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""A mark looks for its end no further than to the next mark that opens the same: no character is
looked at by many of them, however many there are."""
_MARKS = re.compile(r"[`~<>\"\u201c\u201e\u00ab\u300c]|://")
_HOLE = "\ufffc"
"""Stands where something was left out."""
_LEADING = re.compile(rf"[^\w{_HOLE}]*")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?\u2026\u061f\u06d4\u0964\u3002\uff01\uff1f])\s*|\n+")
_ASKS = re.compile(r"[^.!?\u2026\u061f\u0964\u3002\uff01\uff1f\n]*[?\u061f\uff1f]")
_SEPARATES = r"[\s,.:;!\u2026\u060c\u061b\u0964\u3001\u3002\uff0c\uff01\u2013\u2014-]"
_SENTENCE_END = (
    r"(?=\s*(?:$|[.,;!\u2026\n\u060c\u061b\u0964\u3001\u3002\uff0c\uff01]|[\u2013\u2014]|\s-))"
)
_CLAUSE_END = rf"(?:(?=\s*[:)(\uff1a{_HOLE}])|{_SENTENCE_END})"


def _says_no(own: str, *, answering: bool) -> bool:
    """`answering`: what came before was a question, to which a bare word may be the answer."""
    own = own[_LEADING.match(own).end() :].rstrip()  # type: ignore[union-attr] # matches anything
    script = _script(own[:1])
    found = _pattern(script, "says").match(own)
    if found is None and not answering:
        found = _pattern(script, "bare").match(own)
    asks = found is not None and _ASKS.match(own, found.end())
    if found is None or asks:
        found = next((m for s in _ends(own) if (m := _pattern(script, "again").fullmatch(s))), None)
    return found is not None and _pattern(script, "unless").search(own) is None


def _own(text: str) -> str:
    """What the user says himself: no code, quotations, addresses, or blocks that agents add."""
    text = text.replace("\u2019", "'").strip()
    return _QUOTED.sub(_left_out, text).strip() if _MARKS.search(text) else text


def _left_out(found: re.Match[str]) -> str:
    """A block stands apart from what is said; a quotation is a word of it."""
    return "\n" if found["fence"] or found["tag"] else _HOLE


def _ends(own: str) -> Iterable[str]:
    """The first sentence and the last one, bare."""
    parts = [part for part in _SENTENCE_ENDS.split(own) if part and part.strip()]
    ends = [*parts[:1], *parts[1:][-1:]]
    return [part.strip(" \t.,!?\u2026\u061f\u0964\u3002\uff01\uff1f") for part in ends]


def _script(letter: str) -> Script:
    if letter < "\u0370":
        return "latin"
    return "cyrillic" if "\u0400" <= letter < "\u0530" else "other"


class _Language(TypedDict):
    """See rejection.yaml."""

    script: Script
    opens: list[str]
    says: list[str]
    bare: list[str]
    again: list[str]
    tails: list[str]
    unless: list[str]


@cache
def _pattern(script: Script, kind: Kind) -> re.Pattern[str]:
    """One expression for all languages of a script."""
    return re.compile(
        "|".join(_of(row, kind) for row in _table().values() if row["script"] == script),
        re.IGNORECASE,
    )


def _of(row: _Language, kind: Kind) -> str:
    patterns = "|".join(row[kind])
    if kind == "unless":
        return f"(?:{patterns})" if patterns else "(?!)"
    ends = "" if row["script"] == "other" else r"(?!\w)"  # where blanks part the words
    opens = rf"(?:(?:{'|'.join(row['opens'])}){ends}{_SEPARATES}*+){{0,4}}"
    if kind == "again":
        return f"(?:{opens}(?:{patterns}))"
    if kind == "bare":
        return f"(?:{opens}(?:{patterns}){_SENTENCE_END})"
    tails = rf"|\s*(?:{'|'.join(row['tails'])})" if row["tails"] else ""
    return rf"(?:{opens}(?:{patterns})(?:{_CLAUSE_END}{tails}))"


@cache
def _table() -> Mapping[str, _Language]:
    source = files("rungwise.policy").joinpath("rejection.yaml").read_text(encoding="utf-8")
    table: Mapping[str, _Language] = yaml.safe_load(source)
    return table
