"""What did the owner ask for? YAML and environment in, one frozen Config out.

The only reader of the environment. A key that is not known, a value of the wrong type and a
missing variable are each one line that names the file, the key, what it must be, and the mend.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    ValidationError,
    model_validator,
)

from rungwise.errors import ConfigError
from rungwise.types import StepType


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ServerConfig(_Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    max_body_mib: float = Field(default=20.0, gt=0, description="larger bodies get a 413")
    heartbeat_s: float = Field(
        default=10.0, gt=0, description="a stream held longer than this opens with SSE comments"
    )
    grace_s: float = Field(
        default=30.0, ge=0, description="open answers get this long to end on SIGTERM"
    )
    api_keys_env: str | None = Field(
        default=None,
        description="variable with the accepted API keys, comma-separated; "
        "without it the server binds to loopback only",
    )


class PriceConfig(_Section):
    """US dollars per million tokens. A price that is left out is unknown, not zero."""

    input: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)
    cache_read: float | None = Field(default=None, ge=0)
    cache_write_5m: float | None = Field(default=None, ge=0)
    cache_write_1h: float | None = Field(default=None, ge=0)
    as_of: date | None = Field(
        default=None, description="the date of the price list; `rungwise doctor` names old ones"
    )


class EngineConfig(_Section):
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


class TierConfig(_Section):
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
    api_key_env: str
    api_key: SecretStr = Field(default=SecretStr(""), exclude=True)
    """Filled from `api_key_env` by load(); never read from the file."""
    deadline_s: float = Field(default=60.0, gt=0)
    price: PriceConfig | None = None

    @model_validator(mode="after")
    def _no_key_in_the_file(self) -> HostedTierConfig:
        if self.api_key.get_secret_value():
            raise ValueError("a key does not belong in the file; name its variable in api_key_env")
        return self


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


class RouteConfig(_Section):
    """Where one step type starts and how far up it may climb; unset is the whole ladder."""

    start: str | None = None
    ceiling: str | None = None


class RoutingConfig(_Section):
    default_step_type: StepType = StepType.OPEN_CHAT
    step_types: dict[StepType, RouteConfig] = Field(default_factory=dict)


class GateConfig(_Section):
    """How one tier's drafts are judged."""

    tier: str
    hold: Literal["none", "whole"] = "whole"
    calibration: Path | None = Field(
        default=None,
        description="file fitted by `rungwise calibrate`; unset: no draft is sure, so the rung "
        "is passed over unless it is pinned or the last",
    )
    refusal: Literal["return", "escalate"] = Field(
        default="return", description="what to do when the model declines on policy grounds"
    )
    hedging: bool = Field(default=True, description='"I am not sure" and the like escalate')
    truncation: Literal["escalate", "return"] = Field(
        default="escalate", description="what to do with a draft that hit its token limit"
    )
    early: bool = Field(default=True, description="stop a draft that can no longer be accepted")


class LedgerConfig(_Section):
    path: Path = Path("rungwise.db")


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


class Config(_Section):
    server: ServerConfig = ServerConfig()
    tiers: tuple[Tiers, ...] = Field(min_length=1)
    routing: RoutingConfig = RoutingConfig()
    gates: tuple[GateConfig, ...] = ()
    ledger: LedgerConfig = LedgerConfig()

    @model_validator(mode="after")
    def _names_agree(self) -> Config:
        names = [tier.name for tier in self.tiers]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"tiers: the name {doubled[0]!r} is given twice")
        known = ", ".join(names)
        for step_type, route in self.routing.step_types.items():
            for key, name in (("start", route.start), ("ceiling", route.ceiling)):
                if name is not None and name not in names:
                    raise ValueError(
                        f"routing.step_types.{step_type.value}.{key}: "
                        f"no tier {name!r}; the ladder has {known}"
                    )
            if (
                route.start
                and route.ceiling
                and names.index(route.start) > names.index(route.ceiling)
            ):
                raise ValueError(
                    f"routing.step_types.{step_type.value}: start {route.start!r} "
                    f"stands above ceiling {route.ceiling!r}"
                )
        for index, gate in enumerate(self.gates):
            if gate.tier not in names:
                raise ValueError(
                    f"gates.{index}.tier: no tier {gate.tier!r}; the ladder has {known}"
                )
            if gate.tier in (earlier.tier for earlier in self.gates[:index]):
                raise ValueError(f"gates.{index}.tier: {gate.tier!r} has a gate already")
        return self


