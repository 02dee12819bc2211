"""How far may the truth lie from a share that was counted? Exact bounds, without an approximation.

Clopper and Pearson, Biometrika 26 (1934): the bounds are quantiles of beta distributions. Their
distribution function is computed by its continued fraction (Abramowitz and Stegun 26.5.8, evaluated
by Lentz's method).
"""

from __future__ import annotations

import math

__all__ = ["at_least", "at_most", "rank_above"]

_STEPS, _TINY = 300, 1e-300
_HALVINGS = 60


def at_least(hits: float, count: float, risk: float) -> float:
    """The share that the truth is not below, but with probability `risk`."""
    if hits <= 0:
        return 0.0
    return _quantile(risk, hits, count - hits + 1)


def at_most(hits: float, count: float, risk: float) -> float:
    """The share that the truth is not above, but with probability `risk`."""
    return 1.0 - at_least(count - hits, count, risk)


def rank_above(count: int, share: float, risk: float) -> tuple[int, float]:
    """The rank, from 1, of the smallest of `count` ordered values that the quantile of that share
    is not above, but with probability `risk`; and the risk that is left: more, where the largest
    value is all that there is.

    The value of rank r lies below the quantile when r of them do: P(Binomial(count, share) >= r).
    """
    for rank in range(math.ceil(count * share), count + 1):
        left = _beta(share, rank, count - rank + 1)
        if left <= risk or rank == count:
            return rank, left
    raise ValueError("count must be 1 or more")


def _quantile(chance: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _beta(middle, a, b) < chance:
            low = middle
        else:
            high = middle
    return low


def _beta(x: float, a: float, b: float) -> float:
    """P(B <= x) of a beta variable B; equals P(Binomial(a + b - 1, x) >= a)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast below that alone
        return 1.0 - _beta(1.0 - x, b, a)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log1p(-x))
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1.0 / _safe(1.0 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1.0 / _safe(1.0 + term * d), _safe(1.0 + term / c)
            found *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return found


def _safe(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
