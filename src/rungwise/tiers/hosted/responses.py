"""How does a model behind OpenAI's Responses API write a draft?"""

from __future__ import annotations

from typing import Any

from rungwise.config import ResponsesTierConfig
from rungwise.errors import TierError
from rungwise.tiers.cards import Card
from rungwise.tiers.hosted.hosted import HostedMeter, HostedTier
from rungwise.tiers.hosted.hosted_wire import Address, address_of
from rungwise.tiers.hosted.openai import OFFICIAL
from rungwise.tiers.hosted.responses_reply import Failed, ResponsesReader
from rungwise.tiers.hosted.responses_request import LEAST_TOKENS, to_request
from rungwise.tiers.hosted.terms import terms_of
from rungwise.tiers.price_book import PriceBook
from rungwise.types import Chat

__all__ = ["ResponsesTier"]


class ResponsesTier(HostedTier):
    """A rung that answers only on the Responses API, as the pro models do.

    What the protocol cannot carry is listed at `responses_request.to_request`. Log-probabilities
    are for callers who ask for them; the gate reads none.
    """

    def __init__(
        self,
        config: ResponsesTierConfig,
        *,
        prices: PriceBook | None = None,
        card: Card | None = None,
    ) -> None:
        super().__init__(config, prices=prices, card=card)
        self._terms = terms_of(config, card)

    def _connect(self, secret: str) -> Address:
        import openai

        # Named even when it is the default: else a stray OPENAI_BASE_URL would lead elsewhere
        url = self._config.base_url or OFFICIAL
        with openai.OpenAI(api_key=secret, base_url=url) as sdk:
            return address_of(sdk, "responses")

    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        return to_request(chat, self._terms)

    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> ResponsesReader:
        return ResponsesReader(meter, shown=chat.sampling.top_logprobs)

    def _most_output(self, chat: Chat) -> int | None:
        most = super()._most_output(chat)
        return None if most is None else max(most, LEAST_TOKENS)

    def _fault(self, error: Exception, *, opened: bool) -> TierError:
        told = super()._fault(error, opened=opened)
        if isinstance(error, Failed):
            return TierError(told.tier, error.fault, told.message)
        return told
