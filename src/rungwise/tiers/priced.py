"""What does each rung cost, in one line? Of its tokens, or of the hours of its GPU."""

from __future__ import annotations

from collections.abc import Mapping

from rungwise.config import Config, VllmTierConfig
from rungwise.config.tiers import HostedTierConfig
from rungwise.tiers.price_book import PriceBook
from rungwise.tiers.prices import Price, Rate

__all__ = ["prices_of", "shown_price"]


def prices_of(config: Config) -> Mapping[str, str]:
    """By tier, as of now; one whose price nobody knows is not there. Reads the price list."""
    book, told = PriceBook(config.prices), dict[str, str]()
    for tier in config.tiers:
        if isinstance(tier, VllmTierConfig) and tier.usd_per_gpu_hour is not None:
            told[tier.name] = f"{tier.usd_per_gpu_hour:g} USD per GPU hour"
        elif isinstance(tier, HostedTierConfig):
            shown = shown_price(book.of(tier).of(tier.model))
            told |= {tier.name: shown} if shown is not None else {}
    return told


def shown_price(price: Price) -> str | None:
    rates = price.rates
    parts = (("in", rates.input), ("cached", rates.cache_read), ("out", rates.output))
    told = [f"{_usd(rate):g} {name}" for name, rate in parts if rate is not None]
    return f"{', '.join(told)} USD per million tokens" if told else None


def _usd(rate: Rate) -> float:
    """Dollars for a million tokens."""
    return rate.nano / rate.per / 1000
