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
        "qwen3-8b": {  # as published: 8.2 billion parameters, 144 KiB of KV cache for each token
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
    }
)
"""What of a small model's configuration each of them overrides."""


def make(shape: str, small: Path, folder: Path) -> Path:
    """A folder for vLLM's `load_format: dummy`: the small model's tokenizer, and no weights."""
    folder.mkdir()
    for file in small.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    config = json.loads((small / "config.json").read_text())
    config |= SHAPES[shape]
    (folder / "config.json").write_text(json.dumps(config))
    _widen(folder, int(config["vocab_size"]), int(config["max_position_embeddings"]))
    return folder


def _widen(folder: Path, size: int, context: int) -> None:
    """Give every token id of the model a text: those that the tokenizer lacks are words that it
    never reads and can only write."""
    file = folder / "tokenizer.json"
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    if len(vocabulary) >= size:
        return
    for i in range(len(vocabulary), size):
        vocabulary[f"Ġ{_word(i)}"] = i  # a byte-level tokenizer's space
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    told = folder / "tokenizer_config.json"
    told.write_text(json.dumps({**json.loads(told.read_text()), "model_max_length": context}))


def _word(i: int) -> str:
    """Four letters and a mark that no word of the tokenizer's own has."""
    letters = "".join(chr(ord("a") + i // 26**k % 26) for k in range(4))
    return f"{letters}~"
