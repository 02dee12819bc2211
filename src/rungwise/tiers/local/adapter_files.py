"""Is this folder a LoRA adapter, as vLLM can serve it, and does it fit the model it is for?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rungwise.config import AdapterTierConfig
from rungwise.errors import ConfigError

__all__ = ["WEIGHTS", "check_fit", "digest_of", "rank_of"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""As peft writes them, and vLLM looks for them."""

HIGHEST_RANK = 512
"""That vLLM has room for."""

_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"
"""Of the tensors' names: peft's, then the module's in the model, then A [r, in] or B [out, r]."""


def rank_of(tier: AdapterTierConfig) -> int:
    """The highest rank of its matrices. Raises ConfigError where vLLM could not serve it."""
    folder, told = _folder(tier), _config(tier)
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        raise ConfigError(
            f"{_place(tier)}: {folder} has its weights as a pickle, which can run code when it is "
            f"read; save them as {WEIGHTS}"
            if pickled
            else f"{_place(tier)}: no {WEIGHTS} in {folder}; put the adapter's weights there"
        )
    ranks = [told.get("r"), *(told.get("rank_pattern") or {}).values()]
    if any(not isinstance(rank, int) or not 1 <= rank <= HIGHEST_RANK for rank in ranks):
        raise ConfigError(
            f"{_place(tier)}: a rank of {ranks[0] if len(ranks) == 1 else ranks} in {CONFIG}; "
            f"vLLM serves 1 to {HIGHEST_RANK}: train it with one of those"
        )
    for name in ("use_dora", "modules_to_save", "lora_bias", "layer_replication"):
        if told.get(name):
            raise ConfigError(
                f"{_place(tier)}: {CONFIG} says {name}: {told[name]}, which vLLM does not serve; "
                "train it without, or merge it into its model"
            )
    highest: int = max(ranks)
    return highest


def check_fit(tier: AdapterTierConfig, base: str) -> None:
    """Raises ConfigError where the adapter's matrices are plainly not of its base's shapes.

    Told where the base is in a folder, too, and not quantised there; else vLLM has to find out.
    """
    shapes = _shapes_of_model(Path(base).expanduser())
    for name, found in _header(_folder(tier) / WEIGHTS).items():
        side = 1 if name.endswith(_DOWN) else 0
        module = name.removeprefix(_PREFIX).removesuffix(_DOWN).removesuffix(_UP)
        wanted, shape = shapes.get(f"{module}.weight"), _shape(found)
        if wanted is None or len(wanted) != 2 or len(shape) != 2 or not name.startswith(_PREFIX):
            continue
        if shape[side] != wanted[side] and name.endswith((_DOWN, _UP)):
            raise ConfigError(
                f"{_place(tier)}: it was trained for another model: its {module} is "
                f"{'x'.join(map(str, shape))}, and that of {tier.of} {'x'.join(map(str, wanted))}; "
                "correct `model` or `of`"
            )


def digest_of(tier: AdapterTierConfig) -> str:
    """Of its configuration and its weights, which are small; "missing" where there are none."""
    digest = hashlib.sha256()
    for name in (CONFIG, WEIGHTS):
        file = _folder(tier) / name
        if not file.is_file():
            return "missing"
        digest.update(name.encode() + b"\n")
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]


def _folder(tier: AdapterTierConfig) -> Path:
    return Path(tier.model).expanduser()


def _place(tier: AdapterTierConfig) -> str:
    return f"{tier.name}.model"


def _config(tier: AdapterTierConfig) -> Mapping[str, Any]:
    file = _folder(tier) / CONFIG
    if not file.is_file():
        raise ConfigError(
            f"{_place(tier)}: no adapter in {_folder(tier)} ({CONFIG} is missing); "
            "put a LoRA adapter there, or correct `model`"
        )
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        told = None
    if not isinstance(told, dict):
        raise ConfigError(f"{_place(tier)}: {file} cannot be read; fetch the adapter again")
    return told


def _shapes_of_model(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Of each tensor; nothing where it is no folder, or its tensors are packed."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(told, dict) or told.get("quantization_config"):
        return {}
    found = (_header(file) for file in sorted(folder.glob("*.safetensors")))
    return {name: _shape(row) for header in found for name, row in header.items()}


def _header(file: Path) -> Mapping[str, Any]:
    """What a safetensors file says of its tensors: 8 bytes of length, then so much JSON."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > file.stat().st_size:
                return {}
            told = json.loads(stream.read(length))
    except (OSError, ValueError):
        return {}
    return {name: row for name, row in told.items() if name != "__metadata__"}


def _shape(row: Any) -> tuple[int, ...]:
    return tuple(row.get("shape", ())) if isinstance(row, dict) else ()
