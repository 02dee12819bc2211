"""What are spans and their attributes called? All names here: those of gen_ai may still change.

They are OpenTelemetry's semantic conventions for generative AI, in development, as of its release
1.43 (https://github.com/open-telemetry/semantic-conventions-genai). Ours begin with `rungwise.`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

from rungwise.config import HostedTierConfig, OpenAITierConfig, TierConfig

__all__ = ["LOCAL", "providers_of"]

SERVICE: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
ERROR_TYPE: Final = "error.type"

OPERATION: Final = "gen_ai.operation.name"
CHAT: Final = "chat"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FIRST_CHUNK_S: Final = "gen_ai.response.time_to_first_chunk"
CONVERSATION: Final = "gen_ai.conversation.id"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
"""Cached ones are among them, as thoughts are among those of the output."""
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_creation.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"

ENTRY_ID: Final = "rungwise.entry_id"
CALLER: Final = "rungwise.caller"
TASK: Final = "rungwise.task"
STEP_TYPE: Final = "rungwise.step_type"
STATE: Final = "rungwise.state"
TIER: Final = "rungwise.tier"
COST_USD: Final = "rungwise.cost_usd"
"""Absent where a price is unknown."""
CONFIDENCE: Final = "rungwise.confidence"
THRESHOLD: Final = "rungwise.threshold"
AUDITS: Final = "rungwise.audits"
ROLE: Final = "rungwise.role"
VERDICT: Final = "rungwise.verdict"
WHY: Final = "rungwise.why"
FAULT: Final = "rungwise.fault"
ENGINE_S: Final = "rungwise.engine_seconds"
JOULES: Final = "rungwise.joules"
READING: Final = "rungwise.reading."
"""Before the signal's name."""
PLAN: Final = "rungwise.plan"
REASON: Final = "rungwise.reason"
"""These two are sentences, and may quote what was written: they come with the prompts."""

LOCAL: Final = "vllm"

_BY_KIND = {
    "vllm": LOCAL,
    "adapter": LOCAL,
    "openai": "openai",
    "responses": "openai",
    "anthropic": "anthropic",
}
_BY_HOST = {
    "googleapis.com": "gcp.gemini",
    "openai.azure.com": "azure.ai.openai",
    "x.ai": "x_ai",
    "deepseek.com": "deepseek",
    "groq.com": "groq",
    "mistral.ai": "mistral_ai",
    "perplexity.ai": "perplexity",
    "cohere.com": "cohere",
}


def providers_of(tiers: Iterable[TierConfig]) -> Mapping[str, str]:
    """Tier to PROVIDER: OpenTelemetry's own word where it has one, else the kind."""
    return {tier.name: _provider(tier) for tier in tiers}


def _provider(tier: TierConfig) -> str:
    kind = str(getattr(tier, "kind", "rungwise"))
    if isinstance(tier, OpenAITierConfig) and tier.dialect == "vllm":
        return LOCAL
    if isinstance(tier, HostedTierConfig) and tier.base_url is not None:
        host = urlsplit(tier.base_url).hostname or ""
        for end, provider in _BY_HOST.items():
            if host == end or host.endswith(f".{end}"):
                return provider
    return _BY_KIND.get(kind, kind)
