"""Whose price holds for what an upstream billed? The tier's, the owner's, or the price list's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from rungwise.config import HostedTierConfig, PricesConfig
from rungwise.config.loopback import leads_here
from rungwise.days import DAY_S
from rungwise.tiers.cards import is_snapshot
from rungwise.tiers.list_prices import list_price, provider_at, provider_named
from rungwise.tiers.prices import UNKNOWN, Price, price_of
from rungwise.types import Done

if TYPE_CHECKING:
    from genai_prices.types import Provider

__all__ = ["PriceBook", "TierPrices"]

logger = logging.getLogger(__name__)

MOST_MODELS, MOST_CHARS = 256, 200
"""An upstream that gives ever new ids, or endless ones, must not fill memory, nor the log."""
_OWN_APIS = {"openai": "openai", "responses": "openai", "anthropic": "anthropic"}


class PriceBook:
    """Every price that this configuration knows.

    `now` counts Unix seconds: price lists change at midnight UTC.
    """

    def __init__(
        self, config: PricesConfig | None = None, *, now: Callable[[], float] = time.time
    ) -> None:
        self._config, self._now = config or PricesConfig(), now
        self._own = {model: price_of(price) for model, price in self._config.models.items()}

    def of(self, tier: HostedTierConfig) -> TierPrices:
        provider = self._provider(tier)
        others = partial(self._price, provider)
        official = tier.base_url is None or provider is not None
        return TierPrices(tier, others, official=official, now=self._now)

    def _provider(self, tier: HostedTierConfig) -> Provider | None:
        kind = getattr(tier, "kind", "")
        if self._config.book == "none":
            return None
        if tier.base_url is None:
            return provider_named(_OWN_APIS.get(kind, ""))
        return None if leads_here(tier.base_url) else provider_at(tier.base_url)

    def _price(self, provider: Provider | None, model: str) -> Price | None:
        if (own := self._own.get(model)) is not None:
            return own
        dated = (price for key, price in self._own.items() if is_snapshot(model, key))
        if (own := next(dated, None)) is not None or provider is None:
            return own
        return list_price(provider, model, datetime.fromtimestamp(self._now(), UTC))


class TierPrices:
    """The prices at one tier's upstream, by the model id that it bills.

    The tier's own `price` is its model's, and that of the model's dated snapshots; where nobody
    else has a price for the upstream or for that model, such as a deployment with a name of the
    owner's own, it is the price of whatever answers there.
    """

    def __init__(
        self,
        tier: HostedTierConfig,
        others: Callable[[str], Price | None],
        *,
        official: bool,
        now: Callable[[], float],
    ) -> None:
        self._tier, self._others, self._official, self._now = tier, others, official, now
        self._own = None if tier.price is None else price_of(tier.price)
        self._known: dict[str, Price] = {}
        self._told: set[str] = set()
        self._until = 0.0
        self.of(tier.model)  # a price list takes a while to read: now rather than in a request

    def of(self, model: str) -> Price:
        """UNKNOWN where nobody says."""
        if self._now() >= self._until:
            self._known.clear()
            self._until = (self._now() // DAY_S + 1) * DAY_S
        if (known := self._known.get(model)) is not None:
            return known
        if len(self._known) >= MOST_MODELS:
            self._known.clear()
        price = self._known[model] = self._find(model) or UNKNOWN
        return price

    def _find(self, model: str) -> Price | None:
        if self._own is None:
            return self._others(model)
        mine = not self._official or is_snapshot(model, self._tier.model)
        alone = mine or self._others(self._tier.model) is None
        return self._own if alone else self._others(model)

    def cost_nano(self, done: Done) -> int | None:
        """Nano-dollars; None when the price is unknown, which the log is told once a model."""
        model = (done.billed_as or self._tier.model)[:MOST_CHARS]
        cost = self.of(model).cost_nano(done.usage)
        if cost is None and model not in self._told and len(self._told) < MOST_MODELS:
            self._told.add(model)
            logger.warning(
                "%s: no price is known for all that %r billed: its cost is null; "
                "give prices.models or tiers[].price",
                self._tier.name,
                model,
            )
        return cost
