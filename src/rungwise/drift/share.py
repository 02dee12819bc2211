"""Is a share, or the mean of numbers from 0 to 1, still what it usually is?

First it learns: the mean of its first `calm` observations is the usual one, and an exact bound says
how far the truth may lie from it. Half of what is worth an alarm still counts as usual; so does
whatever the bound leaves open. Then it bets against what would be lower (or higher): for a mean
that is at least `low`, the factor 1 + b * (low - x) is a fair bet or a worse one whatever the
distribution on [0, 1] (Waudby-Smith, Ramdas, J. R. Stat. Soc. B 86 (2024)); with
b = (low - q) / (low * (1 - low)) it is the likelihood ratio of a share q against `low`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from rungwise.drift.bounds import at_least, at_most

__all__ = ["Share", "Side"]

Side: TypeAlias = Literal["fall", "rise", "both"]

SIZES = (1.0, 2.0, 3.0, 5.0, 8.0, 12.0)
"""Changes that are bet on, in times of the smallest that is worth an alarm."""


@dataclass(slots=True, kw_only=True)
class Share:
    side: Side
    calm: int
    fall: float
    risk: float
    """That the truth, once the usual mean is learned, lies outside its bounds; exact where every
    observation is 0 or 1, and the calm ones are independent draws from what is usual later."""
    form: Literal["share"] = "share"
    learned: int = 0
    sum: float = 0.0
    low: float | None = None
    """From here on a mean is usual. None while it learns."""
    high: float | None = None
    since: int = 0
    """Observations since it was last asked whether all is as usual again."""
    since_sum: float = 0.0

    @property
    def usual(self) -> float | None:
        """None while it learns."""
        return None if self.low is None else self.sum / self.learned

    def take(self, x: float, said: float = 1.0) -> Sequence[float] | None:
        """The factors of one observation; None while it learns."""
        if self.low is None or self.high is None:
            self.learned, self.sum = self.learned + 1, self.sum + x
            if self.learned >= self.calm:
                self._learn()
            return None
        self.since, self.since_sum = self.since + 1, self.since_sum + x
        return _factors(self.side, self.sum / self.learned, self.low, self.high, self.fall, x)

    def shown(self, x: float, said: float = 1.0) -> float:
        """What an observation adds to the mean of late."""
        return x

    def again(self, least: int) -> bool:
        """Whether the mean of the last so many observations is as usual; then the next begin."""
        if self.low is None or self.high is None or self.since < least:
            return False
        mean, self.since, self.since_sum = self.since_sum / self.since, 0, 0.0
        return self.low <= mean <= self.high

    def begin(self) -> None:
        """From here on it counts whether all is as usual again."""
        self.since, self.since_sum = 0, 0.0

    def _learn(self) -> None:
        mean, sides = self.sum / self.learned, 2 if self.side == "both" else 1
        low = at_least(self.sum, self.learned, self.risk / sides)
        high = at_most(self.sum, self.learned, self.risk / sides)
        self.low = min(low, max(mean - self.fall / 2, 0.0)) if self.side != "rise" else 0.0
        self.high = max(high, min(mean + self.fall / 2, 1.0)) if self.side != "fall" else 1.0


@lru_cache(maxsize=4096)  # most observations are 0 or 1
def _factors(
    side: Side, usual: float, low: float, high: float, fall: float, x: float
) -> tuple[float, ...]:
    falls = _bets(usual, low, fall) if side != "rise" else []
    rises = _bets(1.0 - usual, 1.0 - high, fall) if side != "fall" else []
    return (*(1.0 + b * (low - x) for b in falls), *(1.0 + b * (x - high) for b in rises))


def _bets(usual: float, low: float, fall: float) -> list[float]:
    """How much to bet on each of the lower means. None where nothing can be lower."""
    if not 1e-3 <= low < 1.0:
        return []
    lower = [usual - size * fall for size in SIZES]
    likely = [q for q in lower if 0.02 * low <= q <= 0.98 * low] or [low / 2]
    return [(low - q) / (low * (1.0 - low)) for q in likely]
