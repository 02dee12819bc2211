"""How is a file of learned numbers read? Strictly: what is odd in it is named, and nothing is run.

Tables are base64 of little-endian numbers in JSON: never a pickle.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from rungwise.errors import ConfigError

__all__ = ["MOST_BYTES", "Part", "packed", "read_artefact", "unpacked"]

MOST_BYTES = 16 * 2**20
"""A file that is larger is not read."""

Kind = Literal["<u2", "<f2", "<f4"]


class Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


T = TypeVar("T", bound=Part)


def read_artefact(path: Path, kind: type[T], *, mend: str) -> tuple[T, str]:
    """The document, and a short name for it: the file's own with a digest of its bytes.

    Raises ConfigError of one line: the file, the place in it, what is wrong, and the mend.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {mend}") from None
    if len(raw) > MOST_BYTES:
        raise ConfigError(f"{path}: larger than {MOST_BYTES >> 20} MiB; {mend}")
    try:
        found = kind.model_validate_json(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_fault(error)}; {mend}") from None
    return found, f"{path.stem}@{sha256(raw).hexdigest()[:8]}"


def packed(array: NDArray[Any], kind: Kind) -> str:
    return base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()


def unpacked(told: str, kind: Kind, *, columns: int = 1) -> NDArray[np.float32]:
    """[rows, columns], read-only. Raises ValueError for what `packed` did not write, and for
    numbers that are not finite."""
    try:
        raw = base64.b64decode(told, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if len(raw) % (columns * np.dtype(kind).itemsize):
        raise ValueError(f"not whole rows of {columns}")
    found = np.frombuffer(raw, kind).astype(np.float32).reshape(-1, columns)
    if not np.isfinite(found).all():
        raise ValueError("not a finite number")
    found.setflags(write=False)
    return found


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    told = "no such key" if fault["type"] == "extra_forbidden" else fault["msg"]
    return f"{place}: {told}" if place else told
