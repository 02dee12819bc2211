"""Is money exact, and an unknown price never zero?"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import PriceConfig
from rungwise.tiers.prices import cost_nano
from rungwise.types import Usage

PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, **dict.fromkeys(PARTS, tokens))
# as a price list writes them: up to six decimals
dollars = st.integers(0, 10**9).map(lambda micro: micro / 1_000_000)
prices = st.builds(PriceConfig, **dict.fromkeys(PARTS[:5], dollars))


def cost(price: PriceConfig, usage: Usage) -> int:
    found = cost_nano(price, usage)
    assert found is not None
    return found


def test_a_known_bill() -> None:
    price = PriceConfig(input=3, output=15, cache_read=0.3, cache_write_5m=3.75, cache_write_1h=6)
    usage = Usage(
        input=1000,
        cache_read=10_000,
        cache_write_5m=100,
        cache_write_1h=10,
        output=200,
        reasoning=50,
    )
    assert cost_nano(price, usage) == 3_000_000 + 3_000_000 + 375_000 + 60_000 + 250 * 15_000


def test_tenths_are_tenths() -> None:
    assert cost_nano(PriceConfig(input=0.1), Usage(input=3)) == 300
    assert cost_nano(PriceConfig(input=0.0005), Usage(input=1)) == 1  # half a nano-dollar is one
    assert cost_nano(PriceConfig(input=0.00049), Usage(input=1)) == 0
    assert cost_nano(PriceConfig(input=1e-7), Usage(input=10_000)) == 1


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_price_is_unknown(part: str) -> None:
    key = "output" if part == "reasoning" else part
    rest = {name: 1.0 for name in PARTS[:5] if name != key}
    usage = Usage(**{part: 1})  # type: ignore[arg-type]
    assert cost_nano(PriceConfig(**rest), usage) is None
    assert cost_nano(PriceConfig(**{key: 0.0}), usage) == 0
    assert cost_nano(None, usage) is None


def test_what_was_not_used_needs_no_price() -> None:
    assert cost_nano(PriceConfig(input=1, output=1), Usage(input=1, output=1)) == 2000
    assert cost_nano(None, Usage()) == 0


@given(prices, usages)
def test_equals_decimal_arithmetic(price: PriceConfig, usage: Usage) -> None:
    def part(tokens: int, dollars: float | None) -> int:
        exact = Decimal(str(dollars)) * 1000 * tokens
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    expected = sum(part(getattr(usage, name), getattr(price, name)) for name in PARTS[:4])
    expected += part(usage.output + usage.reasoning, price.output)
    assert cost(price, usage) == expected


@given(prices, usages, usages)
def test_adds_up(price: PriceConfig, one: Usage, other: Usage) -> None:
    """Up to the one rounding of each of the five parts."""
    apart, together = cost(price, one) + cost(price, other), cost(price, one + other)
    assert abs(apart - together) <= 5
    assert together >= max(cost(price, one), cost(price, other))


@given(usages, usages, st.integers(0, 10**6))
def test_adds_up_exactly_where_nothing_is_rounded(one: Usage, other: Usage, milli: int) -> None:
    price = PriceConfig(**dict.fromkeys(PARTS[:5], milli / 1000))
    assert cost(price, one) + cost(price, other) == cost(price, one + other)
