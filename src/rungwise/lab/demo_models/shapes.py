"""How large are the demo's models, and of which family?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["NAMES", "make_model"]

NAMES = ("bottom", "middle", "top")

_COMMON: dict[str, Any] = {
    "max_position_embeddings": 2048,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
    "head_dim": 32,
    "attention_bias": False,
}


def make_model(name: str, vocabulary: int) -> PreTrainedModel:
    """A fresh model: a Llama of 0.5M parameters, a Qwen3 of 0.7M, a Gemma 3 of 1.0M."""
    from transformers import (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        LlamaConfig,
        LlamaForCausalLM,
        Qwen3Config,
        Qwen3ForCausalLM,
    )

    common = {**_COMMON, "vocab_size": vocabulary}
    if name == "bottom":
        return LlamaForCausalLM(LlamaConfig(**common, **_size(128, 2, 4, 2, 320)))
    if name == "middle":
        return Qwen3ForCausalLM(Qwen3Config(**common, **_size(128, 3, 4, 1, 384)))
    return Gemma3ForCausalLM(
        Gemma3TextConfig(
            **common,
            **_size(160, 3, 5, 1, 448),
            sliding_window=2048,
            query_pre_attn_scalar=32,
        )
    )


def _size(hidden: int, layers: int, heads: int, kv_heads: int, inner: int) -> dict[str, int]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inner,
    }
