"""How sure is what was counted? A share with its interval, and percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["percentile", "wilson"]


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


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
