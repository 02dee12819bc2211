"""Which buckets do the words of a text fall into? All of them at once, without a loop.

A word is a run of letters, a run of digits (of which only the length counts), or one other sign; a
Chinese, Japanese or Korean character is a word of its own, with the letters right behind it. Words
and pairs of neighbours share one space of buckets. A run's hash is the difference of two running
sums of value x power, divided by the power of its beginning: a rolling polynomial hash modulo 2^64,
in which an odd base has an inverse. The same on every machine and in every version of Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

__all__ = ["BUCKETS", "WINDOW", "Raw", "Words", "bucket_of", "read_window", "words_of"]

Raw: TypeAlias = NDArray[np.uint8]

BUCKETS = 1 << 16
WINDOW = 2048
"""Characters, and bytes, that are read at either end of a long turn."""

_BASE = 0x9E3779B97F4A7C15
_SPACE, _LETTER, _DIGIT, _SIGN, _CHARACTER, _FURTHER = range(6)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_FIRST = np.uint64(0xA0761D6478BD642F)
_SHIFT = np.uint64(32)
_TOP = np.uint64(48)


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    return np.cumprod(np.array([1] + [base] * count, np.uint64), dtype=np.uint64)


def _kinds() -> NDArray[np.uint8]:
    """What each byte of UTF-8 is."""
    kinds = np.full(256, _SIGN, np.uint8)
    kinds[:33] = _SPACE
    kinds[127] = _SPACE
    kinds[48:58] = _DIGIT
    kinds[65:91] = kinds[97:123] = _LETTER
    kinds[128:192] = _FURTHER  # the rest of a character
    kinds[192:227] = _LETTER
    kinds[227:] = _CHARACTER
    return kinds


def _begins() -> bytes:
    """At 8 x kind before + kind: whether something new begins, a word or a gap between words."""
    before, here = np.divmod(np.arange(256), 8)
    begins = (before != here) | np.isin(here, (_SIGN, _CHARACTER))
    begins &= (here != _FURTHER) & ((before != _FURTHER) | (here != _LETTER))
    return bytes(begins.tobytes())


def _values() -> NDArray[np.uint64]:
    """A number for each byte, the same for capitals and for all digits."""
    order = np.arange(256, dtype=np.uint64)
    order[65:91] += np.uint64(32)
    order[48:58] = 48
    return _mixed(order + np.uint64(1))


def _mixed(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> _SHIFT)) * _MIX
    x = (x ^ (x >> _SHIFT)) * _MIX
    return x ^ (x >> _SHIFT)


_KINDS, _BEGINS, _VALUES = _kinds(), _begins(), _values()
_POWERS = _powers(_BASE, 2 * WINDOW + 1)
_INVERSES = _powers(pow(_BASE, -1, 1 << 64), 2 * WINDOW + 1)


def read_window(text: str) -> Raw:
    """UTF-8 of the text, of a long one its two ends with a line end between them."""
    if len(text) <= 2 * WINDOW:
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) <= 2 * WINDOW:
            return np.frombuffer(raw, np.uint8)
    head, tail = (part.encode("utf-8", "surrogatepass") for part in (text[:WINDOW], text[-WINDOW:]))
    return np.frombuffer(head[:WINDOW] + b"\n" + tail[-WINDOW:], np.uint8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """The words of one text, in order."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    """[n] both, in bytes."""
    numbers: NDArray[np.bool_]
    """[n], whether it is a run of digits."""
    letters: NDArray[np.bool_]
    """[n], whether it is a run of letters."""
    buckets: NDArray[np.uint16]
    """[2 n - 1], of the words and then of the pairs of neighbours."""


def words_of(raw: Raw) -> Words:
    """Of at most 2 WINDOW + 1 bytes."""
    kinds = _KINDS.take(raw)
    begins = np.ones(len(raw), np.bool_)
    neighbours = (kinds[:-1] << 3) | kinds[1:]
    begins[1:] = np.frombuffer(neighbours.tobytes().translate(_BEGINS), np.bool_)
    sums = np.zeros(len(raw) + 1, np.uint64)
    np.cumsum(_VALUES.take(raw) * _POWERS[: len(raw)], out=sums[1:])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(raw))
    kind = kinds.take(starts)
    word = np.flatnonzero(kind != _SPACE)
    starts, ends, kind = starts.take(word), ends.take(word), kind.take(word)
    hashes = _mixed((sums.take(ends) - sums.take(starts)) * _INVERSES.take(starts))
    pairs = _mixed(hashes[:-1] * _FIRST + hashes[1:])
    return Words(
        starts=starts,
        ends=ends,
        numbers=kind == _DIGIT,
        letters=kind == _LETTER,
        buckets=(np.concatenate((hashes, pairs)) >> _TOP).astype(np.uint16),
    )


def bucket_of(text: str) -> int:
    """One bucket for a whole text."""
    return crc32(text.encode("utf-8", "surrogatepass")) & (BUCKETS - 1)
