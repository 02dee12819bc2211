"""What do the weights of a folder take? Their safetensors headers say it to the byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from rungwise.errors import ConfigError

__all__ = ["INDEX", "Tensor", "named_shards", "tensors"]

INDEX = "model.safetensors.index.json"
LONGEST = 100_000_000
"""What the format's own reader takes as a header at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    dtype: str
    shape: tuple[int, ...]
    bytes: int

    @property
    def count(self) -> int:
        return prod(self.shape)


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
        found.update(_header(folder / name))
    return found


def _header(file: Path) -> Mapping[str, Tensor]:
    """8 bytes of length, little-endian, then as much JSON (the safetensors format)."""
    try:
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 2 <= length <= min(LONGEST, file.stat().st_size - 8):
                raise ValueError("its header is cut short")
            header = json.loads(opened.read(length))
        found = {name: told for name, told in header.items() if name != "__metadata__"}
        read = {name: _tensor(told) for name, told in found.items()}
        end = max((told["data_offsets"][1] for told in found.values()), default=0)
        if 8 + length + end != file.stat().st_size:
            raise ValueError("its weights are cut short, or more than it tells")
        return read
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(
            f"{file}: cannot be read as safetensors ({error}); fetch it again"
        ) from None


def _tensor(told: Mapping[str, Any]) -> Tensor:
    begun, ended = told["data_offsets"]
    sides = told["shape"]
    if not all(type(number) is int and number >= 0 for number in (begun, ended, *sides)):
        raise ValueError("an offset or a side of a tensor is no number")
    held = ended - begun
    if held < 0 or prod(sides) > 8 * held:  # a number has a bit at least
        raise ValueError("a tensor holds fewer bytes than its shape needs")
    return Tensor(dtype=str(told["dtype"]), shape=tuple(sides), bytes=held)
