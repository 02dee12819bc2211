"""Which steps are nearly the same text? By their sketches, where numbers are but their lengths.

Two sketches are alike where they share `ALIKE` of their buckets (Jaccard). Candidates are found by
MinHash in bands (Broder 1997; Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4): of
sketches that share so much, 98 % meet in a band. A group has a leader, its first sketch, to which
all others of it are alike: no chain of small differences joins what has nothing in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rungwise.policy.sketch import Sketch

__all__ = ["ALIKE", "grouped", "joined"]

ALIKE = 0.6
_BANDS, _ROWS = 16, 3
_SEED = 20_100


def grouped(sketches: Sequence[Sketch], named: Sequence[str | None]) -> tuple[str, ...]:
    """A group for each: its name where it has one, else `like N`, N being its leader's place."""
    leaders: defaultdict[bytes, list[int]] = defaultdict(list)
    found = []
    for place, (sketch, name) in enumerate(zip(sketches, named, strict=True)):
        if name is not None:
            found.append(name)
            continue
        keys = _keys(sketch)
        candidates = sorted({leader for key in keys for leader in leaders[key]})
        alike = (leader for leader in candidates if _shared(sketch, sketches[leader]) >= ALIKE)
        leader = next(alike, place)
        if leader == place:
            for key in keys:
                leaders[key].append(place)
        found.append(f"like {leader}")
    return tuple(found)


def joined(one: Sequence[str], other: Sequence[str | None]) -> tuple[str, ...]:
    """What either way to group puts together, as groups of their own: what belongs to a third by
    turns is one group with it. None is in no group."""
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for ours, theirs in zip(one, other, strict=True):
        if theirs is not None:
            parent[root((1, theirs))] = root((0, ours))
    names: dict[tuple[int, str], str] = {}
    return tuple(names.setdefault(root((0, ours)), ours) for ours in one)


def _shared(one: Sketch, other: Sketch) -> float:
    """The Jaccard index of their buckets; 1 of two empty ones."""
    both = len(np.intersect1d(one.buckets, other.buckets, assume_unique=True))
    either = len(one.buckets) + len(other.buckets) - both
    return both / either if either else 1.0


def _keys(sketch: Sketch) -> list[bytes]:
    """One for each band: the least hashes of its buckets."""
    if not len(sketch.buckets):
        return [b""]
    hashed = (sketch.buckets.astype(np.uint64) + np.uint64(1)) * _FACTORS
    least = ((hashed ^ (hashed >> np.uint64(29))) * _MIX >> np.uint64(32)).min(axis=1)
    bands = least.astype(np.uint32).reshape(_BANDS, _ROWS)
    return [bytes([number]) + band.tobytes() for number, band in enumerate(bands)]


def _factors() -> NDArray[np.uint64]:
    drawn = np.random.default_rng(_SEED).integers(0, 1 << 63, (_BANDS * _ROWS, 1), np.uint64)
    return drawn * np.uint64(2) + np.uint64(1)


_FACTORS = _factors()
_MIX = np.uint64(0xD6E8FEB86659FD93)
