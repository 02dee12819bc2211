"""What is in a model's folder? Its shape by config.json, its size by the files' own headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rungwise.errors import ConfigError
from rungwise.tiers.shape import Shape
from rungwise.tiers.tensors import Tensor
from rungwise.weights.attention import attention, head_size, whole
from rungwise.weights.headers import tensors

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
    model_type: str
    """As config.json has it; empty where it does not."""


def read_config(folder: Path) -> Mapping[str, Any]:
    """Its config.json. Raises ConfigError with one line."""
    file = folder / "config.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
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
    try:
        context = whole(text, "max_position_embeddings")
    except (KeyError, ValueError):
        context = None
    return Folder(
        shape=read_shape(config, held),
        context=context,
        stored=str(method) if method else next(iter(kinds)) if len(kinds) == 1 else None,
        exact=sum(tensor.bytes for tensor in held.values()) or None,
        model_type=str(config.get("model_type") or ""),
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
        vocabulary, hidden = whole(text, "vocab_size"), whole(text, "hidden_size")
        return Shape(
            parameters=sum(t.count for t in held.values()) or _guessed(text),
            embedding=embedding or vocabulary * hidden,
            towers=towers,
            hidden=hidden,
            intermediate=whole(text, "intermediate_size"),
            heads=whole(text, "num_attention_heads"),
            vocabulary=vocabulary,
            attention=attention(text),
        )
    except (KeyError, TypeError, ValueError, ValidationError):
        return None


def _guessed(text: Mapping[str, Any]) -> int:
    """The parameters of a Llama or a Qwen by their sizes, where there are no weights to count."""
    hidden, heads = whole(text, "hidden_size"), whole(text, "num_attention_heads")
    kv_heads = whole(text, "num_key_value_heads", heads)
    dealt = 2 * hidden * head_size(text) * (heads + kv_heads)
    ends = 1 if text.get(_TIED, True) else 2
    layer = dealt + 3 * hidden * whole(text, "intermediate_size")
    return whole(text, "num_hidden_layers") * layer + ends * hidden * whole(text, "vocab_size")
