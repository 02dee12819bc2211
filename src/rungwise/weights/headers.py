"""What do the weights of a folder take? Their safetensors headers say it to the byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.tiers.tensors import Tensor, tensors_in

__all__ = ["INDEX", "named_shards", "tensors"]

INDEX = "model.safetensors.index.json"


def named_shards(folder: Path) -> tuple[str, ...]:
    """The files that hold the weights: those that the index names, or all there are. Raises
    ConfigError where the index cannot be read."""
    index = folder / INDEX
    if not index.is_file():
        return tuple(sorted(file.name for file in folder.glob("*.safetensors")))
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if not all(isinstance(name, str) and Path(name).name == name for name in names):
            raise ValueError("a name of a file is not one")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{index}: is no index of weights ({error}); fetch it again") from None
    return tuple(sorted(names))


def tensors(folder: Path) -> Mapping[str, Tensor]:
    """Every tensor of the folder, by name; the weights themselves are not read. Raises
    ConfigError."""
    found: dict[str, Tensor] = {}
    for name in named_shards(folder):
        try:
            found |= tensors_in(folder / name)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{folder / name}: cannot be read as safetensors ({error}); fetch it again"
            ) from None
    return found
