"""Which day was it? Days are counted since 1970-01-01, in UTC."""

from __future__ import annotations

from datetime import date

__all__ = ["DAY_S", "EPOCH", "day_of"]

DAY_S = 86_400
EPOCH = date(1970, 1, 1)
"""Day 0."""


def day_of(at: float) -> int:
    """The day that a Unix time lies in."""
    return int(at // DAY_S)
