"""Can these engines run on this box's GPUs, beside each other, and as they are told to?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from rungwise.config import AdapterTierConfig, Config, VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.local.adapter_files import check_fit, rank_of
from rungwise.tiers.local.vllm_flags import engine_flags, missing_folder, missing_template

__all__ = ["MOST_OF_A_GPU", "adapters_of", "fallen", "lacks", "silent_of"]

MOST_OF_A_GPU = 0.95
"""That several engines may take together; what is left is the driver's, and room for peaks."""


def lacks(
    config: Config, gpus: int, silent: Mapping[int, str] = MappingProxyType({})
) -> Iterator[str]:
    """What would keep an engine from starting, or make it answer wrongly, a line each: `place:
    what is wrong; what to do`. `gpus` is how many CUDA shows to this process; 0: engines run on
    the CPU. `silent`: those that do not answer; what is placed on them is told by `fallen`. Cheap,
    and starts nothing."""
    engines = [tier for tier in config.tiers if isinstance(tier, VllmTierConfig)]
    for engine in engines:
        yield from _options(config, engine)
        yield from _places(engine, gpus, silent)
        yield from _speculation(config, engine, gpus)
    yield from _shares(engines, gpus)


def fallen(config: Config, silent: Mapping[int, str]) -> Iterator[str]:
    """What keeps an engine from drafting that is told what is right: its GPU does not answer."""
    for engine in config.tiers:
        if not isinstance(engine, VllmTierConfig):
            continue
        if told := silent_of(engine, silent):
            yield (
                f"{engine.name}.{'engine' if engine.gpus is None else 'gpus'}: {', '.join(told)}; "
                "set `gpus` to others that answer, or reset it: nvidia-smi tells more"
            )


def silent_of(engine: VllmTierConfig, silent: Mapping[int, str]) -> list[str]:
    """What to say of those of its GPUs that do not answer."""
    return [silent[index] for index in engine.placed if index in silent]


def adapters_of(config: Config, engine: VllmTierConfig) -> tuple[AdapterTierConfig, ...]:
    """The rungs that draft on it with weights of their own, lowest first."""
    adapters = (tier for tier in config.tiers if isinstance(tier, AdapterTierConfig))
    return tuple(tier for tier in adapters if tier.of == engine.name)


def _options(config: Config, engine: VllmTierConfig) -> Iterator[str]:
    """Flags that vLLM could not be given, and adapters that it could not serve."""
    checks: list[Callable[[], object]] = [partial(engine_flags, engine)]
    checks += [partial(_adapter, adapter, engine) for adapter in adapters_of(config, engine)]
    for check in checks:
        try:
            check()
        except ConfigError as error:
            yield str(error)
    if engine.revision is not None and Path(engine.model).is_absolute():
        yield (
            f"{engine.name}.revision: does nothing, for {engine.model} is a folder; remove it, or "
            "name the model by its id of the hub"
        )
    if (template := missing_template(engine.engine)) is not None:
        yield f"{engine.name}.{template}"


def _adapter(tier: AdapterTierConfig, engine: VllmTierConfig) -> None:
    rank_of(tier)
    check_fit(tier, engine.model)


def _places(engine: VllmTierConfig, gpus: int, silent: Mapping[int, str]) -> Iterator[str]:
    if silent_of(engine, silent):
        return  # see `fallen`
    if engine.gpus is not None and not gpus:
        yield (
            f"{engine.name}.gpus: {_named(engine.gpus)} is told, and no GPU is here; remove "
            "`gpus`, or install the NVIDIA driver"
        )
    elif gpus and (absent := [index for index in engine.placed if index >= gpus]):
        shown = f"CUDA shows {gpus} to this process, counted from 0"
        needs = f"the engine needs {engine.engine.gpu_count} GPUs"
        yield (
            f"{engine.name}.engine: {needs}, and {shown}; lower tensor_parallel_size or "
            "data_parallel_size"
            if engine.gpus is None
            else f"{engine.name}.gpus: {_named(absent)} is not here, {shown}; correct `gpus`"
        )


def _speculation(config: Config, engine: VllmTierConfig, gpus: int) -> Iterator[str]:
    """See docs/operating.md, "Speculation", and tests/engine/test_speculative.py."""
    told, place = engine.engine.speculative, f"{engine.name}.engine.speculative"
    if told is None:
        return
    if told.model is not None and (folder := missing_folder(told.model)) is not None:
        yield f"{place}.model: no model in {folder} (config.json is missing); correct it"
    if not gpus:
        yield (
            f"{place}: without a GPU vLLM writes wrong tokens at every temperature above 0 when "
            "it guesses ahead; remove it"
        )
    rungs = {engine.name, *(adapter.name for adapter in adapters_of(config, engine))}
    if (gate := next((gate for gate in config.gates if gate.tier in rungs), None)) is not None:
        yield (
            f"{place}: the gate of {gate.tier} reads log-probabilities, and nobody has measured on "
            "a GPU that guessing ahead leaves them right; remove it or the gate"
        )


def _shares(engines: Sequence[VllmTierConfig], gpus: int) -> Iterator[str]:
    """Engines on one GPU whose memory is not divided: vLLM's default takes nine tenths for each."""
    on = defaultdict[int, list[VllmTierConfig]](list)
    for engine in engines:
        for index in engine.placed if gpus or engine.gpus is not None else ():
            on[index].append(engine)
    unsaid = {
        engine.name: f"{engine.name}.engine: on GPU {index} beside "
        f"{', '.join(other.name for other in there if other is not engine)}, and does not say how "
        "much of it is its own; set kv_cache_gib, or gpu_memory_utilization for each"
        for index, there in on.items()
        if len(there) > 1
        for engine in there
        if not _says_its_share(engine)
    }
    yield from unsaid.values()
    for index, there in on.items():
        told = [engine for engine in there if engine.engine.kv_cache_gib is None]
        total = sum(engine.engine.gpu_memory_utilization for engine in told)
        if len(there) > 1 and total > MOST_OF_A_GPU + 1e-9 and all(map(_says_its_share, told)):
            yield (
                f"{told[0].name}.engine: gpu_memory_utilization of "
                f"{' and '.join(engine.name for engine in told)} on GPU {index} is {total:.2f} "
                f"together; keep it to {MOST_OF_A_GPU}"
            )


def _says_its_share(engine: VllmTierConfig) -> bool:
    told = engine.engine
    return told.kv_cache_gib is not None or "gpu_memory_utilization" in told.model_fields_set


def _named(indices: Sequence[int]) -> str:
    return ("GPU " if len(indices) == 1 else "GPUs ") + ", ".join(map(str, indices))
