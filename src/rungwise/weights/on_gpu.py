"""Do the engines of a configuration fit on the GPUs that are here?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rungwise.config import VllmTierConfig
from rungwise.observe.doctor import Finding
from rungwise.observe.gpu import Gpu
from rungwise.weights.asked import Asked, asked, placed
from rungwise.weights.fit import Fit, can_divide
from rungwise.weights.float16 import BFLOAT16_FROM
from rungwise.weights.memory import GIB
from rungwise.weights.recommending import FP8_COMPUTES, FP8_LOADS

__all__ = ["on_gpus"]

LOOK = "`rungwise doctor --fit` tells what fits"


def on_gpus(
    engines: Sequence[VllmTierConfig], gpus: Sequence[Gpu], visible: Sequence[str] | None
) -> Iterator[Finding]:
    demands: dict[int, list[tuple[str, float, float]]] = {}
    for tier in engines:
        theirs = placed(tier, gpus, visible)
        known = asked(tier)
        if theirs is None or known is None:
            continue  # that there are too few is said where they are dealt out
        yield from _way(known, theirs)
        smallest = min(theirs, key=lambda gpu: gpu.total_gib)
        fit = known.fit(_room(known, smallest), smallest.total_gib)
        yield from _free(known, theirs)
        yield from _memory(known, fit, smallest)
        for gpu in theirs:
            demands.setdefault(gpu.index, []).append(
                (tier.name, _takes(known, fit, gpu), fit.margin)
            )
    yield from _together(demands, gpus)


def _room(known: Asked, gpu: Gpu) -> float:
    if known.pool is not None:
        return gpu.total_gib * GIB
    return known.tier.engine.gpu_memory_utilization * gpu.total_gib * GIB


def _takes(known: Asked, fit: Fit, gpu: Gpu) -> float:
    if known.pool is not None:
        return fit.weights + fit.overhead + known.pool
    return _room(known, gpu)


def _way(known: Asked, theirs: Sequence[Gpu]) -> Iterator[Finding]:
    """Whether it can be run so at all."""
    tier, tensor = known.tier, known.tier.engine.tensor_parallel_size
    if not can_divide(known.shape, tensor):
        yield _lack(
            f"{tier.name}: tensor_parallel_size",
            f"{known.shape.heads} heads cannot be dealt out to {tensor} GPUs",
            "take a number that divides them, or copies: data_parallel_size",
        )
    capability = min((gpu.capability for gpu in theirs if gpu.capability), default=FP8_COMPUTES)
    if known.precision == "fp8" and capability < FP8_COMPUTES:
        runs = capability >= FP8_LOADS
        yield Finding(
            state="note" if runs else "lack",
            what=f"{tier.name}: fp8",
            found=f"{theirs[0].name} has compute capability {capability[0]}.{capability[1]}",
            mend="it saves memory there, and computes in 16 bit"
            if runs
            else "take 16 bit, or a repository in 4 bit (AWQ)",
        )
    yield from _bits(known, capability, theirs[0])


def _bits(known: Asked, capability: tuple[int, int], gpu: Gpu) -> Iterator[Finding]:
    """The 16 bits that it computes in."""
    what, told = f"{known.tier.name}: dtype", known.tier.engine.dtype
    old = capability < BFLOAT16_FROM
    has = f"{gpu.name} has compute capability {capability[0]}.{capability[1]}, and no bfloat16"
    other = "take another model, or engine.dtype: float32, which takes twice the memory"
    if not known.float16 and (told == "float16" or old):
        refused = f"vLLM does not run {known.tier.model} in float16"
        newer = "set engine.dtype: auto"
        yield _lack(what, f"{has}, and {refused}" if old else refused, other if old else newer)
    elif old and told == "bfloat16":
        yield _lack(what, has, "set engine.dtype: float16")


def _free(known: Asked, theirs: Sequence[Gpu]) -> Iterator[Finding]:
    """vLLM refuses to start where less is free than it may use."""
    if known.pool is not None:
        return
    share = known.tier.engine.gpu_memory_utilization
    for gpu in theirs:
        if gpu.free_gib < share * gpu.total_gib:
            yield _lack(
                f"{known.tier.name}: GPU {gpu.index}",
                f"{gpu.free_gib:.1f} of {gpu.total_gib:.1f} GiB are free, and "
                f"gpu_memory_utilization {share:g} asks for {share * gpu.total_gib:.1f}",
                "end what else uses it, or lower engine.gpu_memory_utilization",
            )


def _memory(known: Asked, fit: Fit, gpu: Gpu) -> Iterator[Finding]:
    name = known.tier.name
    place = f"{fit.weights / GIB:.1f} GiB of weights and about {fit.overhead / GIB:.1f} beside them"
    left = fit.cache if known.pool is None else min(fit.cache, known.pool)
    if fit.cache + fit.margin < (known.pool or 0):
        cache = "" if known.pool is None else f", and {known.pool / GIB:.1f} of KV cache,"
        yield _lack(
            f"{name}: GPU memory",
            f"{place}{cache} do not fit into the {_room(known, gpu) / GIB:.1f} GiB that it may "
            f"use of {gpu.name}",
            LOOK,
        )
    elif left + (fit.margin if known.pool is None else 0) < fit.full:
        yield _lack(
            f"{name}: max_model_len",
            f"{known.context:,} tokens need {fit.full / GIB:.1f} GiB of KV cache, and about "
            f"{max(0, left) / GIB:.1f} are left beside {place}",
            f"set engine.max_model_len to {_held(known, fit, left):,} or less; {LOOK}",
        )
    elif fit.cache - fit.margin < (known.pool or fit.full):
        yield Finding(
            state="note",
            what=f"{name}: GPU memory",
            found=f"{place} leave {fit.cache / GIB:.1f} GiB for the KV cache, give or take "
            f"{fit.margin / GIB:.1f}; a whole context takes {fit.full / GIB:.1f}",
            mend="it may start or not; a smaller max_model_len or fp8 makes it sure",
        )


def _held(known: Asked, fit: Fit, left: int) -> int:
    """The longest context that is sure to fit, in round numbers."""
    exact = fit.longest if left == fit.cache else fit.longest * max(0, left) // max(1, fit.cache)
    return max(16, exact // 256 * 256)


def _together(
    demands: dict[int, list[tuple[str, float, float]]], gpus: Sequence[Gpu]
) -> Iterator[Finding]:
    """Several engines on one GPU."""
    for gpu in gpus:
        theirs = demands.get(gpu.index, [])
        total = sum(takes for _, takes, _ in theirs)
        over = total - gpu.total_gib * GIB
        if len(theirs) < 2 or over <= 0:
            continue
        sure = over > max(margin for *_, margin in theirs)
        names = " and ".join(name for name, *_ in theirs)
        yield Finding(
            state="lack" if sure else "note",
            what=f"GPU {gpu.index}",
            found=f"{names} take {total / GIB:.1f} GiB together, and it has {gpu.total_gib:.1f}",
            mend="give each its part with engine.kv_cache_gib or gpu_memory_utilization, or "
            "other GPUs with tiers[].gpus",
        )


def _lack(what: str, found: str, mend: str) -> Finding:
    return Finding(state="lack", what=what, found=found, mend=mend)
