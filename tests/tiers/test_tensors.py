"""Is a safetensors file read as the format's own library wrote it?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from rungwise.tiers.tensors import Tensor, tensors_in


def test_every_tensor_is_told_with_its_shape_and_bytes(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    held = {"a": np.zeros((2, 3), np.float16), "b": np.zeros((), np.float32)}
    save_file(held, file, metadata={"format": "pt"})
    assert tensors_in(file) == {
        "a": Tensor(dtype="F16", shape=(2, 3), bytes=12),
        "b": Tensor(dtype="F32", shape=(), bytes=4),
    }


@pytest.mark.parametrize("change", [lambda held: held[:-1], lambda held: held + b"\0"])
def test_a_file_that_is_not_as_long_as_it_says_is_refused(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "model.safetensors"
    save_file({"a": np.zeros(4, np.float32)}, file)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(ValueError, match="cut short, or more than it tells"):
        tensors_in(file)
