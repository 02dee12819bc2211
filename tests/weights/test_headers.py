"""Are weights counted to the byte, and broken files told?"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.weights.headers import named_shards, tensors
from tests.weights.folders import TENSORS, safetensors


def test_every_tensor_is_counted_with_its_bytes(tmp_path: Path) -> None:
    safetensors(tmp_path / "model.safetensors")
    found = tensors(tmp_path)
    assert {name: tensor.shape for name, tensor in found.items()} == TENSORS
    assert all(tensor.bytes == 2 * tensor.count for tensor in found.values())


def test_the_demo_models_are_as_large_as_their_files() -> None:
    for folder in (Path(__file__).parents[2] / "models" / "demo").glob("*/"):
        held = sum(tensor.bytes for tensor in tensors(folder).values())
        size = (folder / "model.safetensors").stat().st_size
        assert 0 < size - held < 64 * 1024, "a header"


def test_an_index_names_the_files(tmp_path: Path) -> None:
    for name in ("a.safetensors", "b.safetensors", "left-over.safetensors"):
        safetensors(tmp_path / name, {name: (2, 2)})
    index = {"weight_map": {"x": "b.safetensors", "y": "a.safetensors", "z": "a.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert named_shards(tmp_path) == ("a.safetensors", "b.safetensors")
    assert set(tensors(tmp_path)) == {"a.safetensors", "b.safetensors"}


@pytest.mark.parametrize("index", ["[", "{}", '{"weight_map": {"x": "../y"}}', '{"weight_map": 3}'])
def test_an_index_that_is_none_is_named(tmp_path: Path, index: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ConfigError, match="is no index of weights"):
        named_shards(tmp_path)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_safetensors_are_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "model.safetensors").write_bytes(content)
    try:
        tensors(folder)
    except ConfigError as error:
        assert "model.safetensors: cannot be read as safetensors" in str(error)


def test_a_file_that_was_cut_short_within_its_header_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    safetensors(file)
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(ConfigError, match="its header is cut short"):
        tensors(tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": [float("inf")]},
        {"shape": [-1]},
        {"shape": [10**9, 10**9]},
        {"shape": 3},
        {"shape": ["2"]},
        {"data_offsets": [-4, 4]},
        {"data_offsets": [8, 8.0]},
        {"data_offsets": [12, 8]},
        {"data_offsets": [0]},
        {"dtype": None, "data_offsets": None},
    ],
)
def test_a_tensor_that_cannot_be_is_one_line(tmp_path: Path, changed: dict[str, object]) -> None:
    told = {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8], **changed}
    header = json.dumps({"x": told}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(8)
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ConfigError, match=r"cannot be read as safetensors \(.+\); fetch it again"):
        tensors(tmp_path)


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets"]), odd) | odd)
def test_whatever_a_header_says_it_is_read_or_told_in_one_line(told: object) -> None:
    header = json.dumps({"x": told}).encode()
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "model.safetensors"
        file.write_bytes(len(header).to_bytes(8, "little") + header)
        try:
            assert all(tensor.bytes >= 0 for tensor in tensors(Path(place)).values())
        except ConfigError as error:
            assert len(str(error).splitlines()) == 1
