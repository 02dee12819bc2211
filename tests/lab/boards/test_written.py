"""Are the kept boards those that are described, and such that Grafana can show them?"""

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from rungwise.lab.boards.written import BOARDS, write
from tests.prometheus import OBSERVABILITY

KEPT = OBSERVABILITY / "grafana" / "dashboards"
DOCS = Path(__file__).parents[3] / "docs" / "metrics.md"
UNITS = {
    *"short percentunit currencyUSD reqps s bytes watt celsius hertz bool_yes_no".split(),
}
"""Of Grafana's own."""


def board(name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((KEPT / f"{name}.json").read_text(encoding="utf-8"))
    return told


def panels(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Rows are none; panels of a folded one are."""
    for panel in told["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else [panel]


def test_the_kept_boards_are_those_that_are_described(tmp_path: Path) -> None:
    write(tmp_path)
    assert {file.name for file in KEPT.iterdir()} == {file.name for file in tmp_path.iterdir()}
    for file in tmp_path.iterdir():
        assert (KEPT / file.name).read_text("utf-8") == file.read_text("utf-8"), "scripts/boards"


def test_addresses_of_boards_stay() -> None:
    told = {name: board(name)["uid"] for name in BOARDS}
    assert told == {
        "overview": "rungwise-overview",
        "cascade": "rungwise-cascade",
        "gpu": "rungwise-gpu",
        "upstreams": "rungwise-upstreams",
    }


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_what_grafana_needs(name: str) -> None:
    told = board(name)
    assert told["schemaVersion"] == 41 and told["title"] and told["description"]
    numbers = [panel["id"] for panel in told["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in panels(told):
        title = panel["title"]
        assert title and panel["description"] and panel["targets"], title
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, title
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters), title
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] == SOURCE, title
            assert target["expr"] and target["legendFormat"], title
            assert target["instant"] is not target["range"], title
        bounds = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
        assert bounds[0] is None and bounds[1:] == sorted(bounds[1:]), title


SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another_or_beside_the_board(name: str) -> None:
    places = [panel["gridPos"] for panel in board(name)["panels"]]
    for place in places:
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


@pytest.mark.parametrize("name", BOARDS)
def test_titles_are_told_once_and_every_choice_is_used(name: str) -> None:
    told = board(name)
    titles = [panel["title"] for panel in panels(told)]
    assert len(set(titles)) == len(titles)
    variables = [one["name"] for one in told["templating"]["list"]]
    assert variables[0] == "datasource"
    asked = [target["expr"] for panel in panels(told) for target in panel["targets"]]
    used = set(re.findall(r"\$(\w+)", " ".join(asked))) - {"__rate_interval", "__range"}
    assert used == set(variables[1:])


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_shows_only_what_is_documented(name: str) -> None:
    documented = set(re.findall(r"^\| `(rungwise_\w+)`", DOCS.read_text("utf-8"), re.MULTILINE))
    asked = [target["expr"] for panel in panels(board(name)) for target in panel["targets"]]
    own = re.findall(r"(?<!:)\brungwise_\w+(?!\w*:)", " ".join(asked))
    bare = {re.sub(r"_(bucket|sum|count)$", "", metric) for metric in own}
    assert own and bare <= documented, bare - documented
