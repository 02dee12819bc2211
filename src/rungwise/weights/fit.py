"""Does one model, run in one way, fit on one GPU, and how much does its KV cache hold then?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rungwise.tiers.shape import Shape
from rungwise.weights.memory import (
    Precision,
    kv_bytes,
    margin_bytes,
    overhead_bytes,
    step_tokens,
    weight_bytes,
)

__all__ = ["Fit", "Wanted", "can_divide", "fit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an engine should hold: requests of up to `context` tokens, so many at once, of
    `mean` tokens each at the mean."""

    context: int
    concurrency: int
    mean: int | None = None
    """None: a quarter of the context."""

    @property
    def mean_tokens(self) -> int:
        return min(self.context, self.mean if self.mean is not None else max(1, self.context // 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Bytes on each GPU. `cache` is what is left for the KV cache; below 0 it is what is missing
    for the weights alone."""

    precision: Precision
    tensor: int
    weights: int
    overhead: int
    cache: int
    full: int
    """One request of the whole context while its prompt is read."""
    further: int
    """One more of them, while it is written: windows hold no more than themselves then."""
    usual: int
    """As many requests as wanted, of their mean length, one of them being read."""
    margin: int
    context: int
    longest: int
    """The longest context that the cache holds once; 0 where none."""

    @property
    def needed(self) -> int:
        """Of the cache: vLLM does not start where one whole context does not fit."""
        return max(self.full, self.usual)

    @property
    def state(self) -> Literal["fits", "close", "no"]:
        """`close`: within the margin of the estimate, to either side."""
        if self.cache - self.margin >= self.needed:
            return "fits"
        return "close" if self.cache + self.margin >= self.needed else "no"

    @property
    def requests(self) -> int:
        """How many requests of the whole context the cache holds at once."""
        return 0 if self.cache < self.full else 1 + (self.cache - self.full) // self.further

    @property
    def tokens(self) -> int:
        """What the cache holds in requests of the whole context, the last one in part."""
        if self.cache < self.full:
            return max(0, self.cache) * self.context // self.full
        return self.context + (self.cache - self.full) * self.context // self.further


def can_divide(shape: Shape, tensor: int) -> bool:
    """Whether so many GPUs can share one copy: heads are dealt out whole, and key-value heads
    whole or one to several GPUs."""
    by_heads = shape.heads % tensor == 0
    return by_heads and all(
        layers.kv_heads % tensor == 0 or tensor % layers.kv_heads == 0 for layers in shape.attention
    )


def fit(
    shape: Shape,
    wanted: Wanted,
    room: float,
    *,
    gpu_gib: float,
    precision: Precision = "bf16",
    tensor: int = 1,
    weights: int | None = None,
    cache_bits: int = 16,
    eager: bool = False,
    overhead: int | None = None,
) -> Fit:
    """`room` is the bytes that the engine may use of each GPU; `weights`, where it is given, is
    how many the weights take there (read from their files), `overhead` likewise."""
    step = step_tokens(gpu_gib)
    held = weight_bytes(shape, precision, tensor) if weights is None else weights
    beside = (
        overhead_bytes(shape, step=step, seqs=wanted.concurrency, tensor=tensor, eager=eager)
        if overhead is None
        else overhead
    )
    left = int(room) - held - beside

    def of(tokens: int, step: int = step) -> int:
        return kv_bytes(shape, tokens, tensor=tensor, cache_bits=cache_bits, step=step)

    full, further = of(wanted.context), of(wanted.context, 1)
    return Fit(
        precision=precision,
        tensor=tensor,
        weights=held,
        overhead=beside,
        cache=left,
        full=full,
        further=further,
        usual=wanted.concurrency * of(wanted.mean_tokens, 1) + full - further,
        margin=margin_bytes(held, beside),
        context=wanted.context,
        longest=_longest(of, left, 64 * wanted.context),
    )


def _longest(of: Callable[[int], int], left: int, most: int) -> int:
    """The most tokens whose cache fits into `left`, up to `most`: their cost only grows."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if of(middle) <= left else (low, middle - 1)
    return low
