"""A model's folder that is as small as can be: true headers, and weights of zeros."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 8,
    "intermediate_size": 16,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "vocab_size": 10,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}
SIZES = {"BF16": 2, "F32": 4, "F8_E4M3": 1, "I32": 4}
TENSORS: Mapping[str, Sequence[int]] = {
    "model.embed_tokens.weight": (10, 8),
    "model.layers.0.mlp.up_proj.weight": (16, 8),
    "lm_head.weight": (10, 8),
}


def safetensors(
    file: Path, shapes: Mapping[str, Sequence[int]] = TENSORS, dtype: str = "BF16"
) -> None:
    at, header = 0, {}
    for name, shape in shapes.items():
        count = SIZES[dtype]
        for side in shape:
            count *= side
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + count]}
        at += count
    told = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    file.write_bytes(len(told).to_bytes(8, "little") + told + bytes(at))


def folder(path: Path, dtype: str = "BF16", **config: object) -> Path:
    """Whole: config.json, a tokenizer, weights."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (path / "tokenizer.json").write_text("{}")
    safetensors(path / "model.safetensors", dtype=dtype)
    return path
