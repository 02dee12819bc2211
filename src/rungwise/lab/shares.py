"""Whose labels may steer? Of each kind of work no key gives more than its share."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

__all__ = ["MOST_SHARE", "within_share"]

MOST_SHARE = 0.5
"""As outcomes.most_share has it where nobody says otherwise."""

T = TypeVar("T")


def within_share(
    items: Sequence[tuple[Hashable, str, T]], share: float, seed: int
) -> tuple[list[T], int]:
    """Items with their kind and their key: those that are kept, in their order, and how many more
    there were.

    Of a kind that several keys gave, all keys keep what they gave, up to as many as are the given
    share of what is kept; above that a draw decides. A share that so few keys cannot fill is that
    of equal parts. So whoever has less than others loses nothing, unless the share is below a half.
    """
    places: defaultdict[Hashable, defaultdict[str, list[int]]]
    places = defaultdict(lambda: defaultdict(list))
    for place, (kind, key, _) in enumerate(items):
        places[kind][key].append(place)
    draw, kept = random.Random(seed), set[int]()
    for by_key in places.values():
        most = _most([len(own) for own in by_key.values()], share)
        for key in sorted(by_key):
            own = by_key[key]
            kept.update(own if len(own) <= most else draw.sample(own, most))
    return [items[place][2] for place in sorted(kept)], len(items) - len(kept)


def _most(counts: Sequence[int], share: float) -> int:
    """The largest number that is no more than the share of what is kept, if each keeps that many.
    What is kept grows ever slower with it, so that all lesser numbers will do too."""
    share = max(share, 1 / len(counts))
    least, beyond = 1, max(counts) + 1
    while beyond - least > 1:
        tried = (least + beyond) // 2
        within = tried <= share * sum(min(count, tried) for count in counts) + 1e-9
        least, beyond = (tried, beyond) if within else (least, tried)
    return least
