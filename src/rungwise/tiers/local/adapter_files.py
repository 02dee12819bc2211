"""Is this folder a LoRA adapter, as vLLM can serve it, and does it fit the model it is for?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rungwise.config import AdapterTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.tensors import tensors_in

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
    highest = max(_ranks(tier, told))
    for name in ("use_dora", "modules_to_save", "lora_bias", "layer_replication"):
        if told.get(name):
            raise ConfigError(
                f"{_place(tier)}: {CONFIG} says {name}: {_shown(told[name])}, which vLLM does not "
                "serve; train it without, or merge it into its model"
            )
    _matrices(tier)
    return highest


def _ranks(tier: AdapterTierConfig, told: Mapping[str, Any]) -> list[int]:
    patterns = told.get("rank_pattern") or {}
    if not isinstance(patterns, dict):
        raise ConfigError(
            f"{_place(tier)}: {CONFIG} says rank_pattern: {_shown(patterns)}, and not a rank for "
            "each module; fetch the adapter again"
        )
    ranks = [told.get("r"), *patterns.values()]
    if any(type(rank) is not int or not 1 <= rank <= HIGHEST_RANK for rank in ranks):
        raise ConfigError(
            f"{_place(tier)}: a rank of {_shown(ranks[0] if len(ranks) == 1 else ranks)} in "
            f"{CONFIG}; vLLM serves 1 to {HIGHEST_RANK}: train it with one of those"
        )
    return ranks


def check_fit(tier: AdapterTierConfig, base: str) -> None:
    """Raises ConfigError where the adapter's matrices are plainly not of its base's shapes.

    Told where the base is in a folder, too, and not quantised there; else vLLM has to find out.
    """
    shapes = _shapes_of_model(Path(base).expanduser())
    for name, shape in _matrices(tier).items():
        side = 1 if name.endswith(_DOWN) else 0
        module = name.removeprefix(_PREFIX).removesuffix(_DOWN).removesuffix(_UP)
        wanted = shapes.get(f"{module}.weight")
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
    except (OSError, ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise ConfigError(f"{_place(tier)}: {file} cannot be read; fetch the adapter again")
    return told


def _shapes_of_model(folder: Path) -> Mapping[str, tuple[int, ...]]:
    """Of each tensor; nothing where it is no folder, or its tensors are packed."""
    try:
        told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(told, dict) or told.get("quantization_config"):
        return {}
    found: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with suppress(OSError, ValueError):  # the model's own check tells of it
            found |= {name: tensor.shape for name, tensor in tensors_in(file).items()}
    return found


def _matrices(tier: AdapterTierConfig) -> Mapping[str, tuple[int, ...]]:
    """The shape of each. Raises ConfigError where the file is not whole."""
    file = _folder(tier) / WEIGHTS
    try:
        found = tensors_in(file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{_place(tier)}: {file} cannot be read as safetensors ({error}); fetch the adapter "
            "again"
        ) from None
    if not found:
        raise ConfigError(f"{_place(tier)}: {file} holds no weights; fetch the adapter again")
    return {name: tensor.shape for name, tensor in found.items()}


def _shown(told: object) -> str:
    return f"{told!r:.80}"
