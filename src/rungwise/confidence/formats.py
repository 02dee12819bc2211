"""Is the answer in the format that was asked for in words? JSON, yes or no, one word, a list.

Each check leaves a margin: an answer must be far from the format before anything is said. What a
caller asks for by `response_format` is checked against its schema elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TypeAlias, TypedDict

import yaml

from rungwise.confidence.orders import any_of, order_among, orders_in
from rungwise.confidence.prose import own_words, sentences
from rungwise.types import Chat

__all__ = ["format_fault"]

LONGEST_SYSTEM = 600
"""Characters: a longer system message has orders for several kinds of steps."""
LONGEST_JSON, LONGEST_PLAIN = 200_000, 10_000

_FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
_WORD = re.compile(r"\w+(?:['\u2019.,-]\w+)*")
_MARKER = re.compile(
    r"^[ \t]*(?:[-*+\u2022\u00b7\u2013]|\(?\w{1,3}[.)])\s|<li|^[ \t]*\[", re.MULTILINE
)
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)

Order: TypeAlias = re.Match[str]


def format_fault(chat: Chat, text: str) -> str | None:
    """Which format was asked for and is not there; None where it is or where it is not clear."""
    said = [m.text for m in chat.messages if m.role == "user"]
    system = "\n".join(m.text for m in chat.messages if m.role in ("system", "developer"))
    if not said:
        return None
    plain = len(system) <= LONGEST_SYSTEM and not _HEADING.search(system)
    ordered = _ordered(said[-1]) or (_ordered(system) if plain else {})
    if len(ordered) != 1 or _explanation().search(said[-1]):
        return None
    ((name, order),) = ordered.items()
    if _CHECKS[name](text.strip(), order):
        return None
    return f"{_formats()[name].says.format(*filter(None, order.groups()))} was asked for"


def _ordered(text: str) -> Mapping[str, Order]:
    """The formats that a message orders; of two that differ in rigour the stricter."""
    return _formats_among(orders_in(text))


@lru_cache(maxsize=128)
def _formats_among(orders: tuple[tuple[str, ...], ...]) -> Mapping[str, Order]:
    found: dict[str, Order] = {}
    for parts in orders:
        for part in parts:
            for name, form in _formats().items():
                order = form.order.match(part)
                if order:
                    found.setdefault(name, order)
    stricter = {name.removesuffix("_only") for name in found if name.endswith("_only")}
    return {name: order for name, order in found.items() if name not in stricter}


def _is_json(text: str, order: Order) -> bool:
    fenced = _FENCED.fullmatch(text)
    return _parses(fenced.group(1) if fenced else text)


def _has_json(text: str, order: Order) -> bool:
    begins = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    inner = text[min(begins, default=len(text)) : max(text.rfind("}"), text.rfind("]")) + 1]
    return any(map(_parses, [text, *_FENCED.findall(text), inner]))


def _parses(text: str) -> bool:
    try:
        json.loads(text[:LONGEST_JSON], parse_int=str)
    except RecursionError:
        return True
    except ValueError:
        return len(text) > LONGEST_JSON
    return True


def _has_yes_or_no(text: str, order: Order) -> bool:
    words = re.findall(r"[^\W\d_]+(?:'\w+)?", text.lower().replace("\u2019", "'"))
    return any(word in _yes_no_words() for word in words) or not re.search("[a-z]", text)


def _is_yes_or_no(text: str, order: Order) -> bool:
    return _count(text) <= 6 and _has_yes_or_no(text, order)


def _is_one_word(text: str, order: Order) -> bool:
    return _count(text) <= 3


def _is_one_number(text: str, order: Order) -> bool:
    return _count(text) <= (8 if re.search(r"\d", text) else 3)


def _is_one_sentence(text: str, order: Order) -> bool:
    return len(sentences(text)) <= 3


def _is_short(text: str, order: Order) -> bool:
    return _count(text) <= 1.5 * int(next(filter(None, order.groups()))) + 5


def _is_code(text: str, order: Order) -> bool:
    if "```" in text:
        return _count(_FENCED.sub("", text)) <= 12
    return _count(text) < 8 or re.search(r"[(){}\[\]=;:<>#]", text) is not None


def _is_list(text: str, order: Order) -> bool:
    return _count(text) < 8 or _MARKER.search(text) is not None


def _is_table(text: str, order: Order) -> bool:
    return _count(text) < 8 or re.search(r"[|\t]|<t", text) is not None


def _is_plain(text: str, order: Order) -> bool:
    return (
        re.search(r"\*\*\w[^*\n]*\*\*|^#{2,6} \w", own_words(text[:LONGEST_PLAIN]), re.MULTILINE)
        is None
    )


def _count(text: str) -> int:
    return sum(1 for _ in _WORD.finditer(text))


_CHECKS: Mapping[str, Callable[[str, Order], bool]] = {
    "json_only": _is_json,
    "json": _has_json,
    "yes_no_only": _is_yes_or_no,
    "yes_no": _has_yes_or_no,
    "one_word": _is_one_word,
    "one_number": _is_one_number,
    "one_sentence": _is_one_sentence,
    "most_words": _is_short,
    "code_only": _is_code,
    "bullets": _is_list,
    "table": _is_table,
    "no_markdown": _is_plain,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Format:
    says: str
    order: re.Pattern[str]


class _Row(TypedDict):
    says: str
    patterns: list[str]


class _File(TypedDict):
    explanation: list[str]
    formats: dict[str, _Row]
    yes_no_words: str


@cache
def _file() -> _File:
    source = files("rungwise.confidence").joinpath("formats.yaml").read_text(encoding="utf-8")
    table: _File = yaml.safe_load(source)
    return table


@cache
def _formats() -> Mapping[str, _Format]:
    return {
        name: _Format(says=row["says"], order=order_among(row["patterns"]))
        for name, row in _file()["formats"].items()
    }


@cache
def _explanation() -> re.Pattern[str]:
    return any_of(_file()["explanation"])


@cache
def _yes_no_words() -> frozenset[str]:
    return frozenset(_file()["yes_no_words"].split())
