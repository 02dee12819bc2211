"""Which tensors does a safetensors file hold? Its header says; no weights are read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

__all__ = ["Tensor", "tensors_in"]

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


def tensors_in(file: Path) -> dict[str, Tensor]:
    """By name: 8 bytes of length, little-endian, then as much JSON, then the tensors. Raises
    OSError, or ValueError with a few words where the file is not whole."""
    with file.open("rb") as opened:
        length, size = int.from_bytes(opened.read(8), "little"), file.stat().st_size
        if not 2 <= length <= min(LONGEST, size - 8):
            raise ValueError("its header is cut short")
        try:
            told = json.loads(opened.read(length))
        except (ValueError, RecursionError):
            raise ValueError("its header is no JSON") from None
    if not isinstance(told, dict):
        raise ValueError("its header names no tensors")
    found: dict[str, Tensor] = {}
    end = 0
    for name, row in told.items():
        if name != "__metadata__":
            found[name], ended = _tensor(row)
            end = max(end, ended)
    if 8 + length + end != size:
        raise ValueError(_CUT)
    return found


_CUT = "its weights are cut short, or more than it tells"


def _tensor(row: object) -> tuple[Tensor, int]:
    """With the place of its end behind the header."""
    shape, offsets = _sizes(row, "shape"), _sizes(row, "data_offsets")
    if len(offsets) != 2:
        raise ValueError(_CUT)
    held = offsets[1] - offsets[0]
    if held < 0 or prod(shape) > 8 * held:  # a number has a bit at least
        raise ValueError("a tensor holds fewer bytes than its shape needs")
    if not isinstance(row, dict) or "dtype" not in row:
        raise ValueError("a tensor's dtype is not told")
    return Tensor(dtype=str(row["dtype"]), shape=shape, bytes=held), offsets[1]


def _sizes(row: object, key: str) -> tuple[int, ...]:
    told = row.get(key) if isinstance(row, dict) else None
    if not isinstance(told, list) or any(type(size) is not int or size < 0 for size in told):
        raise ValueError(f"a tensor's {key} is no list of sizes")
    return tuple(told)
