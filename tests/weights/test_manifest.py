"""Is what was fetched written down whole, and a manifest that is none told as such?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.errors import ConfigError
from rungwise.weights.manifest import MANIFEST, Fetched, Sealed, read, write

SEALED = st.builds(
    Sealed, size=st.integers(0, 2**50), sha256=st.text("0123456789abcdef", min_size=64, max_size=64)
)
FETCHED = st.builds(
    Fetched,
    repository=st.none() | st.text(max_size=20),
    revision=st.none() | st.text("0123456789abcdef", min_size=40, max_size=40),
    files=st.dictionaries(st.text("abc.-_", min_size=3, max_size=20), SEALED, max_size=4),
)


@given(FETCHED)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, told: Fetched) -> None:
    folder = tmp_path_factory.mktemp("model")
    assert read(folder) is None
    write(folder, told)
    assert read(folder) == told
    assert [path.name for path in folder.iterdir()] == [MANIFEST], "nothing half is left"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a": 1}}', '{"files": 3}'])
def test_a_manifest_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ConfigError, match="is no manifest of a model; fetch it again"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b"])
def test_a_manifest_names_nothing_outside_of_its_folder(name: str, tmp_path: Path) -> None:
    told = {"files": {name: {"size": 1, "sha256": "0"}}}
    (tmp_path / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="is no manifest of a model"):
        read(tmp_path)
