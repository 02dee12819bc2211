"""What is read of a file of learned numbers, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rungwise.errors import ConfigError
from rungwise.policy import artefact
from rungwise.policy.artefact import Part, packed, read_artefact, unpacked


class Small(Part):
    number: float


def refused(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        read_artefact(path, Small, mend="mend it")
    return str(raised.value)


def test_its_name_is_the_files_with_a_digest_of_what_is_in_it(tmp_path: Path) -> None:
    path, other = tmp_path / "small.json", tmp_path / "b" / "small.json"
    other.parent.mkdir()
    path.write_text('{"number": 1}')
    other.write_text('{"number": 2}')
    told, name = read_artefact(path, Small, mend="")
    assert told.number == 1 and name.startswith("small@") and len(name) == 14
    assert read_artefact(path, Small, mend="")[1] == name != read_artefact(other, Small, mend="")[1]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "Invalid JSON"),
        ("[1]", "should be an object"),
        ('{"number": NaN}', "number"),
        ('{"number": 1e999}', "number"),
        ('{"number": 1, "more": 2}', "more: no such key"),
        ("{}", "number: Field required"),
    ],
)
def test_a_file_that_is_odd_is_named_with_what_is_wrong(
    text: str, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "small.json"
    path.write_text(text)
    told = refused(path)
    assert told.startswith(f"{path}: ") and wrong in told
    assert told.endswith("; mend it") and "\n" not in told


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    path.write_bytes(b"\xff\xfe\x80\x04K*.")
    assert "Invalid JSON" in refused(path)


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refused(tmp_path / "none.json")
    assert "cannot be read (Is a directory" in refused(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "small.json"
    with path.open("wb") as file:
        file.truncate(artefact.MOST_BYTES + 1)
    assert "larger than 16 MiB" in refused(path)


@given(arrays(np.float16, (3, 2), elements=st.floats(-100, 100, width=16)))
def test_a_table_comes_back_as_it_was_packed(table: np.ndarray[tuple[int, int]]) -> None:
    found = unpacked(packed(table, "<f2"), "<f2", columns=2)
    assert (found == table).all() and not found.flags.writeable


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ("!!", "not base64"),
        (packed(np.zeros(3), "<f2"), "not whole rows"),
        (packed(np.array([1, np.nan]), "<f2"), "not a finite"),
        (packed(np.array([1, np.inf]), "<f2"), "not a finite"),
        ("é", "ASCII"),
    ],
)
def test_what_is_no_table_is_refused(told: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        unpacked(told, "<f2", columns=2)
