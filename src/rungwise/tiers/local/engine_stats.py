"""What does an engine tell of itself? Plain numbers: its queue, its cache, its tokens and times."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["ENDS", "EngineStats", "Spread"]

ENDS = ("stop", "length", "abort", "error", "repetition", "other")
"""How a request can end; whatever else an engine says is "other"."""

_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_BETWEEN = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0)


class Spread:
    """How many of a number were how large."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(bounds) + 1)
        """Up to each bound and over the one before, and one more for what is over them all."""
        self.total = 0.0

    def note(self, value: float) -> None:
        value = max(0.0, value)  # of two clocks
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class _Stand(NamedTuple):
    running: int
    waiting: int
    kv_use: float | None


@dataclass(slots=True)
class EngineStats:
    """Of one rung's engine, and of those that were started in its place: counts go on. Written in
    the event loop, by the engine's scheduler at every step and by the meters of its drafts; read
    from wherever."""

    queried: int = 0
    """Prompt tokens that were looked up in the prefix cache, and those of them that were there."""
    hits: int = 0
    prompt: int = 0
    """Tokens that drafts read, cached ones included, and wrote."""
    written: int = 0
    preempted: int = 0
    """Requests that were put back, counted as they are taken up again."""
    guessed: int | None = None
    """Tokens guessed ahead; None where it does not guess. Those of them that were right."""
    guessed_right: int = 0
    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ENDS, 0))
    """Drafts, by how they ended."""
    first_token: Spread = field(default_factory=lambda: Spread(_WAITS))
    """Seconds to a draft's first tokens, unless they came with all others."""
    inter_token: Spread = field(default_factory=lambda: Spread(_BETWEEN))
    """Mean seconds between two tokens of such a draft."""
    _copies: dict[int, _Stand] = field(default_factory=dict)

    def stand(self, copy: int, *, running: int, waiting: int, kv_use: float | None) -> None:
        """What one copy's scheduler says now."""
        self._copies[copy] = _Stand(running, waiting, kv_use)

    def rest(self) -> None:
        """It holds nothing: another engine takes its place."""
        self._copies.clear()

    def idle(self) -> None:
        """Nobody asks it for anything: what its schedulers said last is no longer so."""
        for copy in list(self._copies):
            self._copies[copy] = _Stand(0, 0, 0.0)

    def end(self, how: str) -> None:
        self.ended[how if how in self.ended else "other"] += 1

    @property
    def running(self) -> int:
        return sum(stand.running for stand in list(self._copies.values()))

    @property
    def waiting(self) -> int:
        return sum(stand.waiting for stand in list(self._copies.values()))

    @property
    def kv_use(self) -> float | None:
        """Of the KV cache, as the schedulers said last: of several copies, the mean."""
        told = [s.kv_use for s in list(self._copies.values()) if s.kv_use is not None]
        return sum(told) / len(told) if told else None
