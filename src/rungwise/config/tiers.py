"""What is known of each rung? Its kind, model, engine or upstream, and price."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, SecretStr, Tag, field_validator, model_validator

from rungwise.config.guards import GuardsConfig, SpillConfig
from rungwise.config.prices import PriceConfig
from rungwise.config.section import Seconds, Secret, Section, VariableName, has_scheme_and_host
from rungwise.types import Effort


class SpeculativeConfig(Section):
    """Tokens that are guessed ahead and checked by the model in one step."""

    method: Literal["ngram", "draft_model"] = Field(
        description="ngram: guessed from the prompt; draft_model: by a smaller model"
    )
    tokens: int = Field(ge=1, le=16, description="guessed at once")
    model: str | None = Field(
        default=None, description="of draft_model: a folder, or an id of the hub"
    )
    longest_match: int = Field(
        default=4, ge=1, description="of ngram: so many tokens are looked for in the prompt"
    )

    @model_validator(mode="after")
    def _has_its_model(self) -> SpeculativeConfig:
        if self.method == "draft_model" and self.model is None:
            raise ValueError("method: draft_model needs `model`")
        for name, method in (("model", "draft_model"), ("longest_match", "ngram")):
            if name in self.model_fields_set and self.method != method:
                raise ValueError(f"{name}: does nothing under method: {self.method}; remove it")
        return self


class EngineConfig(Section):
    """What vLLM is started with. Names follow vLLM's own."""

    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    max_model_len: int | None = Field(default=None, ge=16)
    max_num_seqs: int = Field(default=64, ge=1)
    kv_cache_gib: float | None = Field(
        default=None, gt=0, description="KV cache size; unset: vLLM decides from GPU memory"
    )
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    tensor_parallel_size: int = Field(default=1, ge=1, description="GPUs that share one copy")
    data_parallel_size: int = Field(default=1, ge=1, description="copies, each on GPUs of its own")
    quantization: str | None = None
    enforce_eager: bool = False
    prefix_caching: bool = True
    load_format: Literal["auto", "safetensors", "dummy"] = "auto"
    tool_parser: str | None = None
    reasoning_parser: str | None = None
    chat_template: Path | None = None
    speculative: SpeculativeConfig | None = None
    extra: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="further vLLM server arguments, e.g. seed: 7"
    )

    @property
    def gpu_count(self) -> int:
        return self.tensor_parallel_size * self.data_parallel_size


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


class RestartConfig(Section):
    """An engine that died, or did not start, is started again."""

    first_wait_s: Seconds = Field(
        default=1.0, gt=0, description="before the first try; each further wait is twice as long"
    )
    most_wait_s: Seconds = Field(default=60.0, gt=0)
    tries: int = Field(
        default=5,
        ge=0,
        description="starts in a row that may fail before it stays down; 0: never started again",
    )
    settled_s: Seconds = Field(
        default=300.0,
        ge=0,
        description="a start after which the engine ran for so long has not failed",
    )
    stalled_s: Seconds | None = Field(
        default=300.0,
        gt=0,
        description="an engine that answers nothing for so long hangs, and is ended; longer than "
        "any of its steps takes; null: never",
    )

    @model_validator(mode="after")
    def _grows(self) -> RestartConfig:
        if self.most_wait_s < self.first_wait_s:
            raise ValueError("most_wait_s must not be shorter than first_wait_s")
        return self


class VllmTierConfig(TierConfig):
    kind: Literal["vllm"]
    revision: str | None = None
    gpus: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        default=None,
        min_length=1,
        description="the GPUs of its engine, of those that CUDA shows to this process, from 0; "
        "unset: the first",
    )
    engine: EngineConfig = EngineConfig()
    restart: RestartConfig = RestartConfig()
    spill: SpillConfig = SpillConfig()
    usd_per_gpu_hour: float | None = Field(
        default=None,
        ge=0,
        description="amortised price of one GPU, times those of its engine; unset: cost unknown",
    )

    @model_validator(mode="after")
    def _has_its_gpus(self) -> VllmTierConfig:
        told, needed = self.gpus, self.engine.gpu_count
        if told is None:
            return self
        if len(set(told)) < len(told):
            raise ValueError("gpus: one is named twice")
        if len(told) != needed:
            raise ValueError(
                f"gpus: {len(told)} named, and the engine needs {needed} "
                "(tensor_parallel_size times data_parallel_size)"
            )
        return self

    @model_validator(mode="after")
    def _has_room_for_its_context(self) -> VllmTierConfig:
        check_room(self, self)
        return self

    @property
    def placed(self) -> tuple[int, ...]:
        """The GPUs of its engine, counted among those that this process sees."""
        return self.gpus if self.gpus is not None else tuple(range(self.engine.gpu_count))

    @property
    def shown_model(self) -> str:
        return self.served_as or Path(self.model).name


class AdapterTierConfig(TierConfig):
    """A LoRA adapter on the engine of another rung: a rung of its own, with its own gate."""

    kind: Literal["adapter"]
    of: str = Field(description="the name of the vllm tier whose model it adapts")

    @property
    def shown_model(self) -> str:
        return self.served_as or Path(self.model).name


def check_room(tier: TierConfig, engine: VllmTierConfig) -> None:
    """A prompt that is longer than the engine takes would be drafted only to be refused there.
    Raises ValueError."""
    rooms = {"engine.max_model_len": engine.engine.max_model_len, "context": engine.context}
    for key, room in rooms.items():
        if tier.context is not None and room is not None and tier.context > room:
            raise ValueError(
                f"context: {tier.context:,} tokens are more than the {room:,} of {engine.name!r} "
                f"({key}); lower it"
            )


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
        if told is not None and not has_scheme_and_host(told):
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
    return kind if kind in ("vllm", "adapter", "openai", "responses", "anthropic") else "plugin"


Tiers = Annotated[
    Annotated[VllmTierConfig, Tag("vllm")]
    | Annotated[AdapterTierConfig, Tag("adapter")]
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
