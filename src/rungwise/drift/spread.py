"""Are confidences spread as they usually are?

The quartiles of the first fifth of the calm ones are the cuts; then the share at or below each is a
stream of its own, learned on the rest and watched both ways (see share.py). Where several of that
fifth lie on a cut, the share below it is one too: of a calibration's flat top (calibration.py: its
table is flat outside its points) everything is at or below, before and after any fall. So no more
than a quarter of that fifth lies between two neighbours, and only what moves within a quarter
changes no share.

Cuts and shares come from different observations, so that the bounds are exact for any distribution,
ties included, where the calm ones are independent draws from what is usual later. The streams, one
to six, have equal parts of the risk: with `risk` at most a bound of any of them is wrong (Boole).
The evidence of all of them is one mean: a mixture of e-detectors is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rungwise.counted import percentile
from rungwise.drift.share import Share

__all__ = ["Spread"]

QUARTILES = (0.25, 0.5, 0.75)
MOST = 400
"""Confidences from which the cuts are made, at most."""


@dataclass(slots=True, kw_only=True)
class Spread:
    calm: int
    fall: float
    risk: float
    """That any of the shares lies outside its bounds."""
    form: Literal["spread/2"] = "spread/2"
    """What a "spread" learned is not read but learned anew: it lacks the shares below a cut."""
    kept: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    """Rising. One that is the next number below another asks what is less than that other."""
    shares: list[Share] = field(default_factory=list)
    """Of the confidences at or below each cut."""
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
        self.cuts = _cuts(self.kept)
        calm = max(1, self.calm - len(self.kept))
        self.kept = []
        self.shares = [
            Share(side="both", calm=calm, fall=self.fall, risk=self.risk / len(self.cuts))
            for _ in self.cuts
        ]


def _cuts(kept: Sequence[float]) -> list[float]:
    """The quartiles, and of each that several lie on the next number below."""
    found = {percentile(kept, share) for share in QUARTILES}
    cuts = {cut for cut in found if cut is not None}
    return sorted(cuts | {math.nextafter(cut, -math.inf) for cut in cuts if kept.count(cut) > 1})
