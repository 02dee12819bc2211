"""A LoRA adapter for a model in a folder, in peft's layout, of random numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

__all__ = ["MODULES", "make_adapter"]

MODULES = ("q_proj", "v_proj", "up_proj", "down_proj")


def make_adapter(
    folder: Path,
    model: Path,
    *,
    rank: int = 4,
    size: float = 1.0,
    modules: tuple[str, ...] = MODULES,
    **told: Any,
) -> Path:
    """`size` is the standard deviation of B, in which an untrained adapter holds zeros; `told`
    goes into its configuration as it is."""
    folder.mkdir(exist_ok=True)
    config = {
        "peft_type": "LORA",
        "r": rank,
        "lora_alpha": rank,
        "target_modules": list(modules),
        "base_model_name_or_path": "anything/at-all",
    }
    (folder / "adapter_config.json").write_text(json.dumps({**config, **told}))
    random, tensors = np.random.default_rng(7), {}
    with safe_open(model / "model.safetensors", framework="np") as weights:
        names = weights.keys()
        for name in names:
            module = name.removesuffix(".weight")
            if module.rpartition(".")[2] not in modules:
                continue
            out, into = weights.get_slice(name).get_shape()
            prefix = f"base_model.model.{module}"
            tensors[f"{prefix}.lora_A.weight"] = random.normal(0, into**-0.5, (rank, into))
            tensors[f"{prefix}.lora_B.weight"] = random.normal(0, size, (out, rank))
    save_file(
        {name: value.astype(np.float32) for name, value in tensors.items()},
        folder / "adapter_model.safetensors",
    )
    return folder
