"""What did these tokens cost, and what can they cost at most? Exact integers of nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Literal, TypeAlias

from rungwise.config import PriceConfig, RatesConfig
from rungwise.types import Usage

__all__ = ["UNKNOWN", "Dollars", "Price", "Rate", "Rates", "Written", "price_of", "rates_of"]

Written: TypeAlias = Literal["never", "5m", "1h"]
"""The longest-lived cache that a request may ask its upstream to write, beside what it writes
unasked."""

Dollars: TypeAlias = float | Decimal | None
"""US dollars for a million tokens; None is unknown."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`nano` nano-dollars for `per` tokens."""

    nano: int
    per: int = 1

    def of(self, tokens: int) -> int:
        """Rounded half up."""
        return (2 * self.nano * tokens + self.per) // (2 * self.per)

    def bound(self, tokens: int) -> int:
        """No less than so many tokens at this rate or a lower one, in up to four parts that are
        each rounded half up."""
        return self.nano * tokens // self.per + (0 if self.per == 1 else 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Of each way in which a token can be billed; None is unknown."""

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write_5m: Rate | None = None
    cache_write_1h: Rate | None = None

    def cost(self, usage: Usage) -> int | None:
        """None when any token has an unknown rate. Reasoning is priced as output."""
        total = 0
        for tokens, rate in (
            (usage.input, self.input),
            (usage.cache_read, self.cache_read),
            (usage.cache_write_5m, self.cache_write_5m),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.output + usage.reasoning, self.output),
        ):
            if tokens:
                if rate is None:
                    return None
                total += rate.of(tokens)
        return total

    def most(self, prompt: int, output: int, written: Written) -> int | None:
        """No less than `cost` of any usage that is no larger; see Price.most_nano."""
        if self.input is None or self.output is None:
            return None
        ways = [self.input, self.cache_read, self.cache_write_5m]
        if written == "1h":
            ways.append(self.cache_write_1h)
        if written != "never" and None in ways[2:]:
            return None
        dearest = max(way.bound(prompt) for way in ways if way is not None)
        return dearest + self.output.of(output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One model's rates, and those of a whole request whose prompt is longer than a bound."""

    rates: Rates
    long_context: tuple[tuple[int, Rates], ...] = ()
    """Highest bound first."""
    as_of: date | None = None
    source: str = "the configuration"

    def cost_nano(self, usage: Usage) -> int | None:
        """Nano-dollars for `usage`; None when any token in it has an unknown rate. Each of the
        five priced parts is rounded half up once."""
        if self.long_context:
            prompt = usage.prompt_tokens
            for over, rates in self.long_context:
                if prompt > over:
                    return rates.cost(usage)
        return self.rates.cost(usage)

    def most_nano(self, prompt: int, output: int, *, written: Written = "never") -> int | None:
        """No less than `cost_nano` of any usage with at most so many tokens of prompt and output;
        None where a rate is unknown that could be billed.

        A cache read is never dearer than the token it saves: its rate need not be known. Caches of
        five minutes may be written unasked, as some APIs do.
        """
        costs = [self.rates.most(prompt, output, written)]
        costs += [
            rates.most(prompt, output, written)
            for over, rates in self.long_context
            if prompt > over
        ]
        return None if None in costs else max(cost for cost in costs if cost is not None)


UNKNOWN = Price(rates=Rates(), source="nowhere")
"""No tokens cost nothing here too; all others are unknown."""


def rates_of(dollars: Mapping[str, Dollars]) -> Rates:
    """By the names of Rates' fields."""
    return Rates(**{part: _rate(told) for part, told in dollars.items()})


def _rate(dollars: Dollars) -> Rate | None:
    if dollars is None:
        return None
    # The price as it was written, not as its binary float: 0.1 is one tenth.
    exact = Fraction(str(dollars)) * 1000
    return Rate(exact.numerator, exact.denominator)


def price_of(config: PriceConfig | None) -> Price:
    """The price as the owner gave it; nothing given is a price that is not known."""
    if config is None:
        return UNKNOWN
    short = rates_of(_told(config))
    bands = sorted(config.long_context, key=lambda band: band.over, reverse=True)
    return Price(
        rates=short,
        long_context=tuple((band.over, _over(short, rates_of(_told(band)))) for band in bands),
        as_of=config.as_of,
    )


def _told(config: RatesConfig) -> Mapping[str, Dollars]:
    return {part: getattr(config, part) for part in RatesConfig.model_fields}


def _over(short: Rates, long: Rates) -> Rates:
    """What a long context leaves out costs as in a short one."""
    told = {part: getattr(long, part) for part in RatesConfig.model_fields}
    return replace(short, **{part: rate for part, rate in told.items() if rate is not None})
