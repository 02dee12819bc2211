"""rungwise/offline/folders.py"""

from pathlib import Path

import pytest

from rungwise.offline.folders import configs_of, model_files
from rungwise.offline.plain import BundleError
from tests.offline.small import model

ROOT = Path(__file__).parents[2]


def test_a_model_of_the_demo_is_carried_whole() -> None:
    names = set(model_files([ROOT / "models/demo/bottom"]))
    assert {"models/bottom/config.json", "models/bottom/model.safetensors"} <= names


@pytest.mark.parametrize("name", ["pytorch_model.bin", "sub/consolidated.00.pth", "x.pkl"])
def test_a_pickle_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "m")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match=f"{name}: may run code"):
        model_files([folder])


@pytest.mark.parametrize("name", ["modeling_own.py", "kernel.so", "run.sh"])
def test_code_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (model(tmp_path / "m") / name).write_bytes(b"")
    with pytest.raises(BundleError, match=f"{name}: is neither weights nor"):
        model_files([tmp_path / "m"])


def test_a_link_is_refused_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    (folder / ".cache").mkdir()
    (folder / ".gitattributes").write_text("")
    assert set(model_files([folder])) == {"models/m/config.json", "models/m/model.safetensors"}
    (folder / "vocab.json").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match=r"vocab\.json: a link"):
        model_files([folder])


def test_a_folder_that_is_no_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no folder"):
        model_files([tmp_path / "none"])
    folder = model(tmp_path / "m")
    (folder / "config.json").unlink()
    with pytest.raises(BundleError, match=r"no config\.json"):
        model_files([folder])
    (folder / "model.safetensors").unlink()
    with pytest.raises(BundleError, match=r"no \*\.safetensors"):
        model_files([folder])


@pytest.mark.parametrize("name", ["x.half/vocab.json", "a.unfinished/vocab.json"])
def test_what_is_called_as_what_is_being_written_is_refused(tmp_path: Path, name: str) -> None:
    folder = model(tmp_path / "m")
    (folder / name).parent.mkdir()
    (folder / name).write_text("{}")
    with pytest.raises(BundleError, match=f"{name}: has a name that may not be carried"):
        model_files([folder])


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="a second model folder"):
        model_files([model(tmp_path / "a" / "m"), model(tmp_path / "b" / "m")])


def test_the_configurations_of_the_project_are_carried() -> None:
    assert "configs/gpu-24g.yaml" in configs_of(ROOT)
