"""Which layers of a model keep keys and values, by its config.json? With a window, and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rungwise.tiers.shape import Attention

__all__ = ["attention", "head_size", "whole"]

MOST = 100_000_000
"""Of any number there: a damaged file shall not be summed up."""
MOST_LAYERS = 10_000


def whole(text: Mapping[str, Any], name: str, instead: int | None = None) -> int:
    """From 1 on; `instead` where it is 0, null or not told. Raises ValueError or KeyError."""
    told = text.get(name) if instead is not None else text[name]
    if not told and instead is not None:
        return instead
    if type(told) is not int or not 1 <= told <= MOST:
        raise ValueError(f"{name} is no number")
    return told


def head_size(text: Mapping[str, Any]) -> int:
    heads, hidden = whole(text, "num_attention_heads"), whole(text, "hidden_size")
    return whole(text, "head_dim", max(1, hidden // heads))


def attention(text: Mapping[str, Any]) -> tuple[Attention, ...]:
    """Layers with a window and layers without; those that share another's cache hold none.

    Raises ValueError where a layer keeps something else than keys and values, KeyError or TypeError
    where too little is said.
    """
    if "kv_lora_rank" in text:
        raise ValueError("a latent cache")
    kinds = _kinds(text)
    if set(kinds) - {"full_attention", "sliding_attention"}:
        raise ValueError("a state that is no cache")
    kept = kinds[: len(kinds) - (text.get("num_kv_shared_layers") or 0)]
    found = []
    for kind in ("full_attention", "sliding_attention"):
        if layers := kept.count(kind):
            found.append(_layers(text, layers, windowed=kind == "sliding_attention"))
    return tuple(found)


def _kinds(text: Mapping[str, Any]) -> list[str]:
    layers = whole(text, "num_hidden_layers")
    if layers > MOST_LAYERS:
        raise ValueError("so many layers has no model")
    window = text.get("sliding_window") and text.get("use_sliding_window", True)
    if not window:
        return ["full_attention"] * layers
    if told := text.get("layer_types"):
        return [str(kind) for kind in told]
    gemma = str(text.get("model_type", "")).startswith(("gemma3", "gemma4"))
    every = text.get("sliding_window_pattern") or (6 if gemma else 0)  # 0: every layer has it
    full = [bool(every) and (n + 1) % every == 0 for n in range(layers)]
    return ["full_attention" if whole else "sliding_attention" for whole in full]


def _layers(text: Mapping[str, Any], layers: int, *, windowed: bool) -> Attention:
    heads, size = whole(text, "num_attention_heads"), head_size(text)
    kv_heads = whole(text, "num_key_value_heads", heads)
    if not windowed:  # Gemma 4 looks back at everything with other heads
        size = whole(text, "global_head_dim", size)
        kv_heads = whole(text, "num_global_key_value_heads", kv_heads)
    window = whole(text, "sliding_window") if windowed else None
    return Attention(layers=layers, kv_heads=kv_heads, head_size=size, window=window)
