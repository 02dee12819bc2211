"""Is a folder that is not whole, not harmless, or not as it was fetched told in one line?"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from rungwise.weights.sound import MANIFEST, altered, faults
from tests.weights.folders import folder


def line(path: Path, *, weights: bool = True) -> str:
    (found,) = faults(path, weights=weights)
    return "; ".join(found)


def manifest(path: Path) -> Path:
    files = {
        file.name: {
            "size": file.stat().st_size,
            "sha256": sha256(file.read_bytes()).hexdigest(),
        }
        for file in path.iterdir()
    }
    told = {"repository": "a/b", "revision": "0" * 40, "files": files}
    (path / MANIFEST).write_text(json.dumps(told))
    return path


def test_a_whole_folder_has_no_fault(tmp_path: Path) -> None:
    assert list(faults(folder(tmp_path / "m"))) == []
    assert list(faults(manifest(folder(tmp_path / "m")))) == []
    assert list(altered(tmp_path / "m")) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert line(tmp_path / "m") == (
        f"{tmp_path}/m holds no config.json; correct tiers[].model or fetch the model"
    )


def test_a_revision_without_its_tokenizer(tmp_path: Path) -> None:
    model = folder(tmp_path / "m")
    (model / "tokenizer.json").unlink()
    assert "holds no tokenizer; fetch the whole revision" in line(model)


def test_weights_that_are_missing_pickled_or_half_there(tmp_path: Path) -> None:
    model = folder(tmp_path / "m")
    (model / "model.safetensors").unlink()
    assert "holds no *.safetensors" in line(model)
    assert list(faults(model, weights=False)) == [], "random weights need none"
    (model / "pytorch_model.bin").write_bytes(b"")
    assert "pickles only, which can run code; take a revision with *.safetensors" in line(model)
    index = {"weight_map": {"x": "a.safetensors", "y": "b.safetensors", "z": "c.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    (model / "b.safetensors").write_bytes(b"")
    assert "lacks a.safetensors and 1 more" in line(model)


def test_code_that_comes_with_a_model_is_refused(tmp_path: Path) -> None:
    model = folder(tmp_path / "m", auto_map={"AutoModelForCausalLM": "modeling.Model"})
    assert "(auto_map); it is never run" in line(model)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_config_that_is_none(tmp_path: Path, text: str) -> None:
    (folder(tmp_path / "m") / "config.json").write_text(text)
    assert "fetch the model again" in line(tmp_path / "m")


def test_a_file_of_another_size_than_was_fetched(tmp_path: Path) -> None:
    model = manifest(folder(tmp_path / "m"))
    with (model / "tokenizer.json").open("a") as file:
        file.write(" ")
    assert "tokenizer.json holds 3 bytes, and rungwise.json says 2; fetch it again" in line(model)
    (model / "tokenizer.json").unlink()
    assert any("is missing, and rungwise.json names it" in told for told, _ in faults(model))


def test_a_file_with_other_bytes_than_were_fetched(tmp_path: Path) -> None:
    model = manifest(folder(tmp_path / "m"))
    with (model / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")
    assert list(faults(model)) == [], "as long as before"
    ((told, mend),) = altered(model)
    assert told == f"{model}/model.safetensors has not the hash that was fetched"
    assert "rungwise models fetch" in mend


def test_without_a_manifest_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    ((told, _),) = altered(folder(tmp_path / "m"))
    assert "no hash to compare with" in told


@pytest.mark.parametrize(
    "text",
    ["{", "{}", '{"files": 3}', '{"files": {"../x": {"size": 1, "sha256": ""}}}'],
)
def test_a_manifest_that_is_none_is_a_fault(tmp_path: Path, text: str) -> None:
    model = folder(tmp_path / "m")
    (model / MANIFEST).write_text(text)
    assert "is no manifest of a model" in line(model)
    assert [told for told, _ in altered(model)] == [
        f"{model}/rungwise.json: is no manifest of a model"
    ]
