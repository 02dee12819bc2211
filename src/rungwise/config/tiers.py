"""What is known of each rung? Its kind, model, engine or upstream, and price."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from rungwise.config.section import Seconds, Section, VariableName


class PriceConfig(Section):
    """US dollars per million tokens. A price that is left out is unknown, not zero."""

    input: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    cache_write_5m: float | None = Field(default=None, ge=0)
    cache_write_1h: float | None = Field(default=None, ge=0)
    as_of: date | None = Field(
        default=None, description="the date of the price list; `rungwise doctor` names old ones"
    )


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

    @property
    def shown_model(self) -> str:
        return self.served_as or self.model


class VllmTierConfig(TierConfig):
    kind: Literal["vllm"]
    revision: str | None = None
    engine: EngineConfig = EngineConfig()
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
    api_key_env: VariableName
    api_key: SecretStr = Field(default=SecretStr(""), exclude=True)
    """Filled from `api_key_env` by load(); never read from the file."""
    deadline_s: Seconds = Field(default=60.0, gt=0)
    price: PriceConfig | None = None

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, told: str | None) -> str | None:
        if told is not None and not _has_scheme_and_host(told):
            raise ValueError("must be an address such as https://api.example.com/v1")
        return told

    @model_validator(mode="after")
    def _no_key_in_the_file(self) -> HostedTierConfig:
        if self.api_key.get_secret_value():
            raise ValueError("a key does not belong in the file; name its variable in api_key_env")
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


class AnthropicTierConfig(HostedTierConfig):
    kind: Literal["anthropic"]
    sampling: bool = Field(
        default=True, description="false: the model takes no temperature or top_p (Opus 4.7 on)"
    )
    max_tokens: int = Field(
        default=4096, ge=1, description="sent when the caller names none: this API needs one"
    )


class PluginTierConfig(TierConfig):
    """A third party's tier: `kind: my_package.module:Class`, built with this section."""

    kind: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    options: dict[str, Any] = Field(default_factory=dict)


def _kind(tier: object) -> str:
    kind = tier.get("kind") if isinstance(tier, dict) else getattr(tier, "kind", None)
    return kind if kind in ("vllm", "openai", "anthropic") else "plugin"


Tiers = Annotated[
    Annotated[VllmTierConfig, Tag("vllm")]
    | Annotated[OpenAITierConfig, Tag("openai")]
    | Annotated[AnthropicTierConfig, Tag("anthropic")]
    | Annotated[PluginTierConfig, Tag("plugin")],
    Discriminator(_kind),
]
