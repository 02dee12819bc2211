"""What is told of a recorded ladder: lines, JSON, a picture and a page."""

import json
import re
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest

from rungwise.errors import ConfigError
from rungwise.lab.ladders.costs import priced
from rungwise.lab.routing.drawn import picture_of
from rungwise.lab.routing.evaluate import Options, SetFigures, evaluate
from rungwise.lab.routing.page import routing_page
from rungwise.lab.routing.report import as_json, as_lines
from tests.lab.foretold import ByType, ladder


@pytest.fixture(scope="module")
def found() -> SetFigures:
    return evaluate(priced(ladder(300)), ByType, Options(resamples=20, rounds=2))


def test_the_lines_name_policies_settings_and_areas(found: SetFigures) -> None:
    told = "\n".join(as_lines(found))
    assert re.search(r"by dealing .*\npure router +0\.\d+ \[.*\] +0\.\d+ to ", told, re.DOTALL)
    for expected in (
        "made: 300 steps in 30 groups; t1 < t2 < t3; learned on other folds of the same file",
        "note: costs as recorded",
        "random mixing",
        "t2 alone",
        "ours: where it pays, for 80% of the gap",
        "ours: where it pays, over pure router:",
        "lowest against pure cascade at",
        "ms against t2 alone",
    ):
        assert expected in told


def test_the_json_has_a_number_and_an_interval_at_each_path(found: SetFigures) -> None:
    told = json.loads(json.dumps(as_json([found]), allow_nan=False))
    one = told["sets"]["made"]
    assert set(one["policies"]) == {"random", "oracle", "length", "router", "cascade", "pays"}
    for policy in one["policies"].values():
        for key in ("apgr", "cpt50", "cpt80"):
            assert policy[key] is None or isinstance(policy[key], float)
            assert f"{key}_interval" in policy and len(policy[f"{key}_rounds"]) == 2
        assert len(policy["curve"]) > 20 and {"cost_usd", "right"} < set(policy["curve"][0])
    for key in ("over_router", "over_cascade"):
        low, high = one["areas"][f"{key}_interval"]
        assert low <= one["areas"][key] <= high
    point = one["policies"]["pays"]["points"]["0.8"]
    assert set(point["share"]) >= {"t1", "t2", "t3"} and "t2_interval" in point["p50_over_s"]
    assert one["single"]["t1"]["cost_usd"] == pytest.approx(0.0001)
    assert one["hull"][0] == "t1"


def test_the_picture_is_in_dollars_for_a_thousand_steps(found: SetFigures) -> None:
    picture = picture_of(found)
    assert picture.rungs.usd.tolist() == pytest.approx([0.1, 1.0, 10.0])
    assert picture.logarithmic and len(picture.lines) == 6 and picture.band is not None
    assert all((np.diff(line.usd) > 0).all() for line in picture.lines)


def test_the_page_fetches_nothing_and_is_well_formed(found: SetFigures) -> None:
    text = routing_page([found])
    assert text.startswith("<!doctype html>") and "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert not re.search(r"(src|href)=|url\(|@import|<script", text)
    body = text[text.index("<body>") : text.index("</body>") + len("</body>")]
    page = minidom.parseString(body)
    assert len(page.getElementsByTagName("table")) == 2
    assert len(page.getElementsByTagName("title")) == len(found.policies)


def test_names_from_a_file_are_escaped() -> None:
    data = ladder(120)
    odd = "<script>alert('x')</script>&"
    rows = tuple(
        type(row)(
            id=row.id,
            group=row.group,
            step_type=row.step_type,
            prompt=row.prompt,
            tiers={odd if n == "t1" else n: r for n, r in row.tiers.items()},
        )
        for row in data.rows
    )
    renamed = type(data)(name=odd, tiers=(odd, "t2", "t3"), rows=rows, source=odd)
    figures = evaluate(
        priced(renamed), ByType, Options(resamples=5, rounds=1, policies=("router",))
    )
    text = routing_page([figures])
    assert "<script" not in text and "&lt;script&gt;" in text


def test_the_picture_is_drawn(found: SetFigures, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from rungwise.lab.routing.plots import plot_routing

    path = tmp_path / "new" / "curves.png"
    plot_routing(path, [picture_of(found), picture_of(found)])
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    with pytest.raises(ConfigError, match="cannot be written"):
        plot_routing(tmp_path, [picture_of(found)])
