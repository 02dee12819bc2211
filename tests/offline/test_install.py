"""rungwise/offline/install.py and placing.py, as the one file that a bundle brings along."""

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.offline.manifest import MANIFEST, LeftOut
from rungwise.offline.placing import STAMP
from tests.offline.small import HERE, bundle, model, wheel

NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONSTRAINT": "/no/such/file"}
"""As on a box without internet, and with settings for pip that would break it."""


def install(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, folder / "install-offline", *arguments],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env={"PATH": os.environ["PATH"], **NOWHERE},
    )


def refused(folder: Path, *arguments: str | Path) -> str:
    """The one line that it ends with."""
    done = install(folder, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("install-offline: ")
    return done.stderr


def version_in(python: str | Path, path: Path | None = None) -> str:
    return subprocess.run(
        [python, "-c", "import alpha; print(alpha.VERSION)"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(path)} if path else {},
        check=True,
    ).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle of two wheels, a model and a configuration; it lies where no checkout is."""
    (tmp_path / "box.yaml").write_text("tiers: []\n")
    files = {f"models/m/{f.name}": f for f in sorted(model(tmp_path / "from" / "m").iterdir())}
    wheels = [wheel(tmp_path, "alpha", "1.0", ballast=9000), wheel(tmp_path, "beta", "2.0")]
    bundle(tmp_path / "b", wheels, files=files | {"configs/box.yaml": tmp_path / "box.yaml"})
    return tmp_path / "b"


def test_into_a_target_and_again(folder: Path, tmp_path: Path) -> None:
    done = install(folder, "--target", tmp_path / "t", "--models", tmp_path / "models")
    assert done.returncode == 0, done.stderr
    assert f"start: PYTHONPATH={tmp_path / 't'} " in done.stdout
    assert version_in(sys.executable, tmp_path / "t") == "1.0"
    assert (tmp_path / "t/rungwise-configs/box.yaml").read_text() == "tiers: []\n"
    assert (tmp_path / "t/__pycache__").is_dir(), "compiled"
    weights = "m/model.safetensors"
    assert (tmp_path / "models" / weights).read_bytes() == (
        tmp_path / "from" / weights
    ).read_bytes()
    assert not list(tmp_path.rglob("*.unfinished"))
    again = install(folder, "--target", tmp_path / "t", "--models", tmp_path / "models")
    assert again.returncode == 0 and "installed there already" in again.stdout


def test_a_newer_bundle_replaces_an_older_one(folder: Path, tmp_path: Path) -> None:
    assert install(folder, "--target", tmp_path / "t").returncode == 0
    bundle(folder, [wheel(tmp_path, "alpha", "1.1")])
    assert install(folder, "--target", tmp_path / "t").returncode == 0
    assert version_in(sys.executable, tmp_path / "t") == "1.1"
    assert not (tmp_path / "t" / "beta.py").exists()


def test_a_folder_of_somebody_elses_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "mine").write_text("mine")
    assert "is there, and not of install-offline" in refused(folder, "--target", tmp_path / "t")
    assert [path.name for path in (tmp_path / "t").iterdir()] == ["mine"]
    (tmp_path / "link").symlink_to(tmp_path / "t")
    assert "is there, and not of" in refused(folder, "--target", tmp_path / "link")


def test_a_new_venv_and_again(folder: Path, tmp_path: Path) -> None:
    done = install(folder, "--venv", tmp_path / "v")
    assert done.returncode == 0, done.stderr
    assert "it carries models too: --models DIR" in done.stdout
    assert version_in(tmp_path / "v/bin/python") == "1.0"
    again = install(folder, "--venv", tmp_path / "v")
    assert again.returncode == 0 and "installed there already" in again.stdout


def test_a_venv_that_was_left_half_done_is_done_to_its_end(folder: Path, tmp_path: Path) -> None:
    assert install(folder, "--venv", tmp_path / "v").returncode == 0
    (tmp_path / "v" / STAMP).unlink()
    (tmp_path / "v" / "rungwise-offline.unfinished").write_text("")
    module = next((tmp_path / "v").rglob("alpha.py"))
    module.write_text("half")
    assert install(folder, "--venv", tmp_path / "v").returncode == 0
    assert version_in(tmp_path / "v/bin/python") == "1.0"
    assert not (tmp_path / "v" / "rungwise-offline.unfinished").exists()


def test_a_venv_whose_upgrade_broke_off_goes_back_to_the_older_bundle(
    folder: Path, tmp_path: Path
) -> None:
    assert install(folder, "--venv", tmp_path / "v").returncode == 0
    (tmp_path / "v" / "rungwise-offline.unfinished").write_text("")
    next((tmp_path / "v").rglob("alpha.py")).write_text("half of the newer one")
    again = install(folder, "--venv", tmp_path / "v")
    assert again.returncode == 0 and "installed there already" not in again.stdout
    assert version_in(tmp_path / "v/bin/python") == "1.0"


def test_a_venv_that_was_never_made_to_its_end_is_made_anew(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "rungwise-offline.making").touch()
    (tmp_path / "v" / "half").touch()
    assert install(folder, "--venv", tmp_path / "v").returncode == 0
    assert not (tmp_path / "v" / "half").exists()


def test_a_folder_that_is_no_venv_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "mine").touch()
    assert "is there, and is no venv" in refused(folder, "--venv", tmp_path / "v")


def test_a_damaged_and_a_missing_part_are_named_and_nothing_is_installed(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "part-0002").write_bytes(b"\0" * 2000)
    (folder / "part-0004").unlink()
    line = refused(folder, "--target", tmp_path / "t")
    assert "part-0002: damaged" in line and "part-0004: missing" in line
    assert "part-0002: damaged" in refused(folder, "--check")
    assert "part-0002: damaged" in refused(folder, "--venv", tmp_path / "v")
    assert "part-0002: damaged" in refused(folder, "--models", tmp_path / "models")
    assert not any((tmp_path / name).exists() for name in ("t", "v", "models", "t.unfinished"))


def test_a_file_that_is_not_what_the_manifest_says_is_not_installed(
    folder: Path, tmp_path: Path
) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    beta = next(file for file in told["files"] if "beta" in file["name"])
    beta["sha256"] = "0" * 64
    (folder / MANIFEST).write_text(json.dumps(told))
    assert "beta-2.0" in refused(folder, "--target", tmp_path / "t")
    assert not (tmp_path / "t").exists() and not (tmp_path / "t.unfinished").exists()


def test_check_writes_nothing(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")}
    done = install(folder, "--check")
    assert done.returncode == 0 and "all parts are here and whole" in done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.parent.rglob("*")} == before


def test_another_python_and_another_platform_are_one_line(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, "alpha", "1.0")]
    bundle(tmp_path / "b", wheels, aim=replace(HERE, python="3.99"))
    assert "for Python 3.99" in refused(tmp_path / "b", "--target", tmp_path / "t")
    other = "aarch64" if HERE.platform == "x86_64" else "x86_64"
    bundle(tmp_path / "b", wheels, aim=replace(HERE, platform=other))
    assert f"for Linux on {other}" in refused(tmp_path / "b", "--target", tmp_path / "t")


def test_what_should_be_there_and_is_not_is_refused_unless_anyway(tmp_path: Path) -> None:
    gamma = LeftOut(name="gamma", version="9.9", why="there", wanted=["alpha 1.0 wants gamma==9.9"])
    bundle(tmp_path / "b", [wheel(tmp_path, "alpha", "1.0")], left_out=[gamma])
    line = refused(tmp_path / "b", "--target", tmp_path / "t")
    assert "gamma 9.9 should be here, found none (alpha 1.0 wants gamma==9.9)" in line
    assert not (tmp_path / "t").exists()
    assert "gamma 9.9" in refused(tmp_path / "b", "--venv", tmp_path / "v")
    assert not (tmp_path / "v").exists()
    done = install(tmp_path / "b", "--target", tmp_path / "t", "--anyway")
    assert done.returncode == 0 and "note: gamma 9.9" in done.stdout


def test_an_engine_that_does_not_match_the_torch_of_the_box_is_told(tmp_path: Path) -> None:
    wheels = [wheel(tmp_path, "vllm", "0.25.1", "torch==2.11.0"), wheel(tmp_path, "torch", "2.12")]
    bundle(tmp_path / "b", wheels)
    done = install(tmp_path / "b", "--target", tmp_path / "t")
    assert "installed; but vllm 0.25.1 wants torch==2.11.0, found 2.12" in done.stdout


def test_a_model_that_is_there_and_differs_is_left_alone(folder: Path, tmp_path: Path) -> None:
    model(tmp_path / "models" / "m")
    assert install(folder, "--models", tmp_path / "models").returncode == 0
    (tmp_path / "models/m/config.json").write_text('{"mine": 1}')
    line = refused(folder, "--models", tmp_path / "models")
    assert "config.json is another: move it" in line
    assert (tmp_path / "models/m/config.json").read_text() == '{"mine": 1}'


def test_a_model_that_has_more_than_the_bundles_is_left_alone(folder: Path, tmp_path: Path) -> None:
    there = model(tmp_path / "models" / "m")
    (there / ".cache").mkdir()
    (there / ".cache" / "etag").touch()
    assert install(folder, "--models", tmp_path / "models").returncode == 0, "hidden is nothing"
    (there / "sub").mkdir()
    (there / "sub" / "evil.py").touch()
    line = refused(folder, "--models", tmp_path / "models")
    assert f"{there}/sub/evil.py: is there, and the bundle has no such file: move it" in line
    (there / "sub" / "evil.py").unlink()
    (there / "more").symlink_to(tmp_path)
    assert f"{there}/more: is there" in refused(folder, "--models", tmp_path / "models")


def test_a_link_to_nothing_in_a_models_place_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m").symlink_to(tmp_path / "gone")
    line = refused(folder, "--models", tmp_path / "models")
    assert f"{tmp_path}/models/m: is there, and is no folder: move it" in line
    assert not (tmp_path / "gone").exists()


def test_what_a_killed_run_left_is_cleared_and_a_run_at_work_is_not_disturbed(
    folder: Path, tmp_path: Path
) -> None:
    left = tmp_path / "t.unfinished"
    (left / "new").mkdir(parents=True)
    handle = os.open(left, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert "another install-offline is at work" in refused(folder, "--target", tmp_path / "t")
    assert (left / "new").is_dir()
    os.close(handle)
    assert install(folder, "--target", tmp_path / "t").returncode == 0
    assert not left.exists()


def test_where_to_is_asked_for(folder: Path) -> None:
    assert "--target DIR or --venv DIR" in refused(folder)


def test_a_manifest_that_climbs_out_installs_nothing(folder: Path, tmp_path: Path) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    told["files"][0]["name"] = "models/../../escaped"
    (folder / MANIFEST).write_text(json.dumps(told))
    assert "no file may be called" in refused(folder, "--models", tmp_path / "models")
    assert not (tmp_path / "escaped").exists()
