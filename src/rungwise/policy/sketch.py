"""What does a predictor see of a chat? Hashed words and pairs of words, and a few traits.

Only the last turn is read, and of a long one only its beginning and its end; of the rest only the
sizes count. It is no secret: pairs of words tell their order, and a hash without a key can be tried
with a dictionary. Whoever does that can read much of a short text back from its sketch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rungwise.policy.traits import TRAITS, traits_of
from rungwise.policy.words import BUCKETS, bucket_of, read_window, words_of
from rungwise.types import Chat, Message

__all__ = ["BUCKETS", "TRAITS", "VERSION", "Sketch", "sketch_of"]

Buckets: TypeAlias = NDArray[np.uint16]
Counts: TypeAlias = NDArray[np.uint8]
Traits: TypeAlias = NDArray[np.float32]

VERSION = 1
"""Raised with whatever changes what a bucket or a trait means."""

HEAD = 4
"""Bytes: the version, how many traits, and how many buckets in two."""

SYSTEM_READ = 256
"""Characters of the system prompt that tell one agent from another."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """Arrays are read-only."""

    buckets: Buckets
    """[n], rising, each once."""
    counts: Counts
    """[n], 1 to 255; more is 255."""
    traits: Traits
    """[len(TRAITS)], finite, as exact as half precision."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sketch) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return crc32(self.to_bytes())

    def to_bytes(self) -> bytes:
        """About two bytes a bucket: the counts, then the gaps, of which 255 is "and more"."""
        steps = np.diff(self.buckets.astype(np.int64), prepend=0)
        more, rest = np.divmod(steps, 255)
        gaps = np.full(len(steps) + int(more.sum()), 255, np.uint8)
        gaps[np.cumsum(more + 1) - 1] = rest
        head = bytes((VERSION, len(self.traits))) + len(steps).to_bytes(2, "little")
        traits = self.traits.astype("<f2").tobytes()
        return head + traits + self.counts.tobytes() + gaps.tobytes()

    @classmethod
    def from_bytes(cls, told: bytes) -> Sketch:
        """Raises ValueError for anything that `to_bytes` of this version did not write."""
        if len(told) < HEAD or told[0] != VERSION or told[1] != len(TRAITS):
            raise ValueError("not a sketch of this version")
        count = int.from_bytes(told[2:HEAD], "little")
        counted = HEAD + 2 * len(TRAITS)
        traits = np.frombuffer(told[HEAD:counted].ljust(2 * len(TRAITS), b"\xff"), "<f2")
        counts = np.frombuffer(told[counted : counted + count], np.uint8)
        gaps = np.frombuffer(told[counted + count :], np.uint8)
        buckets = np.cumsum(gaps, dtype=np.int64)[gaps < 255]
        whole = len(counts) == len(buckets) == count and (not len(gaps) or gaps[-1] < 255)
        if not whole or not np.isfinite(traits).all() or not counts.all():
            raise ValueError("a sketch that is cut off or overwritten")
        if count and (buckets[-1] >= BUCKETS or (np.diff(buckets) <= 0).any()):
            raise ValueError("a sketch whose buckets are none")
        return cls(
            buckets=_fixed(buckets.astype(np.uint16)),
            counts=_fixed(counts),
            traits=_fixed(traits.astype(np.float32)),
        )


def sketch_of(chat: Chat) -> Sketch:
    """Pure; the same on every machine. Bounded by the window, whatever the size of the chat."""
    turn = _last_turn(chat)
    raw = read_window(turn.text if turn is not None else "")
    words = words_of(raw)
    buckets, counts = _counted(np.concatenate((words.buckets, _settings(chat))))
    traits = traits_of(chat, turn, raw, words)
    return Sketch(
        buckets=_fixed(buckets),
        counts=_fixed(np.minimum(counts, 255).astype(np.uint8)),
        traits=_fixed(traits.astype(np.float16).astype(np.float32)),
    )


def _counted(found: Buckets) -> tuple[Buckets, NDArray[np.int64]]:
    """As np.unique does, in half the time."""
    if not len(found):
        return found, found.astype(np.int64)
    ranked = np.sort(found, kind="stable")
    firsts = np.flatnonzero(ranked[1:] != ranked[:-1]) + 1
    edges = np.concatenate(((0,), firsts, (len(ranked),)))
    return ranked.take(edges[:-1]), edges[1:] - edges[:-1]


def _last_turn(chat: Chat) -> Message | None:
    """What is to be answered: a user's words or a tool's result."""
    return next((m for m in reversed(chat.messages) if m.role in ("user", "tool")), None)


def _settings(chat: Chat) -> Buckets:
    """Which agent, with which tools, for which shape: a bucket for each that is given."""
    told = []
    system = next((m.text for m in chat.messages if m.role in ("system", "developer")), "")
    if system:
        told.append(f"system {system[:SYSTEM_READ]}")
    if chat.tools:
        told.append(f"tools {' '.join(sorted(tool.name for tool in chat.tools))}")
    if chat.shape is not None:
        told.append(f"shape {chat.shape.name}")
    return np.array([bucket_of(text) for text in told], np.uint16)


def _fixed(array: NDArray) -> NDArray:  # type: ignore[type-arg]
    array.setflags(write=False)
    return array
