"""What does a provider's price list say? From the data of genai-prices, which asks no one.

Its own calculation takes Decimals and looks models up on every call; here its rates become ours
once for each model. It has a price for each day, and fetches new data only where it is told to,
which nobody does here: a newer price list is a newer package.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING

from rungwise.tiers.prices import Price, Rates, rates_of

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, Tier, TieredPrices

__all__ = ["list_price", "listed_on", "provider_at", "provider_named"]

_RELEASED: Mapping[str, date] = {"0.2.3": date(2026, 11, 10)}
"""By version: the data does not say when it was compared with the providers' lists."""

_KEYS: Mapping[str, str] = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


def listed_on() -> date | None:
    """When this price list was released; None where that is not known."""
    return _RELEASED.get(version("genai-prices"))


def provider_named(name: str) -> Provider | None:
    from genai_prices.data import providers

    return next((provider for provider in providers if provider.id == name), None)


def provider_at(url: str) -> Provider | None:
    """Who answers at this address, where it is one that everybody knows."""
    from genai_prices.data import providers

    return next((p for p in providers if re.match(p.api_pattern, url)), None)


def list_price(provider: Provider, model: str, at: datetime) -> Price | None:
    """What this provider asks for the model; None where the list does not say, or where it depends
    on the time of day.

    A list without a rate for cached tokens bills them as any other input.
    """
    found = provider.find_model(model.removeprefix("models/"))
    if found is None or _by_the_hour(found):
        return None
    told = found.get_prices(at)
    if told.input_mtok is None:
        return None
    bounds = {tier.start for key in _KEYS.values() for tier in _tiers(_rate(told, key))}
    return Price(
        rates=_rates(told, 0),
        long_context=tuple((over, _rates(told, over + 1)) for over in sorted(bounds, reverse=True)),
        as_of=listed_on(),
        source=f"genai-prices {version('genai-prices')}",
    )


def _by_the_hour(model: ModelInfo) -> bool:
    from genai_prices.types import TimeOfDateConstraint

    if not isinstance(model.prices, list):
        return False
    return any(isinstance(price.constraint, TimeOfDateConstraint) for price in model.prices)


def _rate(told: ModelPrice, key: str) -> Decimal | TieredPrices | None:
    rate: Decimal | TieredPrices | None = getattr(told, key)
    return rate


def _rates(told: ModelPrice, prompt: int) -> Rates:
    """For prompts of so many tokens."""
    rates = {part: _at(_rate(told, key), prompt) for part, key in _KEYS.items()}
    for part, other in (
        ("cache_read", "input"),
        ("cache_write_5m", "input"),
        ("cache_write_1h", "cache_write_5m"),
    ):
        rates[part] = rates[other] if rates[part] is None else rates[part]
    return rates_of(rates)


def _at(rate: Decimal | TieredPrices | None, prompt: int) -> Decimal | None:
    if rate is None or isinstance(rate, Decimal):
        return rate
    reached = (tier.price for tier in reversed(rate.tiers) if prompt > tier.start)
    return next(reached, rate.base)


def _tiers(rate: Decimal | TieredPrices | None) -> list[Tier]:
    return [] if rate is None or isinstance(rate, Decimal) else rate.tiers