def load(path: Path, environ: Mapping[str, str] | None = None) -> Config:
    """Read and check one configuration file. Raises ConfigError with one line.

    Relative paths in the file are taken from the file's folder's parent when it is named
    `configs`, else from the file's folder, so that a checkout works from anywhere.
    """
    environ = os.environ if environ is None else environ
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); name it with --config"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not YAML ({_one_line(error)})") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: must hold keys and values, such as `tiers:`; see configs/")
    try:
        config = Config.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from None
    return _resolved(config, path, environ)


def _resolved(config: Config, path: Path, environ: Mapping[str, str]) -> Config:
    """The same configuration with keys filled in and paths made absolute."""
    folder = path.resolve().parent
    root = folder.parent if folder.name == "configs" else folder
    tiers = tuple(_with_key(_with_folder(tier, root), path, environ) for tier in config.tiers)
    gates = tuple(
        gate.model_copy(update={"calibration": root / gate.calibration.expanduser()})
        if gate.calibration
        else gate
        for gate in config.gates
    )
    ledger = config.ledger.model_copy(update={"path": root / config.ledger.path.expanduser()})
    return config.model_copy(update={"tiers": tiers, "gates": gates, "ledger": ledger})


def _with_folder(tier: Tiers, root: Path) -> Tiers:
    """A vLLM model that names an existing folder, or plainly a path, becomes that folder."""
    if not isinstance(tier, VllmTierConfig):
        return tier
    if (template := tier.engine.chat_template) is not None:
        path = root / template.expanduser()
        engine = tier.engine.model_copy(update={"chat_template": path})
        tier = tier.model_copy(update={"engine": engine})
    folder = root / Path(tier.model).expanduser()
    is_path = tier.model.startswith((".", "/", "~", "models/")) or folder.is_dir()
    return tier.model_copy(update={"model": str(folder)}) if is_path else tier


def _with_key(tier: Tiers, path: Path, environ: Mapping[str, str]) -> Tiers:
    if not isinstance(tier, HostedTierConfig):
        return tier
    key = environ.get(tier.api_key_env, "")
    if not key:
        raise ConfigError(
            f"{path}: tier {tier.name!r} needs the variable {tier.api_key_env}, which is not set; "
            f"export {tier.api_key_env}=... or remove the tier"
        )
    return tier.model_copy(update={"api_key": SecretStr(key)})


def api_keys(config: Config, environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The keys that callers may use; empty when none are asked for. Raises ConfigError."""
    environ = os.environ if environ is None else environ
    variable = config.server.api_keys_env
    if variable is None:
        return ()
    keys = tuple(key.strip() for key in environ.get(variable, "").split(",") if key.strip())
    if not keys:
        raise ConfigError(
            f"server.api_keys_env: the variable {variable} holds no key; "
            f"export {variable}=key1,key2 or remove the setting"
        )
    return keys


def _explain(error: ValidationError) -> str:
    """One fault, an unknown key before others, the deepest first: which key, and what to do.

    The value is left out: a key that was put into the wrong place must not reach a log.
    """
    faults = error.errors(include_url=False)
    fault = max(faults, key=lambda f: (f["type"] == "extra_forbidden", len(f["loc"])))
    tags = ("vllm", "openai", "anthropic", "plugin")
    place = ".".join(str(part) for part in fault["loc"] if part not in tags)
    if fault["type"] == "extra_forbidden":
        return f"{place}: no such key; remove it or correct its name"
    if fault["type"] == "missing":
        return f"{place}: is missing"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def has_variable(name: str, environ: Mapping[str, str] | None = None) -> bool:
    """Whether a variable is set; its value stays here."""
    return bool((os.environ if environ is None else environ).get(name))
