"""rungwise/offline/box.py"""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.offline.box import Box, check_box, check_room, look_at
from rungwise.offline.manifest import LeftOut, Manifest
from rungwise.offline.plain import BundleError
from tests.offline.small import wheel

BOX = Box(
    python="3.12",
    system="linux",
    machine="x86_64",
    glibc="2.35",
    engine="",
    there={"torch": "2.11.0+cu130"},
)


def manifest(*left_out: LeftOut) -> Manifest:
    return Manifest(
        format=1,
        python="3.12",
        platform="x86_64",
        glibc="2.28",
        vllm="0.25.1",
        files=[],
        parts=[],
        left_out=list(left_out),
        broken=[],
    )


def there(version: str) -> LeftOut:
    return LeftOut(
        name="torch", version=version, why="there", wanted=["vllm 0.25.1 wants torch==2.11.0"]
    )


def test_a_box_that_fits_is_worth_no_line() -> None:
    assert check_box(manifest(there("2.11.0+cu130")), BOX, anyway=False) == []


@pytest.mark.parametrize(
    ("box", "line"),
    [
        (replace(BOX, python="3.11"), "for Python 3.12, this is 3.11: run it with python3.12"),
        (replace(BOX, machine="aarch64"), "for Linux on x86_64, this is linux on aarch64"),
        (replace(BOX, system="darwin"), "this is darwin"),
        (replace(BOX, glibc="2.17"), "needs glibc 2.28, here is 2.17"),
        (replace(BOX, glibc=""), "here is another C library"),
    ],
)
def test_a_box_that_does_not_fit_is_refused_with_the_mend(box: Box, line: str) -> None:
    with pytest.raises(BundleError, match=line):
        check_box(manifest(), box, anyway=True)


def test_a_torch_that_does_not_match_is_one_line_with_both_versions_and_who_wants_it() -> None:
    wanted = r"torch 2\.12\.0 should be here, found 2\.11\.0\+cu130 \(vllm 0.25.1 wants torch==2"
    with pytest.raises(BundleError, match=wanted):
        check_box(manifest(there("2.12.0")), BOX, anyway=False)
    assert len(check_box(manifest(there("2.12.0")), BOX, anyway=True)) == 1


def test_another_build_of_the_same_version_is_worth_a_line_only() -> None:
    notes = check_box(manifest(there("2.11.0+cu128")), BOX, anyway=False)
    assert notes == ["torch 2.11.0+cu128 should be here, found 2.11.0+cu130"]


def test_an_interpreter_tells_of_itself_and_of_what_lies_before_its_packages(
    tmp_path: Path,
) -> None:
    import zipfile

    for name, requires in (("vllm", ["torch==2.11.0"]), ("torch", [])):
        version = "0.25.1" if name == "vllm" else "2.12.0"
        with zipfile.ZipFile(wheel(tmp_path / "w", name, version, *requires)) as packed:
            packed.extractall(tmp_path / "t")
    box = look_at(sys.executable, tmp_path / "t")
    assert box.python == "{}.{}".format(*sys.version_info[:2]) and box.system == "linux"
    assert box.there["vllm"] == "0.25.1" and "pydantic-core" in box.there
    assert box.engine == "vllm 0.25.1 wants torch==2.11.0, found 2.12.0"
    assert look_at(sys.executable).engine == ""


def test_an_interpreter_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not run"):
        look_at(str(tmp_path / "python"))


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"GB free, 1000000000\.0 GB needed"):
        check_room(tmp_path / "not" / "yet", 10**18)
    assert not (tmp_path / "not").exists()
