"""How busy is each local rung's engine just now? As it says, and its pace over the last looks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.observe.metrics_engines import Measured

__all__ = ["EngineNow", "Engines"]

LEAST_S, OVER_S, MOST_S = 4.0, 20.0, 60.0
"""A pace is told over so long: at the least, as a rule, and at the most. A draft that nobody
follows counts when it ends, so over less an engine at work would often seem to write nothing."""
APART_S = 1.0
"""Looks that come closer are not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNow:
    """None is "not known"."""

    running: int
    waiting: int
    kv_use: float | None
    prefix_hits: float | None
    """Of all prompt tokens since the server started."""
    tokens_per_s: float | None
    """Written, over the last twenty seconds or so in which somebody looked; None at first."""


class Engines:
    def __init__(
        self, rungs: Sequence[Measured], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rungs, self._now = {rung.name: rung for rung in rungs}, now
        self._looks: dict[str, deque[tuple[float, int]]] = {}

    def of(self, tier: str) -> EngineNow | None:
        """None for a rung without an engine of its own, or whose engine tells nothing."""
        rung = self._rungs.get(tier)
        stats = None if rung is None else rung.stats
        if stats is None:
            return None
        return EngineNow(
            running=stats.running,
            waiting=stats.waiting,
            kv_use=stats.kv_use,
            prefix_hits=stats.hits / stats.queried if stats.queried else None,
            tokens_per_s=self._pace(tier, stats.written),
        )

    def _pace(self, tier: str, written: int) -> float | None:
        now, looks = self._now(), self._looks.setdefault(tier, deque())
        while len(looks) > 1 and now - looks[1][0] >= OVER_S:
            looks.popleft()
        while looks and now - looks[0][0] > MOST_S:
            looks.popleft()
        if not looks or now - looks[-1][0] >= APART_S:
            looks.append((now, written))
        at, before = looks[0]
        return (written - before) / (now - at) if now - at >= LEAST_S else None
