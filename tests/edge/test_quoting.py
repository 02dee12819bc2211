"""Text in a body: ASCII, and whole."""

import json

from hypothesis import given
from hypothesis import strategies as st

from rungwise.edge.quoting import encoded, quoted


@given(st.text(st.characters()))
def test_it_is_ascii_on_one_line_and_says_the_same(text: str) -> None:
    for told in (quoted(text), encoded({"a": text})[5:-1]):
        assert told.isascii() and "\n" not in told
        assert json.loads(told) == text.encode("utf-8", "replace").decode()
