"""How does a model behind Anthropic's Messages API write a draft?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rungwise.config import AnthropicTierConfig
from rungwise.tiers.cards import Card
from rungwise.tiers.hosted.anthropic_reply import AnthropicReader
from rungwise.tiers.hosted.anthropic_request import MAX_TOKENS, to_request
from rungwise.tiers.hosted.hosted import HostedMeter, HostedTier
from rungwise.tiers.hosted.hosted_wire import Address, address_of
from rungwise.tiers.hosted.prefix import longest_mark
from rungwise.tiers.hosted.terms import terms_of
from rungwise.tiers.price_book import PriceBook
from rungwise.tiers.prices import Written
from rungwise.types import Chat

__all__ = ["AnthropicTier"]

OFFICIAL = "https://api.anthropic.com"


class AnthropicTier(HostedTier):
    """A rung behind Anthropic.

    What the protocol cannot carry is listed at `anthropic_request.to_request`; how a refusal looks,
    at `AnthropicReader`. There are no log-probabilities, so no reading either: of labels there is
    only the written word.
    """

    max_tokens = MAX_TOKENS

    def __init__(
        self,
        config: AnthropicTierConfig,
        *,
        prices: PriceBook | None = None,
        card: Card | None = None,
    ) -> None:
        super().__init__(config, prices=prices, card=card)
        self._terms = terms_of(config, card)
        self._closed: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def _connect(self, secret: str) -> Address:
        import anthropic

        # Named even when it is the default: else a stray ANTHROPIC_BASE_URL would lead elsewhere
        url = self._config.base_url or OFFICIAL
        self._closed = anthropic.transform_schema
        with anthropic.Anthropic(api_key=secret, base_url=url) as sdk:
            return address_of(sdk, "v1/messages")

    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        return to_request(chat, self._terms, closed=self._closed)

    def _written(self, chat: Chat) -> Written:
        return longest_mark(chat, automatic=self._terms.prompt_cache, ttl=self._terms.cache_ttl)

    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> AnthropicReader:
        return AnthropicReader(meter)
