"""What is in a model's folder? Its shape by config.json, its size by the files' own headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rungwise.errors import ConfigError
from rungwise.tiers.shape import Attention, Shape
from rungwise.weights.headers import Tensor, tensors

__all__ = ["Folder", "read_config", "read_folder", "read_shape"]

GEMMA_3 = {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
USUAL: Mapping[str, Mapping[str, Any]] = {
    "gemma3_text": {**GEMMA_3, "vocab_size": 262_208, "max_position_embeddings": 131_072}
}
"""What a published config.json leaves to the defaults of its architecture (transformers)."""
TOWERS = ("vision", "audio", "multi_modal", "embed_vision", "embed_audio")
_NAMES = {"BF16": "bf16", "F16": "bf16", "F32": "fp32", "F8_E4M3": "fp8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    shape: Shape | None
    """None where its architecture is one of which nothing is claimed."""
    context: int | None
    stored: str | None
    exact: int | None
    """The bytes that vLLM holds of it; None without weights."""


def read_config(folder: Path) -> Mapping[str, Any]:
    """Its config.json. Raises ConfigError with one line."""
    file = folder / "config.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ConfigError(f"{file}: cannot be read as JSON; fetch the model again") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: holds no keys and values; fetch the model again")
    return found


def read_folder(folder: Path) -> Folder:
    """Raises ConfigError where config.json or a header cannot be read."""
    config = read_config(folder)
    text = _text(config)
    held = _held(tensors(folder), bool(config.get("tie_word_embeddings", text.get(_TIED, True))))
    quantised = config.get("quantization_config") or text.get("quantization_config") or {}
    kinds = {_NAMES.get(tensor.dtype, tensor.dtype) for tensor in held.values()}
    method = quantised.get("quant_method") if isinstance(quantised, dict) else None
    context = text.get("max_position_embeddings")
    return Folder(
        shape=read_shape(config, held),
        context=context if isinstance(context, int) else None,
        stored=str(method) if method else next(iter(kinds)) if len(kinds) == 1 else None,
        exact=sum(tensor.bytes for tensor in held.values()) or None,
    )


_TIED = "tie_word_embeddings"


def _held(found: Mapping[str, Tensor], tied: bool) -> Mapping[str, Tensor]:
    """Without an output embedding that is the input's: vLLM does not load it twice."""
    return {n: t for n, t in found.items() if not (tied and n.startswith("lm_head."))}


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a multimodal config.json that tells of the language model."""
    nested = config.get("text_config")
    text = nested if isinstance(nested, dict) else config
    return {**USUAL.get(str(text.get("model_type")), {}), **text}


def read_shape(config: Mapping[str, Any], held: Mapping[str, Tensor]) -> Shape | None:
    """None for architectures whose cache is not one of keys and values, or that say too little."""
    text = _text(config)
    embedding = sum(t.count for n, t in held.items() if "embed_tokens" in n or "lm_head" in n)
    towers = sum(
        t.count for n, t in held.items() if any(word in n for word in TOWERS) and "lm_head" not in n
    )
    try:
        vocabulary, hidden = text["vocab_size"], text["hidden_size"]
        return Shape(
            parameters=sum(t.count for t in held.values()) or _guessed(text),
            embedding=embedding or vocabulary * hidden,
            towers=towers,
            hidden=hidden,
            intermediate=text["intermediate_size"],
            heads=text["num_attention_heads"],
            vocabulary=vocabulary,
            attention=_attention(text),
        )
    except (KeyError, TypeError, ValueError, ValidationError):
        return None


def _guessed(text: Mapping[str, Any]) -> int:
    """The parameters of a Llama or a Qwen by their sizes, where there are no weights to count."""
    hidden, heads = text["hidden_size"], text["num_attention_heads"]
    size = text.get("head_dim") or hidden // heads
    kv_heads = text.get("num_key_value_heads") or heads
    attention = 2 * hidden * size * (heads + kv_heads)
    ends = 1 if text.get(_TIED, True) else 2
    layer = attention + 3 * hidden * text["intermediate_size"]
    return int(text["num_hidden_layers"] * layer + ends * hidden * text["vocab_size"])


def _attention(text: Mapping[str, Any]) -> tuple[Attention, ...]:
    """Layers with a window and layers without; those that share another's cache hold none.

    Raises ValueError where a layer keeps something else than keys and values.
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
    layers = text["num_hidden_layers"]
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
    heads = text["num_attention_heads"]
    kv_heads = text.get("num_key_value_heads") or heads
    size = text.get("head_dim") or text["hidden_size"] // heads
    if not windowed:  # Gemma 4 looks back at everything with other heads
        size = text.get("global_head_dim") or size
        kv_heads = text.get("num_global_key_value_heads") or kv_heads
    window = text["sliding_window"] if windowed else None
    return Attention(layers=layers, kv_heads=kv_heads, head_size=size, window=window)
