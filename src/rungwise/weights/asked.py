"""What does a rung of a configuration ask of memory? Its model and its engine, as a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rungwise.config import VllmTierConfig
from rungwise.errors import ConfigError
from rungwise.observe.gpu import Gpu, shown
from rungwise.tiers.cards import card_of
from rungwise.tiers.shape import Shape
from rungwise.weights.fit import Fit, Wanted, fit
from rungwise.weights.float16 import may_float16
from rungwise.weights.folder import read_folder
from rungwise.weights.memory import GIB, Precision

__all__ = ["Asked", "asked", "placed"]

ONLINE_FP8 = ("fp8", "fp8_per_tensor", "fp8_per_block", "fp8_per_channel")
"""What vLLM makes of 16 bit while it loads; it calls the first an old name of the second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A rung of which the memory is known."""

    tier: VllmTierConfig
    shape: Shape
    precision: Precision
    context: int
    exact: int | None
    """Of a folder: the bytes of its weights as they are run."""
    float16: bool = True
    """Whether it may be computed in that."""

    def fit(self, room: float, gpu_gib: float, overhead: int | None = None) -> Fit:
        """With a KV cache of a given size, only that much is left for it."""
        engine = self.tier.engine
        tensor = engine.tensor_parallel_size
        return fit(
            self.shape,
            Wanted(context=self.context, concurrency=engine.max_num_seqs, mean=1),
            room,
            gpu_gib=gpu_gib,
            precision=self.precision,
            tensor=tensor,
            weights=None if self.exact is None else -(-self.exact // tensor),
            cache_bits=8 if str(engine.extra.get("kv_cache_dtype", "")).startswith("fp8") else 16,
            eager=engine.enforce_eager,
            overhead=overhead,
        )

    @property
    def pool(self) -> int | None:
        """The bytes of the KV cache that the owner set on each GPU."""
        told = self.tier.engine.kv_cache_gib
        return None if told is None else int(told * GIB)


def asked(tier: VllmTierConfig) -> Asked | None:
    """None where its shape is not known, or it is run in a way of which nothing is claimed."""
    engine = tier.engine
    if engine.dtype == "float32" or any(name.startswith("cpu_offload") for name in engine.extra):
        return None
    found = _of_folder(tier) if Path(tier.model).is_dir() else _of_card(tier)
    if found is None:
        return None
    shape, stored, context, exact, float16 = found
    precision = _precision(engine.quantization, stored)
    context = engine.max_model_len or context
    if precision is None or context is None:
        return None
    return Asked(
        tier=tier,
        shape=shape,
        precision=precision,
        context=context,
        exact=exact if precision == stored else None,
        float16=float16,
    )


_Found = tuple[Shape, str | None, int | None, int | None, bool]


def _of_folder(tier: VllmTierConfig) -> _Found | None:
    try:
        read = read_folder(Path(tier.model))
    except ConfigError:  # said elsewhere, of the folder
        return None
    made_up = tier.engine.load_format == "dummy" and read.exact is None
    stored = "bf16" if made_up else read.stored
    if read.shape is None:
        return None
    return read.shape, stored, read.context, read.exact, may_float16(None, read.model_type)


def _of_card(tier: VllmTierConfig) -> _Found | None:
    card = card_of(tier)
    if card is None or card.local is None or card.local.shape is None:
        return None
    stored = {card.local.awq: "awq", card.local.hub: "bf16"}.get(tier.model)
    if stored is None:
        return None
    return card.local.shape, stored, card.context, None, may_float16(card, None)


def _precision(told: str | None, stored: str | None) -> Precision | None:
    if stored == "awq" and told in (None, "awq", "awq_marlin"):
        return "awq"
    if stored == "fp8" and told in (None, "fp8"):
        return "fp8"
    if stored == "bf16" and told in (None, *ONLINE_FP8):
        return "fp8" if told else "bf16"
    return None


def placed(
    tier: VllmTierConfig, gpus: Sequence[Gpu], visible: Sequence[str] | None
) -> list[Gpu] | None:
    """Its GPUs, of those that CUDA shows to this process; None where there are fewer."""
    there = shown(gpus, visible)
    return [there[index] for index in tier.placed] if max(tier.placed) < len(there) else None
