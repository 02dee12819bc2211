"""rungwise/offline/bundle.py"""

import shutil
from pathlib import Path

import pytest

from rungwise.offline.bundle import main, write_bundle
from rungwise.offline.manifest import MANIFEST, read_manifest
from rungwise.offline.plain import BundleError, sha256_of
from tests.offline.small import HERE, model, order, wheel

ROOT = Path(__file__).parents[2]


@pytest.fixture
def arguments(shelf: Path, project: Path, tmp_path: Path) -> list[str]:
    place = [f"--project={project}", f"--wheels={tmp_path / 'wheels'}", f"--to={tmp_path / 'b'}"]
    return [f"--python={HERE.python}", f"--platform={HERE.platform}", "--vllm=none", *place]


def test_the_same_input_gives_the_same_bundle(arguments: list[str], tmp_path: Path) -> None:
    assert main([*arguments, "--max-part=2KiB"]) == 0
    first = {path.name: sha256_of(path) for path in (tmp_path / "b").iterdir()}
    assert main([*arguments, "--max-part=2KiB"]) == 0
    assert {path.name: sha256_of(path) for path in (tmp_path / "b").iterdir()} == first
    assert len([name for name in first if name.startswith("part-")]) > 2


def test_what_is_carried_and_what_is_not_is_in_the_manifest(
    arguments: list[str], tmp_path: Path
) -> None:
    (tmp_path / "have").write_text("gamma==3.0\nrungwise==9\n")
    (tmp_path / "lean").write_text("# a remark\n--without\ndelta  # not needed\n")
    more = ["--have", str(tmp_path / "have"), f"@{tmp_path / 'lean'}"]
    assert main([*arguments, *more, "--models", str(model(tmp_path / "m"))]) == 0
    manifest = read_manifest(tmp_path / "b")
    assert [file.name for file in manifest.files] == [
        "models/m/config.json",
        "models/m/model.safetensors",
        "wheels/alpha-1.0-py3-none-any.whl",
        "wheels/beta-2.0-py3-none-any.whl",
        "wheels/rungwise-0.0.1-py2.py3-none-any.whl",
        "configs/box.yaml",
    ]
    assert [(one.name, one.version, one.why, one.wanted) for one in manifest.left_out] == [
        ("delta", "", "without", []),
        ("gamma", "3.0", "there", ["alpha 1.0 wants gamma[fast]>=3"]),
    ]


def test_what_breaks_a_pin_is_refused_brought_or_noted(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "have").write_text("beta==2.1\n")
    have = ["--have", str(tmp_path / "have")]
    assert main([*arguments, *have]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "b").exists()
    assert main([*arguments, *have, "--bring", "Beta"]) == 0
    assert "wheels/beta-2.0-py3-none-any.whl" in {
        f.name for f in read_manifest(tmp_path / "b").files
    }
    assert main([*arguments, *have, "--loose"]) == 0
    assert read_manifest(tmp_path / "b").broken == ["alpha 1.0 wants beta==2.0, 2.1 is there"]
    assert "note: alpha 1.0 wants beta==2.0, 2.1 is there" in capsys.readouterr().out


def test_without_room_nothing_is_written(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert main([*arguments, "--models", str(model(tmp_path / "m"))]) == 2
    assert "0.0 GB free" in capsys.readouterr().err
    assert not (tmp_path / "b").exists() and not (tmp_path / "wheels").exists()


def test_names_that_the_box_would_refuse_are_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    file = wheel(tmp_path, "alpha", "1.0")
    for other in ("models/m/W", "models/m/w/x"):
        files = {"models/m/w": file, other: file}
        with pytest.raises(BundleError, match="a file and a folder, of that name"):
            write_bundle(order(tmp_path / "b"), files, [], [], say=lambda _: None)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("size", ["60", "60MB", "0KiB", "-1MiB", "much"])
def test_a_part_has_a_size(arguments: list[str], size: str) -> None:
    assert main([*arguments, f"--max-part={size}"]) == 2


def test_a_bundle_that_broke_off_is_none(tmp_path: Path) -> None:
    files = {"wheels/alpha-1.0-py3-none-any.whl": wheel(tmp_path, "alpha", "1.0", ballast=9000)}
    write_bundle(order(tmp_path / "b"), files, [], [], say=lambda _: None)
    assert (tmp_path / "b" / MANIFEST).exists()

    def stop(line: str) -> None:
        if line.startswith("part-0002"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bundle(order(tmp_path / "b"), files, [], [], say=stop)
    assert not (tmp_path / "b" / MANIFEST).exists()


def test_the_lean_list_names_packages_and_no_engine() -> None:
    lines = (ROOT / "requirements/offline-lean.txt").read_text().splitlines()
    names = {name for line in lines for name in line.partition("#")[0].split()}
    assert "--without" in names and not names & {"vllm", "torch", "transformers"}
