"""How does a model behind OpenAI's Chat Completions API write a draft?"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from rungwise.config import OpenAITierConfig
from rungwise.tiers.hosted import HostedMeter, HostedTier, is_loopback
from rungwise.tiers.hosted_faults import SdkErrors
from rungwise.tiers.openai_reply import OpenAIReader
from rungwise.tiers.openai_request import to_request
from rungwise.types import Chat

__all__ = ["OpenAITier"]

OFFICIAL = "https://api.openai.com/v1"

MOST_ALTERNATIVES = 20
"""The API gives no more for a token."""


class OpenAITier(HostedTier):
    """A rung on the official openai SDK, for OpenAI and for whatever speaks its protocol.

    A refusal comes as `Piece.refusal`, a filtered answer as the finish `content_filter`. Where the
    stream ends without usage, the count is an estimate (see HostedMeter).
    """

    def __init__(self, config: OpenAITierConfig) -> None:
        super().__init__(config)
        self._logprobs = config.logprobs

    def _connect(self, secret: str) -> tuple[Any, SdkErrors]:
        import openai

        # Named even when it is the default: else a stray OPENAI_BASE_URL would lead elsewhere
        url = self._config.base_url or OFFICIAL
        client = openai.AsyncOpenAI(
            api_key=secret,
            base_url=url,
            max_retries=0,
            timeout=self._config.deadline_s,
            http_client=openai.DefaultAsyncHttpx2Client(trust_env=not is_loopback(url)),
        )
        return client, SdkErrors(
            openai.APITimeoutError, openai.APIConnectionError, openai.APIStatusError
        )

    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        shown, reads = self._shown(chat), read and self._logprobs
        wanted = [] if shown is None else [shown]
        wanted += [min(likeliest, MOST_ALTERNATIVES)] if reads else []
        return to_request(chat, model=self._config.model, top_logprobs=max(wanted, default=None))

    def _open(self, request: dict[str, Any]) -> Awaitable[Any]:
        stream: Awaitable[Any] = self._client.chat.completions.create(**request)
        return stream

    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> OpenAIReader:
        return OpenAIReader(
            meter,
            choices=chat.sampling.n,
            shown=self._shown(chat),
            likeliest=likeliest if self._logprobs else 0,
        )

    def _shown(self, chat: Chat) -> int | None:
        """How many alternatives are to be shown: the caller's wish, and for labels all there are.
        A model without log-probabilities would refuse the question, so it is not asked for them."""
        if not chat.labels:
            return chat.sampling.top_logprobs
        return MOST_ALTERNATIVES if self._logprobs else None
