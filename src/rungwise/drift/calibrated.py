"""Are drafts as often right as their confidences say?

Nothing has to be learned: a confidence p says what its answer's chance is. As long as that is true
to within half of what is worth an alarm, P(right) is at least p - fall / 2, at most p + fall / 2.
Against each bound the likelihood ratio of a chance beyond it, moved on the scale of log odds, is a
fair bet or a worse one (test martingales for calibrated forecasts: Arnold, Henzi, Ziegel,
Scand. J. Stat. 50 (2023)).

Answers that somebody saw are accepted drafts. That is no bias here: of those, too, a share p should
be right among the ones with confidence p. What was looked at besides, such as a judge's veto, can
only make more of them right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Calibrated"]

SHIFTS = (0.25, 0.5, 1.0, 2.0)
"""In log odds: how far the chance may have moved."""


@dataclass(slots=True, kw_only=True)
class Calibrated:
    """Observations are x, 1 for a right answer, else 0, and the confidence that was said."""

    fall: float
    risk: float = 0.0
    form: Literal["calibrated"] = "calibrated"
    since: int = 0
    since_sum: float = 0.0

    @property
    def usual(self) -> float | None:
        """How much more often than was said an answer is right."""
        return 0.0

    def take(self, x: float, said: float = 1.0) -> Sequence[float] | None:
        self.since, self.since_sum = self.since + 1, self.since_sum + self.shown(x, said)
        low, high = said - self.fall / 2, said + self.fall / 2
        falls = [_ratio(x, low, -shift) for shift in SHIFTS]
        return falls + [_ratio(x, high, shift) for shift in SHIFTS]

    def shown(self, x: float, said: float = 1.0) -> float:
        return x - said

    def again(self, least: int) -> bool:
        if self.since < least:
            return False
        mean, self.since, self.since_sum = self.since_sum / self.since, 0, 0.0
        return abs(mean) <= self.fall / 2

    def begin(self) -> None:
        self.since, self.since_sum = 0, 0.0


def _ratio(x: float, bound: float, shift: float) -> float:
    """How much likelier x is under the moved chance than at the bound; 1 where the bound leaves
    nothing beyond it."""
    if not 0.0 < bound < 1.0:
        return 1.0
    moved = 1.0 / (1.0 + (1.0 - bound) / bound * math.exp(-shift))
    return moved / bound if x >= 0.5 else (1.0 - moved) / (1.0 - bound)
