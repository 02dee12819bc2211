"""How sure is a share that was counted? Exact and score intervals, without scipy."""

from __future__ import annotations

import math

__all__ = ["binomial_cdf", "upper_bound", "wilson"]


def wilson(right: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's score interval for a share; (0, 1) when nothing was counted.

    Wilson, J. Am. Stat. Assoc. 22 (1927).
    """
    if count == 0:
        return 0.0, 1.0
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    # rounding must not push the share itself outside
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))


def binomial_cdf(successes: int, count: int, probability: float) -> float:
    """P(X <= successes) for X ~ Binomial(count, probability), summed in logarithms."""
    if probability <= 0:
        return 1.0
    if probability >= 1:
        return 1.0 if successes >= count else 0.0
    log_p, log_q = math.log(probability), math.log1p(-probability)
    terms = (
        math.lgamma(count + 1)
        - math.lgamma(k + 1)
        - math.lgamma(count - k + 1)
        + k * log_p
        + (count - k) * log_q
        for k in range(successes + 1)
    )
    return min(1.0, math.fsum(math.exp(term) for term in terms))


def upper_bound(successes: int, count: int, confidence: float = 0.95) -> float:
    """The Clopper-Pearson upper limit for a share: it is above the truth with `confidence`.

    Clopper and Pearson, Biometrika 26 (1934). Found by bisection to 1e-9.
    """
    if successes >= count:
        return 1.0
    low, high = successes / count, 1.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if binomial_cdf(successes, count, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high
