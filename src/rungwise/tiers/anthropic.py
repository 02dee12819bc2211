"""How does a model behind Anthropic's Messages API write a draft?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rungwise.config import AnthropicTierConfig
from rungwise.tiers.anthropic_reply import AnthropicReader
from rungwise.tiers.anthropic_request import to_request
from rungwise.tiers.hosted import HostedMeter, HostedTier, is_loopback
from rungwise.tiers.hosted_faults import SdkErrors
from rungwise.types import Chat

__all__ = ["AnthropicTier"]

OFFICIAL = "https://api.anthropic.com"


class AnthropicTier(HostedTier):
    """A rung on the official anthropic SDK.

    What the protocol cannot carry is listed at `anthropic_request.to_request`; how a refusal looks,
    at `AnthropicReader`. There are no log-probabilities, so no reading either: of labels there is
    only the written word.
    """

    def __init__(self, config: AnthropicTierConfig) -> None:
        super().__init__(config)
        self._sampling, self._max_tokens = config.sampling, config.max_tokens
        self._closed: Callable[[dict[str, Any]], dict[str, Any]] = dict

    def _connect(self, secret: str) -> tuple[Any, SdkErrors]:
        import anthropic

        # Named even when it is the default: else a stray ANTHROPIC_BASE_URL would lead elsewhere
        url = self._config.base_url or OFFICIAL
        client = anthropic.AsyncAnthropic(
            api_key=secret,
            base_url=url,
            max_retries=0,
            timeout=self._config.deadline_s,
            http_client=anthropic.DefaultAsyncHttpxClient(trust_env=not is_loopback(url)),
        )
        self._closed = anthropic.transform_schema
        return client, SdkErrors(
            anthropic.APITimeoutError, anthropic.APIConnectionError, anthropic.APIStatusError
        )

    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        return to_request(
            chat,
            tier=self.name,
            model=self._config.model,
            max_tokens=self._max_tokens,
            sampling=self._sampling,
            closed=self._closed,
        )

    def _open(self, request: dict[str, Any]) -> Awaitable[Any]:
        stream: Awaitable[Any] = self._client.messages.create(**request)
        return stream

    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> AnthropicReader:
        return AnthropicReader(meter)
