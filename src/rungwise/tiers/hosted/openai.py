"""How does a model behind OpenAI's Chat Completions API write a draft?"""

from __future__ import annotations

from typing import Any

from rungwise.config import OpenAITierConfig
from rungwise.tiers.cards import Card
from rungwise.tiers.hosted.gemini_reply import GeminiReader
from rungwise.tiers.hosted.hosted import HostedMeter, HostedTier, Reader
from rungwise.tiers.hosted.hosted_wire import Address, address_of
from rungwise.tiers.hosted.openai_reply import OpenAIReader
from rungwise.tiers.hosted.openai_request import to_request
from rungwise.tiers.hosted.terms import terms_of
from rungwise.tiers.price_book import PriceBook
from rungwise.types import Chat

__all__ = ["OpenAITier"]

OFFICIAL = "https://api.openai.com/v1"

MOST_ALTERNATIVES = 20
"""The API gives no more for a token."""


class OpenAITier(HostedTier):
    """A rung behind OpenAI, or behind whatever speaks its protocol.

    A refusal comes as `Piece.refusal`, a filtered answer as the finish `content_filter`. Where the
    stream ends without usage, the count is an estimate (see HostedMeter).
    """

    def __init__(
        self,
        config: OpenAITierConfig,
        *,
        prices: PriceBook | None = None,
        card: Card | None = None,
        dialect: str | None = None,
    ) -> None:
        """`dialect` is one of DIALECTS; None: as the address tells."""
        super().__init__(config, prices=prices, card=card)
        self._logprobs = config.logprobs
        self._terms = terms_of(config, card, dialect=dialect)

    def _connect(self, secret: str) -> Address:
        import openai

        # Named even when it is the default: else a stray OPENAI_BASE_URL would lead elsewhere
        url = self._config.base_url or OFFICIAL
        with openai.OpenAI(api_key=secret, base_url=url) as sdk:
            return address_of(sdk, "chat/completions")

    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        shown, reads = self._shown(chat), read and self._logprobs
        wanted = [] if shown is None else [shown]
        wanted += [min(likeliest, MOST_ALTERNATIVES)] if reads else []
        return to_request(chat, self._terms, top_logprobs=max(wanted, default=None))

    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> Reader:
        reader = OpenAIReader(
            meter,
            choices=chat.sampling.n,
            shown=self._shown(chat),
            likeliest=likeliest if self._logprobs else 0,
        )
        return GeminiReader(meter, reader) if self._terms.dialect.signed_calls else reader

    def _shown(self, chat: Chat) -> int | None:
        """How many alternatives are to be shown: the caller's wish, and for labels all there are.
        A model without log-probabilities would refuse the question, so it is not asked for them."""
        if not chat.labels:
            return chat.sampling.top_logprobs
        return MOST_ALTERNATIVES if self._logprobs else None
