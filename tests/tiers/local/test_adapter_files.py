"""Is a folder that vLLM could not serve as an adapter told before anything starts?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
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
    (folder / WEIGHTS).write_bytes(b"\xff" * 20)
    check_fit(section(folder), str(packed))
