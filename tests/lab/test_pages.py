"""One page of HTML that needs no other file."""

from pathlib import Path

import pytest

from rungwise.errors import ConfigError
from rungwise.lab.pages import lines, page, section, table, write_page


def test_texts_are_escaped_wherever_they_stand() -> None:
    odd = '<b>&"'
    text = page(odd, [section(odd, [lines([odd]), table([[odd], [odd]])])])
    assert "<b>" not in text and text.count("&lt;b&gt;&amp;&quot;") == 6


def test_a_table_has_a_head_and_scrolls_by_itself() -> None:
    text = table([["a", "b"], ["1", "2"], ["3", "4"]])
    assert text.startswith('<div class="wide">') and text.count("<tr>") == 3
    assert text.count("<th>") == 2 and text.count("<td>") == 4


def test_a_page_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    write_page(tmp_path / "new" / "x.html", page("t", []))
    assert (tmp_path / "new" / "x.html").read_text().endswith("</html>\n")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_page(tmp_path, "x")
