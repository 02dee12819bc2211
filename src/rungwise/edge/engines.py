"""How busy is each local rung's engine just now? As it says, and its pace between two looks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rungwise.observe.metrics_engines import Measured

__all__ = ["EngineNow", "Engines"]

LEAST_S, MOST_S = 4.0, 60.0
"""A pace is told over so long at the least, and of nothing that is longer ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineNow:
    """None is "not known"."""

    running: int
    waiting: int
    kv_use: float | None
    prefix_hits: float | None
    """Of all prompt tokens since the server started."""
    tokens_per_s: float | None
    """Written, since the look before this one; None at the first."""


class Engines:
    def __init__(
        self, rungs: Sequence[Measured], *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._rungs, self._now = {rung.name: rung for rung in rungs}, now
        self._before: dict[str, tuple[float, int]] = {}
        self._paces: dict[str, float] = {}

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
        now = self._now()
        at, before = self._before.setdefault(tier, (now, written))
        if now - at > MOST_S:
            self._paces.pop(tier, None)
        elif now - at >= LEAST_S:
            self._paces[tier] = (written - before) / (now - at)
        if now - at >= LEAST_S:
            self._before[tier] = now, written
        return self._paces.get(tier)
