"""Is a folder that vLLM could not serve as an adapter told before anything starts?"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters import make_adapter

from rungwise.config import AdapterTierConfig
from rungwise.errors import ConfigError
from rungwise.tiers.local.adapter_files import WEIGHTS, check_fit, digest_of, rank_of


@pytest.fixture
def folder(tmp_path: Path, demo_model: Path) -> Path:
    return make_adapter(tmp_path / "law", demo_model)


def section(folder: Path) -> AdapterTierConfig:
    return AdapterTierConfig(name="law", kind="adapter", of="tier1", model=str(folder))


def tell(folder: Path, **told: object) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **told}))


def refused(folder: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        rank_of(section(folder))
    line = str(raised.value)
    assert line.startswith("law.model: ") and "; " in line and "\n" not in line
    return line


def test_the_rank_is_the_highest_of_its_matrices(folder: Path) -> None:
    assert rank_of(section(folder)) == 4
    tell(folder, rank_pattern={"q_proj": 24})
    assert rank_of(section(folder)) == 24


def test_a_folder_that_is_no_adapter_is_named(tmp_path: Path, folder: Path) -> None:
    assert "adapter_config.json is missing" in refused(tmp_path)
    (folder / WEIGHTS).unlink()
    assert f"no {WEIGHTS}" in refused(folder)
    assert digest_of(section(folder)) == "missing"
    (folder / "adapter_config.json").write_text("[]")
    assert "cannot be read" in refused(folder)


def test_weights_in_a_pickle_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    assert "a pickle" in refused(folder)


@pytest.mark.parametrize("rank", [0, 513, "8", None])
def test_a_rank_that_vllm_has_no_room_for_is_refused(folder: Path, rank: object) -> None:
    tell(folder, r=rank)
    assert "a rank of" in refused(folder)


@pytest.mark.parametrize("key", ["use_dora", "modules_to_save", "lora_bias", "layer_replication"])
def test_what_vllm_does_not_serve_is_refused(folder: Path, key: str) -> None:
    tell(folder, **{key: ["embed_tokens"]})
    assert f"says {key}" in refused(folder)


def test_an_adapter_of_another_model_is_told_by_its_shapes(
    folder: Path, demo_model: Path, tmp_path: Path
) -> None:
    check_fit(section(folder), str(demo_model))
    other = make_adapter(tmp_path / "other", demo_model.with_name("middle"))
    with pytest.raises(ConfigError, match="trained for another model") as raised:
        check_fit(section(other), str(demo_model))
    assert "correct `model` or `of`" in str(raised.value)


def test_what_cannot_be_told_is_vllms_to_find_out(folder: Path, tmp_path: Path) -> None:
    check_fit(section(folder), "org/of-the-hub")
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "config.json").write_text(json.dumps({"quantization_config": {"bits": 4}}))
    check_fit(section(folder), str(packed))
    (packed / "config.json").write_text("{}")
    (packed / "model.safetensors").write_bytes(b"\xff" * 20)
    check_fit(section(folder), str(packed))


# ---- what is no adapter at all ---------------------------------------------------------------


@pytest.mark.parametrize("patterns", [[8], "q_proj", 8, {"q_proj": "8"}, {"q_proj": True}])
def test_ranks_that_are_none_are_refused(folder: Path, patterns: object) -> None:
    tell(folder, rank_pattern=patterns)
    assert "rank" in refused(folder)


def header(told: object, after: int = 0) -> bytes:
    text = json.dumps(told).encode()
    return len(text).to_bytes(8, "little") + text + bytes(after)


def tensor(**told: object) -> dict[str, object]:
    row = {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}
    return {"base_model.model.a.lora_A.weight": {**row, **told}}


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (b"", "its header is cut short"),
        (b"\xff" * 20, "its header is cut short"),
        (header(tensor())[:30], "its header is cut short"),
        (b"\x02" + bytes(7) + b"{[", "its header is no JSON"),
        (header([1, 2]), "its header names no tensors"),
        (header({}), "holds no weights"),
        (header({"__metadata__": {"format": "pt"}}), "holds no weights"),
        (header({"a": 5}), "shape is no list of sizes"),
        (header(tensor(shape=5), 4), "shape is no list of sizes"),
        (header(tensor(shape="ab"), 4), "shape is no list of sizes"),
        (header(tensor(shape=[1, -1]), 4), "shape is no list of sizes"),
        (header(tensor(shape=[True]), 4), "shape is no list of sizes"),
        (header(tensor(data_offsets=None), 4), "data_offsets is no list of sizes"),
        (header(tensor(data_offsets=[4]), 4), "its weights are cut short"),
        (header(tensor(), 3), "its weights are cut short"),
    ],
)
def test_weights_that_are_not_whole_are_refused(folder: Path, held: bytes, words: str) -> None:
    (folder / WEIGHTS).write_bytes(held)
    assert words in refused(folder)
    with pytest.raises(ConfigError, match="again"):
        check_fit(section(folder), "org/of-the-hub")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "r": st.integers(-1, 600) | JSON,
        "rank_pattern": st.dictionaries(st.text(max_size=3), st.integers(0, 9) | JSON) | JSON,
        "use_dora": JSON,
        "modules_to_save": JSON,
    },
)
ROW = st.fixed_dictionaries(
    {},
    optional={
        "dtype": JSON,
        "shape": st.lists(st.integers(-1, 9), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(-1, 9), max_size=3) | JSON,
    },
)
NAMES = st.sampled_from(["base_model.model.a.lora_A.weight", "a", ".lora_B.weight", "__metadata__"])


@given(
    said=SAID | JSON,
    weights=st.binary(max_size=40)
    | st.builds(header, st.dictionaries(NAMES, ROW | JSON) | JSON, st.integers(0, 9)),
)
def test_whatever_is_in_its_folder_it_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, said: object, weights: bytes
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "adapter_config.json").write_text(json.dumps(said))
    (folder / WEIGHTS).write_bytes(weights)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)  # and as the model's own
    for look in (rank_of, partial(check_fit, base=str(folder))):
        try:
            look(section(folder))
        except ConfigError as error:
            assert str(error).startswith("law.model: ") and len(str(error).splitlines()) == 1
