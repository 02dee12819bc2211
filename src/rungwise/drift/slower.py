"""Do more answers than one in twenty take longer than the usual p95, times what is worth an alarm?

The cut is learned: of the first `calm` latencies, the one whose rank says that the true p95 is not
above it, but with a small probability (order statistics need no distribution), times `slower`. As
long as the p95 is no more than `slower` times what it was, at most 5 % of answers lie above the
cut: that is bet against, as a share's rise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rungwise.drift.bounds import rank_above
from rungwise.drift.evidence import RISK
from rungwise.drift.share import Share

__all__ = ["Slower"]

TAIL = 0.05
"""Beyond the p95."""
MOST = 2000
"""Latencies are kept while it learns, at most."""


@dataclass(slots=True, kw_only=True)
class Slower:
    calm: int
    fall: float
    slower: float
    risk: float = RISK
    """That the true p95 is above the rank that was taken for it: exact once learned, where the calm
    latencies are independent draws from what is usual later."""
    form: Literal["slower"] = "slower"
    kept: list[float] = field(default_factory=list)
    p95: float | None = None
    """The usual one, in seconds."""
    over: Share | None = None

    @property
    def usual(self) -> float | None:
        return None if self.p95 is None else TAIL

    def take(self, x: float, said: float = 1.0) -> Sequence[float] | None:
        """`x` in seconds."""
        if self.over is None:
            self.kept.append(x)
            if len(self.kept) >= min(self.calm, MOST):
                self._learn()
            return None
        return self.over.take(self.shown(x))

    def shown(self, x: float, said: float = 1.0) -> float:
        return float(self.p95 is not None and x > self.slower * self.p95)

    def again(self, least: int) -> bool:
        return self.over is not None and self.over.again(least)

    def begin(self) -> None:
        if self.over is not None:
            self.over.begin()

    def _learn(self) -> None:
        rank, self.risk = rank_above(len(self.kept), 1.0 - TAIL, RISK)
        self.p95, self.kept = sorted(self.kept)[rank - 1], []
        self.over = Share(
            side="rise",
            calm=1,
            fall=self.fall,
            risk=0.0,
            learned=1,
            sum=TAIL,
            low=0.0,
            high=TAIL,
        )
