"""Does docs/operating.md tell what fits as `rungwise models` does?"""

import re

import pytest

from rungwise.tiers.cards import shipped
from rungwise.weights.candidates import carded
from rungwise.weights.fit import Wanted
from rungwise.weights.places import stated
from rungwise.weights.recommending import way
from tests.image.dockerfile import ROOT

TABLE = (
    (ROOT / "docs" / "operating.md")
    .read_text(encoding="utf-8")
    .partition("<!-- computed: what fits -->")[2]
    .partition("\n\n")[0]
)
ROWS = re.findall(r"^\| (\S+GiB) \| (.+) \|$", TABLE, re.MULTILINE)
CELLS = [
    (place, *re.sub(r" \(.*?\)", "", cell).split())
    for place, cells in ROWS
    for cell in re.split(r", (?![^(]*\))", cells)
]
WANTED = Wanted(context=16_384, concurrency=16)


@pytest.mark.parametrize(("place", "name", "bits"), CELLS)
def test_it_fits_in_so_many_bits_and_in_no_more(place: str, name: str, bits: str) -> None:
    (candidate,) = [one for one in carded(shipped().values()) if one.name.endswith(f"/{name}")]
    fits = [
        precision
        for precision in ("bf16", "fp8", "awq")
        if precision in candidate.precisions
        and candidate.repository(precision) is not None
        and (found := way(candidate, stated(place), WANTED, precision)) is not None
        and found.state == "fits"
    ]
    assert fits[0] == bits
