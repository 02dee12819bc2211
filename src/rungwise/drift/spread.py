"""Are confidences spread as they usually are?

The quartiles of the first fifth of the calm ones are the cuts; then the share at or below each is a
stream of its own, learned on the rest and watched both ways (see share.py). Cuts and shares come
from different observations, so that the bounds are exact for any distribution, ties included, where
the calm ones are independent draws from what is usual later. The evidence of all cuts is one mean:
a mixture of e-detectors is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rungwise.counted import percentile
from rungwise.drift.share import Share

__all__ = ["Spread"]

CUTS = (0.25, 0.5, 0.75)
MOST = 400
"""Confidences from which the cuts are made, at most."""


@dataclass(slots=True, kw_only=True)
class Spread:
    calm: int
    fall: float
    risk: float
    form: Literal["spread"] = "spread"
    kept: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    learned: int = 0
    sum: float = 0.0

    @property
    def usual(self) -> float | None:
        """The mean confidence."""
        settled = self.shares and self.shares[0].usual is not None
        return self.sum / self.learned if settled else None

    def take(self, x: float, said: float = 1.0) -> Sequence[float] | None:
        if self.usual is None:
            self.learned, self.sum = self.learned + 1, self.sum + x
        if not self.cuts:
            self.kept.append(x)
            if len(self.kept) >= min(self.calm // 5, MOST):
                self._cut()
            return None
        factors: list[float] = []
        for cut, share in zip(self.cuts, self.shares, strict=True):
            found = share.take(float(x <= cut))
            if found is not None:
                factors += found
        return factors or None

    def shown(self, x: float, said: float = 1.0) -> float:
        return x

    def again(self, least: int) -> bool:
        found = [share.again(least) for share in self.shares]  # each begins its next block
        return all(found)

    def begin(self) -> None:
        for share in self.shares:
            share.begin()

    def _cut(self) -> None:
        found = {percentile(self.kept, cut) for cut in CUTS}
        self.cuts = sorted(cut for cut in found if cut is not None)
        calm = max(1, self.calm - len(self.kept))
        self.kept = []
        self.shares = [
            Share(side="both", calm=calm, fall=self.fall, risk=self.risk / len(self.cuts))
            for _ in self.cuts
        ]
