"""What would vLLM's own server be started with? A section of the configuration, as its flags."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from rungwise.config import AdapterTierConfig, EngineConfig, SpeculativeConfig, VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.local.adapter_files import rank_of
from rungwise.tiers.local.extra import check_kept, extra_flag
from rungwise.tiers.local.vllm_compat import Vllm

__all__ = [
    "engine_flags",
    "missing_folder",
    "missing_template",
    "parse_flags",
]

LEAST_UTILIZATION = 0.01

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""vLLM keeps room for one of these."""


def engine_flags(config: VllmTierConfig, adapters: Sequence[AdapterTierConfig] = ()) -> list[str]:
    """What vLLM's own server would be started with, to serve these adapters too. Raises
    ConfigError."""
    engine = config.engine
    flags = ["--model", config.model, "--served-model-name", config.shown_model]
    # Two engines in one process unregister each other's Prometheus metrics; with vLLM's own off,
    # a stat logger handed to AsyncLLM still gets every number.
    flags += ["--disable-log-stats", "--no-use-tqdm-on-load"]
    values = {
        "revision": config.revision,
        "dtype": engine.dtype,
        "max-model-len": engine.max_model_len,
        "max-num-seqs": engine.max_num_seqs,
        "kv-cache-memory-bytes": engine.kv_cache_gib and int(engine.kv_cache_gib * 2**30),
        "gpu-memory-utilization": _utilization(engine),
        "tensor-parallel-size": engine.tensor_parallel_size,
        "data-parallel-size": engine.data_parallel_size if engine.data_parallel_size > 1 else None,
        # indices among those that CUDA shows, where it does not show all of them
        "device-ids": config.gpus and ",".join(map(str, config.gpus)),
        "quantization": engine.quantization,
        "load-format": engine.load_format,
        "tool-call-parser": engine.tool_parser,
        "reasoning-parser": engine.reasoning_parser,
        "chat-template": engine.chat_template,
        "speculative-config": engine.speculative and _speculation(engine.speculative),
    }
    flags += [f"--{name}={value}" for name, value in values.items() if value is not None]
    flags += ["--enforce-eager"] if engine.enforce_eager else []
    flags += ["--enable-auto-tool-choice"] if engine.tool_parser else []
    flags += [f"--{'' if engine.prefix_caching else 'no-'}enable-prefix-caching"]
    flags += [extra_flag(config.name, *item) for item in engine.extra.items()]
    return [*flags, *_adapter_flags(adapters)]


def _speculation(told: SpeculativeConfig) -> str:
    found: dict[str, str | int] = {"method": told.method, "num_speculative_tokens": told.tokens}
    if told.model is not None:
        found["model"] = told.model
    if told.method == "ngram":
        # a single token matches nearly anywhere, and says little of what comes next
        shortest = min(2, told.longest_match)
        found |= {"prompt_lookup_max": told.longest_match, "prompt_lookup_min": shortest}
    return json.dumps(found)


def _adapter_flags(adapters: Sequence[AdapterTierConfig]) -> Iterator[str]:
    if not adapters:
        return
    rank = max(rank_of(adapter) for adapter in adapters)
    yield from ("--enable-lora", f"--max-loras={len(adapters)}")
    yield f"--max-lora-rank={next(kept for kept in LORA_RANKS if kept >= rank)}"
    yield "--lora-modules"
    for adapter in adapters:
        folder = Path(adapter.model).expanduser().absolute()
        yield json.dumps({"name": adapter.name, "path": str(folder)})


def _utilization(engine: EngineConfig) -> float:
    """Beside a KV cache of a given size vLLM uses it for one thing only: it refuses to start where
    so much of the GPU is not free, and so beside any other engine. Then only the owner's counts."""
    sized = engine.kv_cache_gib is not None
    told = "gpu_memory_utilization" in engine.model_fields_set
    return LEAST_UTILIZATION if sized and not told else engine.gpu_memory_utilization


def parse_flags(
    vllm: Vllm, config: VllmTierConfig, adapters: Sequence[AdapterTierConfig] = ()
) -> Namespace:
    """vLLM's own reading of the flags. Raises ConfigError naming what it does not know, and what
    its extra arguments may not change."""
    parser = vllm.make_arg_parser(vllm.ArgumentParser(prog="vllm", allow_abbrev=False))

    def refuse(message: str) -> None:
        raise ConfigError(f"tier {config.name!r}: engine: vLLM says: {message}; see engine.extra")

    parser.error = refuse  # argparse would print its usage and leave the process
    args: Namespace = parser.parse_args(engine_flags(config, adapters))
    if config.engine.extra:
        engine = config.engine.model_copy(update={"extra": {}})
        bare = config.model_copy(update={"engine": engine})
        check_kept(config.name, args, parser.parse_args(engine_flags(bare, adapters)))
    return args


def missing_folder(model: str) -> Path | None:
    """The model's folder when `model` plainly names one that is not a model; None for hub ids."""
    folder = Path(model).expanduser()
    is_path = model.startswith((".", "/", "~", "models/")) or folder.is_dir()
    return folder if is_path and not (folder / "config.json").is_file() else None


def missing_template(engine: EngineConfig) -> str | None:
    """`place: what is wrong; what to do`; None where a template is there, or none is asked for."""
    template = engine.chat_template
    if template is None or template.is_file():
        return None
    return f"engine.chat_template: there is no file {template}; correct it, or leave it out"
