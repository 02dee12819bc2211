"""Does docs/operating.md tell what fits as `rungwise models` does?"""

import re

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import Candidate, carded
from rungwise.weights.fit import Wanted
from rungwise.weights.places import stated
from rungwise.weights.recommending import Way, way
from tests.image.dockerfile import ROOT

TABLE = (
    (ROOT / "docs" / "operating.md")
    .read_text(encoding="utf-8")
    .partition("<!-- computed: what fits -->")[2]
    .partition("\n\n")[0]
)
ROWS = re.findall(r"^\| (\S+GiB) \| (.+) \|$", TABLE, re.MULTILINE)
WANTED = Wanted(context=16_384, concurrency=16)
SHOWN = 5


def most_bits(candidate: Candidate, place: str) -> Way | None:
    """The way with the most bits that fits there, of those that a repository is known for."""
    found = (
        way(candidate, stated(place), WANTED, precision)
        for precision in candidate.precisions
        if candidate.repository(precision) is not None
    )
    return next((one for one in found if one is not None and one.state == "fits"), None)


def told(found: Way) -> str:
    copies, each = found.copies, found.fit.tensor
    parts = [f"{copies} copies"] * (copies > 1) + [f"each over {each}"] * (each > 1)
    dealt = f" ({', '.join(parts)})" if parts else ""
    return f"{found.candidate.name.rpartition('/')[2]} {found.fit.precision}{dealt}"


@pytest.mark.parametrize(("place", "cells"), ROWS, ids=[place for place, _ in ROWS])
def test_a_row_has_the_largest_models_that_fit_there_and_how(place: str, cells: str) -> None:
    """Largest by the parameters that compute."""
    fitting = [one for card in carded(shipped().values()) if (one := most_bits(card, place))]
    fitting.sort(key=lambda one: one.candidate.shape.linear if one.candidate.shape else 0)
    assert cells == ", ".join(told(one) for one in reversed(fitting[-SHOWN:]))


def test_there_are_rows() -> None:
    assert [place for place, _ in ROWS] == ["16GiB", "24GiB", "48GiB", "4x24GiB"]
