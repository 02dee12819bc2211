"""rungwise/offline/parts.py"""

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.offline.manifest import Carried, Manifest
from rungwise.offline.parts import check_parts, cut, faults_of, take_out
from rungwise.offline.plain import BundleError
from tests.offline.small import bundle, wheel


def _quiet(_: str) -> None:
    pass


def _whole(contents: list[bytes], largest: int, folder: Path) -> tuple[Manifest, Path]:
    (folder / "in").mkdir()
    paths = [folder / "in" / str(number) for number in range(len(contents))]
    for path, data in zip(paths, contents, strict=True):
        path.write_bytes(data)
    (folder / "parts").mkdir()
    parts = cut(paths, folder / "parts", largest=largest, say=_quiet)
    files = [
        Carried(
            name=f"models/m/{path.name}",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            unpacked=0,
        )
        for path, data in zip(paths, contents, strict=True)
    ]
    manifest = Manifest(
        format=1,
        python="3.12",
        platform="x86_64",
        glibc="2.28",
        vllm="none",
        files=files,
        parts=parts,
        left_out=[],
        broken=[],
    )
    return manifest, folder / "parts"


@settings(max_examples=60)
@given(
    st.lists(st.binary(max_size=700), max_size=8),
    st.integers(min_value=1, max_value=400),
)
def test_whatever_is_cut_is_joined_again(contents: list[bytes], largest: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest, parts = _whole(contents, largest, folder)
        total = sum(map(len, contents))
        assert len(manifest.parts) == -(-total // largest)
        assert all(part.size <= largest for part in manifest.parts)
        assert faults_of(manifest, parts) == []
        take_out(manifest, parts, {f.name: folder / "out" / f.name for f in manifest.files})
        assert [(folder / "out" / f.name).read_bytes() for f in manifest.files] == contents


@pytest.fixture
def carried(tmp_path: Path) -> tuple[Manifest, Path]:
    big = wheel(tmp_path, "alpha", "1.0", ballast=9000)
    manifest = bundle(tmp_path / "bundle", [big])
    assert len(manifest.parts) > 3
    return manifest, tmp_path / "bundle"


def test_a_damaged_part_is_named(carried: tuple[Manifest, Path]) -> None:
    manifest, folder = carried
    data = bytearray((folder / "part-0002").read_bytes())
    data[77] ^= 1
    (folder / "part-0002").write_bytes(data)
    assert faults_of(manifest, folder) == [
        "part-0002: damaged: another hash than the manifest's",
    ]


def test_a_part_that_broke_off_is_named(carried: tuple[Manifest, Path]) -> None:
    manifest, folder = carried
    (folder / "part-0003").write_bytes((folder / "part-0003").read_bytes()[:100])
    assert faults_of(manifest, folder) == ["part-0003: damaged: 100 bytes of 2000"]


def test_swapped_parts_are_told_apart(carried: tuple[Manifest, Path]) -> None:
    manifest, folder = carried
    last = manifest.parts[-1].name
    first, other = (folder / "part-0001").read_bytes(), (folder / last).read_bytes()
    (folder / "part-0001").write_bytes(other)
    (folder / last).write_bytes(first)
    assert faults_of(manifest, folder) == [
        f"part-0001: has the content of {last}: swapped on the way",
        f"{last}: has the content of part-0001: swapped on the way",
    ]


def test_parts_may_come_in_any_order_and_those_that_lack_are_told(
    carried: tuple[Manifest, Path], tmp_path: Path
) -> None:
    manifest, folder = carried
    box = tmp_path / "box"
    box.mkdir()
    for part in reversed(manifest.parts):
        with pytest.raises(BundleError, match=f"{part.name}: missing"):
            check_parts(manifest, box)
        (folder / part.name).rename(box / part.name)
    check_parts(manifest, box)


def test_a_part_that_is_a_link_is_not_read(carried: tuple[Manifest, Path]) -> None:
    manifest, folder = carried
    (folder / "part-0001").rename(folder / "elsewhere")
    (folder / "part-0001").symlink_to(folder / "elsewhere")
    with pytest.raises(BundleError, match="a link, which is not followed"):
        check_parts(manifest, folder)


def test_parts_of_an_older_bundle_go(tmp_path: Path) -> None:
    bundle(tmp_path / "bundle", [wheel(tmp_path, "alpha", "1.0", ballast=9000)])
    now = bundle(tmp_path / "bundle", [wheel(tmp_path, "beta", "1.0")])
    assert {path.name for path in (tmp_path / "bundle").glob("part-*")} == {
        part.name for part in now.parts
    }
