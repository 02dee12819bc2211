"""Which plain numbers say how hard a chat may be? Sizes, and what its last turn is made of."""

from __future__ import annotations

from math import log1p

import numpy as np
from numpy.typing import NDArray

from rungwise.policy.words import Raw, Words
from rungwise.types import Chat, Message

__all__ = ["TRAITS", "traits_of"]

_SHARES = {
    "capitals": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "digits": b"0123456789",
    "spaces": b" \t",
    "lines": b"\n",
    "mathematics": b"+-*/=<>^%$\\",
    "brackets": b"()[]{}",
    "code": b"_;:#`|~&@{}",
    "quotes": b"\"'",
    "stops": b".!?",
    "questions": b"?",
    "commas": b",",
    "beyond_ascii": bytes(range(128, 256)),
}
"""Of the bytes that were read: of how many, as log(1 + count) and as a share."""

_MEMBERS = np.array(
    [[byte in told for byte in range(256)] for told in _SHARES.values()], np.float64
).T

_SIZES = (
    "turn_size",
    "system_size",
    "history_size",
    "messages",
    "tools",
    "images",
    "shape",
    "schema",
    "from_tool",
    "failed_tools",
    "max_tokens",
)
_WORDS = (
    "words",
    "word_size",
    "longest_word",
    "varied",
    "numbers",
    "longest_number",
    "number_size",
)
_CHOICES = (
    "choices",
    "choice_size",
    "longest_choice",
    "choice_spread",
    "choice_numbers",
    "stem_size",
    "stem_numbers",
    "stem_lines",
)
TRAITS = (
    *_SIZES,
    *(f"{name}_count" for name in _SHARES),
    *(f"{name}_share" for name in _SHARES),
    *_WORDS,
    *_CHOICES,
)


def traits_of(chat: Chat, turn: Message | None, raw: Raw, words: Words) -> NDArray[np.float64]:
    """[len(TRAITS)], finite, most of them between 0 and 10."""
    counts = np.bincount(raw, minlength=256) @ _MEMBERS
    shares = counts / max(1, len(raw))
    told = (*_of_words(words), *_of_choices(raw, words))
    return np.concatenate((_sizes(chat, turn), np.log1p(counts), shares, told))


def _sizes(chat: Chat, turn: Message | None) -> list[float]:
    own = len(turn.text) if turn is not None else 0
    system = sum(len(m.text) for m in chat.messages if m.role in ("system", "developer"))
    history = sum(len(m.text) for m in chat.messages) - own - system
    schema = chat.shape.schema if chat.shape is not None else None
    return [
        log1p(own),
        log1p(system),
        log1p(history),
        log1p(len(chat.messages)),
        log1p(len(chat.tools)),
        log1p(sum(len(m.images) for m in chat.messages)),
        float(chat.shape is not None),
        log1p(len(schema)) if schema is not None else 0.0,
        float(turn is not None and turn.role == "tool"),
        log1p(sum(m.failed for m in chat.messages)),
        log1p(chat.sampling.max_tokens or 0),
    ]


def _of_words(words: Words) -> list[float]:
    sizes = words.ends - words.starts
    plain, numbers = sizes[words.letters], sizes[words.numbers]
    found = len(sizes)
    ranked = np.sort(words.buckets[:found], kind="stable")
    distinct = np.count_nonzero(ranked[1:] != ranked[:-1]) + (found > 0)
    return [
        log1p(found),
        int(plain.sum()) / max(1, len(plain)),
        log1p(int(plain.max(initial=0))),
        distinct / max(1, found),
        log1p(len(numbers)),
        log1p(int(numbers.max(initial=0))),
        int(numbers.sum()) / max(1, len(numbers)),
    ]


def _of_choices(raw: Raw, words: Words) -> list[float]:
    """Lines that begin like `A.`, `B)` or `(C)`, and what stands before the first of them."""
    lines = np.flatnonzero(raw[:-3] == _LINE) + 1
    first, second, third = raw[lines], raw[lines + 1], raw[np.minimum(lines + 2, len(raw) - 1)]
    plain = _LETTERED[first] & _CLOSED[second]
    begun = lines[plain | ((first == _OPEN) & _LETTERED[second] & _CLOSED[third])]
    numbers = words.starts[words.numbers]
    if not len(begun):
        return [0.0] * 5 + [log1p(len(raw)), log1p(len(numbers)), log1p(len(lines))]
    sizes = np.log1p(np.append(begun[1:], len(raw)) - begun)
    stem = int(begun[0])
    before = int(np.searchsorted(numbers, stem))
    return [
        log1p(len(begun)),
        float(sizes.mean()),
        float(sizes.max()),
        float(sizes.std()),
        (len(numbers) - before) / len(begun),
        log1p(stem),
        log1p(before),
        log1p(int(np.searchsorted(lines, stem))),
    ]


def _one_of(told: bytes) -> NDArray[np.bool_]:
    return np.isin(np.arange(256), list(told))


_LINE, _OPEN = ord("\n"), ord("(")
_LETTERED, _CLOSED = _one_of(b"ABCDEFGHIJ"), _one_of(b".):")
