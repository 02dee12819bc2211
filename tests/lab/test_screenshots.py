"""Are the documents' pictures those that scripts/screenshots takes, and small?"""

from pathlib import Path

from rungwise.lab.screenshots import MOST_BYTES, PICTURES

DOCS = Path(__file__).parents[2] / "docs"
PLAYED = "gpu-h100"
"""By tests/page/played.py: its own title says what it is."""


def test_each_picture_is_kept_shown_and_small() -> None:
    shown = (DOCS / "observing.md").read_text(encoding="utf-8")
    names = {*(picture.name for picture in PICTURES), PLAYED}
    kept = {file.stem: file for file in (DOCS / "pictures").iterdir()}
    assert kept.keys() == names
    for name, file in kept.items():
        assert file.stat().st_size <= MOST_BYTES, name
        assert f"(pictures/{name}.png)" in shown, name
