"""Lists of numbers take one line, and the document stays the same."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.bench.compact import compact, write_compact

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
DOCUMENTS = st.dictionaries(
    st.text(),
    st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
)


@given(DOCUMENTS)
def test_nothing_is_lost(document: dict[str, object]) -> None:
    assert json.loads(compact(document)) == json.loads(json.dumps(document))


def test_numbers_share_a_line() -> None:
    assert compact({"a": [1, 2.5, -3e-7], "b": []}) == (
        '{\n  "a": [1, 2.5, -3e-07],\n  "b": []\n}\n'
    )


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    for value in (1, 2):
        write_compact(file, {"value": value})
        assert json.loads(file.read_text()) == {"value": value}
    assert [one.name for one in tmp_path.iterdir()] == ["found.json"]
    write_compact(None, {})
