"""How much speaks for a change since some unknown moment? An e-detector: evidence that is bounded.

Shin, Ramdas, Rinaldo, "E-detectors: a nonparametric framework for sequential change detection",
New England Journal of Statistics in Data Science 2 (2024), arXiv 2203.03532. A factor is a number
of 0 or more whose expectation, given all that was seen before, is at most 1 as long as nothing has
changed: a fair bet, or a worse one. Their running products from each moment on, summed up (the
Shiryaev-Roberts form, "e-SR"), are an e-detector: M(n) = (1 + M(n-1)) * factor(n), and M(n) - n has
no upward drift. So has any mean of several, each with bets on a change of another size. Whoever
calls an alarm once M >= A has therefore at least A observations between two false ones on average,
whatever their distribution and without independence, as long as each bet is fair. Whether it is
may hang on more: where the usual is learned, its bounds hold if the calm observations are drawn
from what comes later, one independently of another. A night's steps do not stand for the day's.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["RISK", "grow", "needed", "total"]

RISK = 0.05
"""That the usual, which is only estimated, is not within its bounds."""
_MOST = 1e100
"""Evidence beyond it says no more; products without end would overflow."""


def grow(evidence: Sequence[float], factors: Sequence[float]) -> list[float]:
    """M after one more observation, for each bet; further ones begin. A factor of 1 is no bet:
    then nothing begins to be counted at this moment, either."""
    evidence = [*evidence, *[0.0] * (len(factors) - len(evidence))]
    return [
        m if f == 1.0 else min((1.0 + m) * f, _MOST) for m, f in zip(evidence, factors, strict=True)
    ]


def total(evidence: Sequence[float]) -> float:
    return sum(evidence) / len(evidence) if evidence else 0.0


def needed(every: int, risk: float) -> float:
    """The evidence to call an alarm at, so that false ones are `every` observations or more apart
    on average, though the usual was wrongly bounded with probability `risk`: then nothing is known
    of the next one, and E[run] >= (1 - risk) * A."""
    return every / (1.0 - risk)
