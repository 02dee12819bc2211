"""Do the engines of a configuration fit into the memory of a machine without a GPU?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rungwise.config import VllmTierConfig
from rungwise.observe.doctor import Finding
from rungwise.weights.asked import Asked, asked
from rungwise.weights.memory import GIB
from rungwise.weights.recommending import CPU_BESIDE

__all__ = ["on_cpu"]


def on_cpu(engines: Sequence[VllmTierConfig], memory: float) -> Iterator[Finding]:
    """`memory` is all that the machine has, in bytes: what is free of it now may be more later."""
    known = [found for tier in engines if (found := asked(tier)) is not None]
    for one in known:
        yield from _cache(one)
    takes = sum(_takes(one) for one in known)
    if takes > memory:
        names = " and ".join(one.tier.name for one in known)
        sure = takes - sum(one.fit(0, 0, CPU_BESIDE).margin for one in known) > memory
        yield Finding(
            state="lack" if sure else "note",
            what="memory",
            found=f"{names} take about {takes / GIB:.1f} GiB, and this machine has "
            f"{memory / GIB:.1f}, and no GPU",
            mend="take a smaller model (`rungwise doctor --fit` names those that fit), or a GPU",
        )


def _takes(one: Asked) -> int:
    fit = one.fit(0, 0, CPU_BESIDE)
    return fit.weights + fit.overhead + (one.pool or fit.full)


def _cache(one: Asked) -> Iterator[Finding]:
    """Of the size that was set: exact, but for layers that look back a window only."""
    fit = one.fit(0, 0, CPU_BESIDE)
    windows = any(layers.window is not None for layers in one.shape.attention)
    if one.pool is None or one.pool >= fit.full or windows:
        return
    held = max(16, one.context * one.pool // fit.full // 128 * 128)
    yield Finding(
        state="lack",
        what=f"{one.tier.name}: max_model_len",
        found=f"{one.context:,} tokens need {fit.full / GIB:.2f} GiB of KV cache, and kv_cache_gib "
        f"is {one.pool / GIB:.2f}",
        mend=f"set engine.max_model_len to {held:,} or less, or a larger engine.kv_cache_gib",
    )
