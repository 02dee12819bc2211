"""rungwise/offline/manifest.py"""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.offline.install import main
from rungwise.offline.manifest import MANIFEST, clash, plain_name, read_manifest
from rungwise.offline.plain import BundleError
from tests.offline.small import HERE, bundle, wheel

Told = dict[str, Any]
HASH = "0" * 64
WHOLE = json.dumps(
    {
        "format": 1,
        "python": HERE.python,
        "platform": HERE.platform,
        "glibc": "2.17",
        "vllm": "0.25.1",
        "files": [{"name": "models/m/x.json", "size": 5, "sha256": HASH, "unpacked": 5}],
        "parts": [{"name": "part-0001", "size": 5, "sha256": HASH}],
        "left_out": [{"name": "a", "version": "1", "why": "without", "wanted": ["b wants a"]}],
        "broken": ["b wants a<1, 1 is there"],
    }
)


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
        "two parts are called part-0001",
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
    "what is being written": (
        lambda told: _name(told, "models/a/w.half"),
        "no file may be called",
    ),
    "a folder of what is being written": (
        lambda told: _name(told, "models/a.unfinished/w"),
        "no file may be called",
    ),
    "a file in a file": (
        lambda told: told["files"].extend(
            {**told["files"][0], "name": name, "size": 0} for name in ("models/a/B", "models/a/b/c")
        ),
        "a file and a folder, .* called models/a/b",
    ),
    "no C library": (lambda told: told.update(glibc="x.y"), "glibc is 'x.y'"),
    "a digit that is none": (lambda told: told.update(glibc="2.\u00b2"), "glibc is no str"),
    "5000 digits": (lambda told: told.update(glibc="2." + "1" * 5000), "glibc is no str"),
    "half a character": (lambda told: told.update(vllm="\ud800"), "vllm is no str"),
    "what a terminal obeys": (lambda told: told.update(python="3.1\x1b[2J"), "python is no str"),
    "that in a line": (lambda told: told.update(broken=["\x1b]0;x\x07"]), "broken is no list"),
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


@given(st.lists(st.text(alphabet="aB/", min_size=1, max_size=5), max_size=6))
def test_names_clash_where_a_disk_would_have_one_place_for_two(names: list[str]) -> None:
    tidy = [f"models/{name}" for name in names if "//" not in f"/{name}/"]
    lower = [name.lower() for name in tidy]
    in_another = any(one.startswith(f"{other}/") for one in lower for other in lower)
    assert (clash(tidy) is not None) == (in_another or len(set(lower)) < len(lower))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["2.\u00b2", "9" * 5000, "\ud800", "\x1b[2J", "3.11\n", "part-0001", [], {}]),
    st.lists(st.text(max_size=5), max_size=3),
)


@settings(max_examples=300)
@given(data=st.data())
def test_whatever_stands_in_a_manifest_is_read_or_refused_in_one_plain_line(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told: Any = json.loads(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        place = told
        while isinstance(place, (dict, list)) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(keys))
            if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
                place[key] = data.draw(ODD)
                break
            place = place[key]
    _read_or_refused(json.dumps(told).encode(), tmp_path_factory)


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 30))
def test_whatever_bytes_it_has_it_is_read_or_refused_in_one_plain_line(
    tmp_path_factory: pytest.TempPathFactory, put: bytes, at: int, instead: int
) -> None:
    whole = WHOLE.encode()
    _read_or_refused(whole[:at] + put + whole[at + instead :], tmp_path_factory)


def _read_or_refused(text: bytes, folders: pytest.TempPathFactory) -> None:
    folder = folders.getbasetemp() / "fuzzed"
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(text)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        refused = main(["--check"], bundle=folder)
    assert refused == 2 or read_manifest(folder).parts == [], "no part of it is there"
    assert err.getvalue().count("\n") == (refused == 2)
    said = out.getvalue() + err.getvalue()
    assert said.isascii() and said.replace("\n", "").isprintable()
