"""How much may one key's word count? Of a stream of outcomes, no more than its share.

Where several keys have said something of late, and one of them more than `most_share` of all, only
so many of its outcomes are let in, drawn at random, that it has that share of what is let in. Keys
that say next to nothing make no second voice. What is not let in is still weighed beside it: see
both.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Voices"]

LATE = 500
MOST = 64
"""Keys that are told apart; the one that said the least is forgotten first."""


@dataclass(slots=True, kw_only=True)
class Voices:
    heard: dict[str, float] = field(default_factory=dict)
    """How many of the last outcomes came from each key, about."""

    def lets_in(self, caller: str, most_share: float, draw: Callable[[], float]) -> bool:
        """`draw` gives numbers from 0 to 1, all alike."""
        keep = 1.0 - 1.0 / LATE
        self.heard = {name: count * keep for name, count in self.heard.items()}
        self.heard[caller] = self.heard.get(caller, 0.0) + 1.0
        if len(self.heard) > MOST:
            del self.heard[min(self.heard, key=lambda name: self.heard[name])]
        voices = [count for count in self.heard.values() if count > 1.0]
        mine = self.heard.get(caller, 0.0)
        rest = sum(voices) - mine
        if len(voices) < 2 or mine <= 1.0 or most_share >= 1.0:
            return True
        if mine / (mine + rest) <= most_share:
            return True
        return draw() < most_share * rest / (mine * (1.0 - most_share))
