"""What did these tokens cost? Exact integers of nano-dollars."""

from __future__ import annotations

from fractions import Fraction

from rungwise.config import PriceConfig
from rungwise.types import Usage

__all__ = ["cost_nano"]


def cost_nano(price: PriceConfig | None, usage: Usage) -> int | None:
    """Nano-dollars for `usage`; None when any token in it has an unknown price.

    Reasoning is priced as output. Each priced part is rounded half up once. No price list at all
    is a list of unknown prices: no tokens still cost 0.
    """
    price = price or PriceConfig()
    parts = (
        _part(usage.input, price.input),
        _part(usage.cache_read, price.cache_read),
        _part(usage.cache_write_5m, price.cache_write_5m),
        _part(usage.cache_write_1h, price.cache_write_1h),
        _part(usage.output + usage.reasoning, price.output),
    )
    return None if None in parts else sum(part for part in parts if part is not None)


def _part(tokens: int, usd_per_million: float | None) -> int | None:
    if tokens == 0:
        return 0
    if usd_per_million is None:
        return None
    # The price as it was written, not as its binary float: 0.1 is one tenth.
    exact = Fraction(str(usd_per_million)) * 1000 * tokens
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
