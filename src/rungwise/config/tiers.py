"""What is known of each rung? Its kind, model, engine or upstream, and price."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from rungwise.config.guards import GuardsConfig, SpillConfig
from rungwise.config.prices import PriceConfig
from rungwise.config.section import Seconds, Secret, Section, VariableName
from rungwise.types import Effort


class EngineConfig(Section):
    """What vLLM is started with. Names follow vLLM's own."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    max_model_len: int | None = Field(default=None, ge=16)
    max_num_seqs: int = Field(default=64, ge=1)
    kv_cache_gib: float | None = Field(
        default=None, gt=0, description="KV cache size; unset: vLLM decides from GPU memory"
    )
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    tensor_parallel_size: int = Field(default=1, ge=1)
    quantization: str | None = None
    enforce_eager: bool = False
    prefix_caching: bool = True
    load_format: Literal["auto", "safetensors", "dummy"] = "auto"
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    chat_template: Path | None = None
    extra: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="further vLLM server arguments, e.g. seed: 7"
    )


class TierConfig(Section):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")
    model: str = Field(min_length=1)
    served_as: str | None = Field(default=None, description="the id shown to callers")
    card: str | None = Field(
        default=None, description="the card in models/cards/ that tells its abilities; unset: by id"
    )
    context: int | None = Field(
        default=None, ge=1, description="tokens of prompt and answer together; unset: by its card"
    )

    @property
    def shown_model(self) -> str:
        return self.served_as or self.model


class VllmTierConfig(TierConfig):
    kind: Literal["vllm"]
    revision: str | None = None
    engine: EngineConfig = EngineConfig()
    spill: SpillConfig = SpillConfig()
    usd_per_gpu_hour: float | None = Field(
        default=None,
        ge=0,
        description="amortised price of one GPU, times tensor_parallel_size; unset: cost unknown",
    )

    @property
    def shown_model(self) -> str:
        return self.served_as or Path(self.model).name


class HostedTierConfig(TierConfig):
    base_url: str | None = Field(default=None, description="unset: the provider's own")
    api_key_env: VariableName = Field(
        description="the variable with the key, or with several, comma-separated, which take turns"
    )
    api_key: Secret = SecretStr("")
    deadline_s: Seconds = Field(default=60.0, gt=0, description="for each draft, retries included")
    price: PriceConfig | None = None
    guards: GuardsConfig = GuardsConfig()
    max_tokens: int | None = Field(
        default=None,
        ge=1,
        description="of an answer whose caller names no limit; unset: the model's own (Anthropic's "
        "API needs one: 4096)",
    )
    effort: Effort | None = Field(
        default=None, description="how much to think where the caller does not say"
    )
    prompt_cache: bool = Field(
        default=True, description="mark, or name, the prefixes that are worth caching"
    )
    equals: tuple[Equals, ...] = Field(
        default=(), description="upstreams that are as good: asked where this one cannot draft"
    )

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, told: str | None) -> str | None:
        if told is not None and not _has_scheme_and_host(told):
            raise ValueError("must be an address such as https://api.example.com/v1")
        return told

    @model_validator(mode="after")
    def _equals_are_told_apart(self) -> HostedTierConfig:
        """A draft is billed by the name of the model that its upstream is called by."""
        nested = next((section.name for section in self.equals if section.equals), None)
        if nested is not None:
            raise ValueError(f"equals: {nested!r} has equals of its own; name them all in one list")
        sections = (self, *self.equals)
        for told, mend in (
            ([section.name for section in sections], "a name"),
            ([section.shown_model for section in sections], "a served_as, by which it is billed,"),
        ):
            twice = next((one for one in told if told.count(one) > 1), None)
            if twice is not None:
                raise ValueError(
                    f"equals: {twice!r} could be either of two; give each {mend} of its own"
                )
        return self


def _has_scheme_and_host(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class OpenAITierConfig(HostedTierConfig):
    kind: Literal["openai"]
    logprobs: bool = Field(
        default=False,
        description="ask for log-probabilities, so that the gate can read this rung's drafts; "
        "only for models that give them",
    )
    dialect: Literal["openai", "gemini", "vllm", "plain"] | None = Field(
        default=None, description="how the server differs from OpenAI's own; unset: by its address"
    )


class ResponsesTierConfig(HostedTierConfig):
    """OpenAI's Responses API: the pro models answer only there."""

    kind: Literal["responses"]


class AnthropicTierConfig(HostedTierConfig):
    kind: Literal["anthropic"]
    sampling: bool | None = Field(
        default=None,
        description="false: the model takes no temperature or top_p (Opus 4.7 on); unset: by card",
    )
    cache_ttl: Literal["5m", "1h"] = Field(
        default="5m", description="how long marked prefixes are kept; the hour costs more to write"
    )


class PluginTierConfig(TierConfig):
    """A third party's tier: `kind: my_package.module:Class`, built with this section."""

    kind: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    options: dict[str, Any] = Field(default_factory=dict)


def _kind(tier: object) -> str:
    kind = tier.get("kind") if isinstance(tier, dict) else getattr(tier, "kind", None)
    return kind if kind in ("vllm", "openai", "responses", "anthropic") else "plugin"


Tiers = Annotated[
    Annotated[VllmTierConfig, Tag("vllm")]
    | Annotated[OpenAITierConfig, Tag("openai")]
    | Annotated[ResponsesTierConfig, Tag("responses")]
    | Annotated[AnthropicTierConfig, Tag("anthropic")]
    | Annotated[PluginTierConfig, Tag("plugin")],
    Discriminator(_kind),
]

Equals = Annotated[
    OpenAITierConfig | ResponsesTierConfig | AnthropicTierConfig, Field(discriminator="kind")
]
"""An upstream that is as good as another: a hosted tier's section, with a name of its own."""

for _section in (HostedTierConfig, OpenAITierConfig, ResponsesTierConfig, AnthropicTierConfig):
    _section.model_rebuild()
