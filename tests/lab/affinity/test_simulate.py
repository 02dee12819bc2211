"""What it brings that a conversation is remembered, in figures."""

import json
from functools import cache

import pytest

from rungwise.lab.affinity.simulate import FIGURES, NET, POLICIES, AffinityFigures, simulate


@cache
def figures() -> AffinityFigures:
    return simulate(120, 1)


def test_it_is_the_same_every_time_and_tells_how_far_it_is() -> None:
    ends: list[None] = []
    found = simulate(30, 2, lambda: ends.append(None))
    assert found.as_json() == simulate(30, 2).as_json()
    assert len(ends) == 30


def test_every_policy_has_every_figure_with_an_interval() -> None:
    found = figures()
    assert set(found.policies) == set(POLICIES)
    for row in found.policies.values():
        assert set(row) == {*FIGURES, NET}
        assert all(e.low <= e.value <= e.high for e in row.values())


def test_remembering_spares_climbs_and_moves_but_not_always_as_many_as_sticking() -> None:
    climbs, moves = (
        {name: row[f"{key}_per_conversation"].value for name, row in figures().policies.items()}
        for key in ("climbs", "moves")
    )
    assert climbs["always stick"] <= climbs["on"] < climbs["off"]
    assert moves["always stick"] <= moves["on"] < moves["off"]


def test_differences_are_paired() -> None:
    change = figures().against("on", "off")["climbs_per_conversation"]
    on, off = (figures().policies[name]["climbs_per_conversation"] for name in ("on", "off"))
    assert change.value == pytest.approx(on.value - off.value)
    assert change.high < 0


def test_it_is_told_in_lines_and_as_json() -> None:
    told = "\n".join(figures().as_lines())
    assert "120 simulated conversations, seed 1" in told
    assert all(name in told for name in POLICIES)
    found = json.loads(json.dumps(figures().as_json()))
    assert found["policies"]["on"]["hosted_cached_share"]["low"] > 0
    assert found["on_against"]["off"]["climbs_per_conversation"]["value"] < 0
