"""Is money exact, an unknown price never zero, and a bound never passed?"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import LongContextConfig, PriceConfig
from rungwise.tiers.prices import UNKNOWN, Price, Written, price_of
from rungwise.types import Usage

PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")

tokens = st.integers(0, 10**9)
usages = st.builds(Usage, **dict.fromkeys(PARTS, tokens))
# as a price list writes them: up to six decimals
dollars = st.integers(0, 10**9).map(lambda micro: micro / 1_000_000)
flat = st.builds(PriceConfig, **dict.fromkeys(PARTS[:5], dollars))
bands = st.builds(
    LongContextConfig, over=st.integers(1, 10**9), **dict.fromkeys(PARTS[:5], dollars)
)
prices = st.builds(
    PriceConfig,
    **dict.fromkeys(PARTS[:5], dollars),
    long_context=st.lists(bands, max_size=2, unique_by=lambda band: band.over).map(tuple),
)


def cost(price: PriceConfig, usage: Usage) -> int:
    found = price_of(price).cost_nano(usage)
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
    assert cost(price, usage) == 3_000_000 + 3_000_000 + 375_000 + 60_000 + 250 * 15_000


def test_tenths_are_tenths() -> None:
    assert cost(PriceConfig(input=0.1), Usage(input=3)) == 300
    assert cost(PriceConfig(input=0.0005), Usage(input=1)) == 1  # half a nano-dollar is one
    assert cost(PriceConfig(input=0.00049), Usage(input=1)) == 0
    assert cost(PriceConfig(input=1e-7), Usage(input=10_000)) == 1


@pytest.mark.parametrize("part", PARTS)
def test_an_unknown_price_is_unknown(part: str) -> None:
    key = "output" if part == "reasoning" else part
    rest = {name: 1.0 for name in PARTS[:5] if name != key}
    usage = Usage(**{part: 1})  # type: ignore[arg-type]
    assert price_of(PriceConfig(**rest)).cost_nano(usage) is None
    assert price_of(PriceConfig(**{key: 0.0})).cost_nano(usage) == 0
    assert UNKNOWN.cost_nano(usage) is None


def test_what_was_not_used_needs_no_price() -> None:
    assert cost(PriceConfig(input=1, output=1), Usage(input=1, output=1)) == 2000
    assert UNKNOWN.cost_nano(Usage()) == 0
    assert price_of(None) is UNKNOWN


def test_a_prompt_over_the_bound_makes_the_whole_request_dearer() -> None:
    long = LongContextConfig(over=1000, input=2, output=20)
    price = PriceConfig(input=1, output=10, cache_read=0.1, long_context=(long,))
    at = Usage(input=900, cache_read=100, output=10)
    assert cost(price, at) == 900_000 + 10_000 + 100_000
    over = Usage(input=901, cache_read=100, output=10)  # what is cached is of the prompt, too
    assert cost(price, over) == 1_802_000 + 10_000 + 200_000  # cached ones as before: not told


def test_of_several_bounds_the_highest_that_is_passed_counts() -> None:
    bands = (LongContextConfig(over=10, input=2), LongContextConfig(over=100, input=3))
    price = PriceConfig(input=1, long_context=bands)
    assert [cost(price, Usage(input=n)) for n in (10, 11, 100, 101)] == [
        10_000,
        22_000,
        200_000,
        303_000,
    ]


def test_two_prices_for_the_same_length_are_an_error() -> None:
    twice = (LongContextConfig(over=10, input=2), LongContextConfig(over=10, input=3))
    with pytest.raises(ValueError, match="over the same number of tokens"):
        PriceConfig(input=1, long_context=twice)


def rates_at(price: PriceConfig, prompt: int) -> dict[str, Fraction]:
    passed = [band for band in price.long_context if prompt > band.over]
    rates = max(passed, key=lambda band: band.over) if passed else price
    return {name: Fraction(str(getattr(rates, name))) for name in PARTS[:5]}


@given(prices, usages)
def test_equals_arithmetic_with_fractions(price: PriceConfig, usage: Usage) -> None:
    def part(tokens: int, rate: Fraction) -> int:
        exact = Decimal(rate.numerator) / Decimal(rate.denominator) * 1000 * tokens
        return int(exact.quantize(Decimal(1), ROUND_HALF_UP))

    rates = rates_at(price, usage.prompt_tokens)
    expected = sum(part(getattr(usage, name), rates[name]) for name in PARTS[:4])
    expected += part(usage.output + usage.reasoning, rates["output"])
    assert cost(price, usage) == expected


@given(flat, usages, usages)
def test_adds_up(price: PriceConfig, one: Usage, other: Usage) -> None:
    """Up to the one rounding of each of the five parts."""
    apart, together = cost(price, one) + cost(price, other), cost(price, one + other)
    assert abs(apart - together) <= 5
    assert together >= max(cost(price, one), cost(price, other))


@given(usages, usages, st.integers(0, 10**6))
def test_adds_up_exactly_where_nothing_is_rounded(one: Usage, other: Usage, milli: int) -> None:
    price = PriceConfig(**dict.fromkeys(PARTS[:5], milli / 1000))
    assert cost(price, one) + cost(price, other) == cost(price, one + other)


@given(prices, usages, tokens, tokens)
def test_no_usage_within_the_bounds_costs_more_than_the_bound(
    config: PriceConfig, usage: Usage, more_prompt: int, more_output: int
) -> None:
    # reads are never dearer than the input they save: what a real list says
    read = min(config.cache_read or 0, config.input or 0)
    config = config.model_copy(update={"cache_read": read})
    price = price_of(config)
    prompt, output = usage.prompt_tokens + more_prompt, usage.completion_tokens + more_output
    most, costs = price.most_nano(prompt, output, written="1h"), price.cost_nano(usage)
    assert most is not None
    assert costs is not None
    assert costs <= most


@given(prices, usages)
def test_the_bound_holds_for_caches_that_are_not_kept_for_an_hour(
    config: PriceConfig, usage: Usage
) -> None:
    price = price_of(config)
    usage = Usage(input=usage.input, cache_write_5m=usage.cache_write_5m, output=usage.output)
    most = price.most_nano(usage.prompt_tokens, usage.output)
    assert most is not None
    assert most >= cost(config, usage)


@pytest.mark.parametrize(
    ("told", "written", "known"),
    [
        ({"input": 1, "output": 1}, "never", True),
        ({"input": 1}, "never", False),
        ({"output": 1}, "never", False),
        ({"input": 1, "output": 1}, "5m", False),
        ({"input": 1, "output": 1, "cache_write_5m": 1}, "5m", True),
        ({"input": 1, "output": 1, "cache_write_5m": 1}, "1h", False),
        ({"input": 1, "output": 1, "cache_write_5m": 1, "cache_write_1h": 2}, "1h", True),
        ({"input": 1, "output": 1, "cache_write_1h": 2}, "1h", False),
    ],
)
def test_there_is_no_bound_where_a_rate_is_unknown_that_may_be_billed(
    told: dict[str, float], written: Written, known: bool
) -> None:
    price: Price = price_of(PriceConfig(**told))  # type: ignore[arg-type]
    assert (price.most_nano(10, 10, written=written) is not None) is known


def test_the_bound_takes_the_long_rates_only_where_the_prompt_can_be_long() -> None:
    long = LongContextConfig(over=1000, input=10)
    price = price_of(PriceConfig(input=1, output=1, long_context=(long,)))
    assert price.most_nano(1000, 0) == 1_000_000
    assert price.most_nano(1001, 0) == 10_010_000
