"""rungwise/offline/manifest.py"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.offline.manifest import MANIFEST, plain_name, read_manifest
from rungwise.offline.plain import BundleError
from tests.offline.small import bundle, wheel

Told = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    bundle(tmp_path / "bundle", [wheel(tmp_path, "alpha", "1.0", ballast=5000)])
    return tmp_path / "bundle"


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    written = bundle(tmp_path / "bundle", [wheel(tmp_path, "alpha", "1.0")])
    assert read_manifest(tmp_path / "bundle") == written


def _name(told: Told, name: str) -> None:
    told["files"][0]["name"] = name


SPOILT: dict[str, tuple[Callable[[Told], object], str]] = {
    "climbs out": (lambda told: _name(told, "wheels/../../alpha.whl"), "no file may be called"),
    "is absolute": (lambda told: _name(told, "/etc/alpha.whl"), "no file may be called"),
    "is hidden": (lambda told: _name(told, "models/m/.ssh"), "no file may be called"),
    "a part elsewhere": (
        lambda told: told["parts"][0].update(name="../part-0001"),
        "no part may be called",
    ),
    "a part twice": (
        lambda told: told["parts"].__setitem__(1, told["parts"][0]),
        "two parts, of one name",
    ),
    "too long": (lambda told: told["files"][0].update(size=1 << 60), "the size or the hash"),
    "negative": (lambda told: told["parts"][0].update(size=-1), "the size or the hash"),
    "no hash": (lambda told: told["parts"][0].update(sha256="none"), "the size or the hash"),
    "sums differ": (lambda told: told["parts"].pop(), "not as long"),
    "a true size": (lambda told: told["parts"][0].update(size=True), "size is no int"),
    "another key": (lambda told: told.update(run="rm"), "other keys"),
    "a key less": (lambda told: told["files"][0].pop("sha256"), "other keys"),
    "another format": (lambda told: told.update(format=2), "not of format 1"),
    "no rows": (lambda told: told.update(parts={}), "no list"),
    "numbers for lines": (lambda told: told.update(broken=[1]), "broken is no list"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_manifest_is_refused_in_one_line(folder: Path, case: str) -> None:
    spoil, line = SPOILT[case]
    told = json.loads((folder / MANIFEST).read_text())
    spoil(told)
    (folder / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(BundleError, match=line):
        read_manifest(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"format": 1}'])
def test_what_is_no_manifest_is_refused_in_one_line(folder: Path, text: str) -> None:
    (folder / MANIFEST).write_text(text)
    with pytest.raises(BundleError, match=MANIFEST):
        read_manifest(folder)


@given(st.text(alphabet="ab./\\-_~ \n\x00", max_size=30))
def test_no_name_that_is_allowed_leaves_its_folder(tail: str) -> None:
    name = f"models/{tail}"
    if plain_name(name):
        place = (Path("/models-go-here") / name).resolve()
        assert place.is_relative_to("/models-go-here/models") and ".." not in Path(name).parts
