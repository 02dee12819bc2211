"""How large is the model whose speed is measured? A published shape, its weights made up.

Random weights write nonsense, at the speed, memory and energy of real ones.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["SHAPES", "make"]

SHAPES: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "llama-85m": {
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "intermediate_size": 2048,
            "num_attention_heads": 12,
            "num_key_value_heads": 12,
            "head_dim": 64,
        },
        "qwen3-8b": {  # 8.2 billion parameters, 144 KiB of KV cache for each token
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_size": 4096,
            "num_hidden_layers": 36,
            "intermediate_size": 12_288,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 40_960,
            "rope_parameters": {"rope_theta": 1_000_000.0, "rope_type": "default"},
            "tie_word_embeddings": False,
            "vocab_size": 151_936,
        },
        "llama-3.1-8b": {  # 8.0 billion parameters, 128 KiB of KV cache for each token
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": 4096,
            "num_hidden_layers": 32,
            "intermediate_size": 14_336,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "max_position_embeddings": 131_072,
            "rms_norm_eps": 1e-5,
            "rope_parameters": {
                "rope_theta": 500_000.0,
                "rope_type": "llama3",
                "factor": 8.0,
                "high_freq_factor": 4.0,
                "low_freq_factor": 1.0,
                "original_max_position_embeddings": 8192,
            },
            "tie_word_embeddings": False,
            "vocab_size": 128_256,
        },
        "gemma-3-4b": {  # text only: 3.9 billion parameters; of six layers five see 1,024 tokens
            "architectures": ["Gemma3ForCausalLM"],
            "model_type": "gemma3_text",
            "hidden_size": 2560,
            "num_hidden_layers": 34,
            "intermediate_size": 10_240,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 256,
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": 256,
            "sliding_window": 1024,
            "layer_types": [
                "full_attention" if (layer + 1) % 6 == 0 else "sliding_attention"
                for layer in range(34)
            ],
            "max_position_embeddings": 131_072,
            "rope_parameters": {
                "full_attention": {
                    "rope_theta": 1_000_000.0,
                    "rope_type": "linear",
                    "factor": 8.0,
                },
                "sliding_attention": {"rope_theta": 10_000.0, "rope_type": "default"},
            },
            "tie_word_embeddings": True,
            "vocab_size": 262_208,
        },
    }
)
"""What of a small model's configuration each of them overrides. From config.json on the hub:
Qwen/Qwen3-8B, meta-llama/Llama-3.1-8B-Instruct, google/gemma-3-4b-it (its `text_config`); layers
and rotary embeddings are written as transformers 5 writes them."""

_TINY: Mapping[str, object] = MappingProxyType(
    {
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
    }
)


def make(shape: str, small: Path, folder: Path, *, tiny: bool = False) -> Path:
    """A folder for vLLM's `load_format: dummy`: the small model's tokenizer, and no weights.

    `tiny` keeps the architecture and takes its size away: two layers, one of each kind where there
    are two, and no more tokens than the small model has. It starts where the shape would not.
    """
    folder.mkdir()
    for file in small.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    config = json.loads((small / "config.json").read_text())
    size, context = config["vocab_size"], config["max_position_embeddings"]
    config |= SHAPES[shape]
    if tiny:
        config |= {**_TINY, "vocab_size": size}
        if "layer_types" in config:
            config["layer_types"] = ["sliding_attention", "full_attention"]
    (folder / "config.json").write_text(json.dumps(config))
    if config["vocab_size"] > size:
        _widen(folder, int(config["vocab_size"]))
    if config["max_position_embeddings"] != context:
        _lengthen(folder, int(config["max_position_embeddings"]))
    return folder


def _widen(folder: Path, size: int) -> None:
    """Give every token id of the model a text: those that the tokenizer lacks are words that it
    never reads and can only write."""
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    for i in range(len(vocabulary), size):
        vocabulary[f"Ġ{_word(i)}"] = i  # a byte-level tokenizer's space
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


def _lengthen(folder: Path, context: int) -> None:
    file = folder / "tokenizer_config.json"
    told = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**told, "model_max_length": context}), encoding="utf-8")


def _word(i: int) -> str:
    """Four letters and a mark that no word of the tokenizer's own has."""
    letters = "".join(chr(ord("a") + i // 26**k % 26) for k in range(4))
    return f"{letters}~"
