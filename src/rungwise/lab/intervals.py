"""How sure is a figure that was counted or measured? Exact and bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

__all__ = [
    "binomial_cdf",
    "bootstrap_median",
    "bootstrap_ratio",
    "bootstrap_sum",
    "upper_bound",
]

RESAMPLES = 2000


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


def bootstrap_sum(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The sum over independent units, and its 95 % percentile interval over resampled units."""
    drawn = np.asarray(values)[_resampled(len(values), seed)].sum(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.sum(values)), float(low), float(high)


def bootstrap_ratio(
    above: Sequence[float], below: Sequence[float], seed: int = 0
) -> tuple[float, float, float]:
    """The ratio of two sums over the same units, and its 95 % percentile interval."""
    index = _resampled(len(above), seed)
    drawn = np.asarray(above)[index].sum(axis=1) / np.asarray(below)[index].sum(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.sum(above) / np.sum(below)), float(low), float(high)


def bootstrap_median(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """The median over independent units, and its 95 % percentile interval."""
    drawn = np.median(np.asarray(values)[_resampled(len(values), seed)], axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(np.median(values)), float(low), float(high)


def _resampled(count: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.random.default_rng(seed).integers(0, count, size=(RESAMPLES, count))
