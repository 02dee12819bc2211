"""What is known of steps, and learned on others."""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.parts import parts_of
from tests.lab.foretold import ByType, columns


def test_every_step_is_held_once_and_groups_stay_whole() -> None:
    data = columns(300)
    parts = list(parts_of(data, ByType, train=None, count=5, seed=0))
    places = np.concatenate([part.places for part in parts])
    assert len(parts) == 5 and sorted(places.tolist()) == list(range(300))
    for part in parts:
        held, known = set(part.held.columns.groups), set(part.known.columns.groups)
        assert not held & known and len(part.held) + len(part.known) == 300


def test_of_fewer_groups_than_folds_the_steps_are_dealt() -> None:
    data = columns(60)
    one = replace(data, rows=tuple(replace(row, group="all") for row in data.rows))
    parts = list(parts_of(one, ByType, train=None, count=5, seed=0))
    assert [len(part.held) for part in parts] == [12] * 5


def test_nothing_is_learned_from_the_held_steps() -> None:
    seen = list[LadderColumns]()

    def fit(known: LadderColumns, sure: Floats) -> ByType:
        seen.append(known)
        assert sure.shape == known.right.shape and not np.isnan(sure[:, :2]).any()
        return ByType(known, sure)

    data = columns(90)
    for part, known in zip(parts_of(data, fit, train=None, count=3, seed=0), seen, strict=False):
        ids = {row.id for row in known.rows}
        assert not ids & {row.id for row in part.held.columns.rows}


def test_a_step_that_stands_in_two_groups_is_not_learned_on_where_it_is_held() -> None:
    data = columns(90)
    rows = tuple(replace(row, prompt=f"same {n % 45}") for n, row in enumerate(data.rows))
    for part in parts_of(replace(data, rows=rows), ByType, train=None, count=3, seed=0):
        known = {row.prompt for row in part.known.columns.rows}
        assert not known & {row.prompt for row in part.held.columns.rows}


def test_with_another_file_all_of_it_is_learned_and_all_of_this_is_held() -> None:
    data, train = columns(60), columns(90, seed=1)
    (part,) = parts_of(data, ByType, train=train, count=5, seed=0)
    assert part.places.tolist() == list(range(60)) and len(part.known) == 90


def test_readings_become_probabilities_that_hold() -> None:
    (part,) = parts_of(columns(600), ByType, train=columns(900, seed=1), count=5, seed=0)
    sure, right = part.held.confidence[:, 0], part.held.columns.right[:, 0]
    assert np.isnan(part.held.confidence[:, 2]).all(), "nothing was read of the last rung"
    assert sure.mean() == pytest.approx(right.mean(), abs=0.05)
    assert right[sure > 0.8].mean() > 0.8 and right[sure < 0.2].mean() < 0.2


def test_without_readings_a_confidence_is_taken_from_the_data() -> None:
    data = columns(60, read=False)
    stated = data.stated.copy()
    stated[:, 0] = 0.7
    told = replace(data, stated=stated)
    (part,) = parts_of(told, ByType, train=told, count=5, seed=0)
    assert (part.held.confidence[:, 0] == 0.7).all()
    assert np.isnan(part.held.confidence[:, 1]).all()


def test_costs_and_seconds_are_expected_as_known_by_step_type() -> None:
    train = columns(90, seed=1)
    dear = train.cost.copy()
    planning = np.array([row.step_type == "planning" for row in train.rows])
    dear[planning, 1] = 0.5
    (part,) = parts_of(columns(30), ByType, train=replace(train, cost=dear), count=5, seed=0)
    mine = np.array([row.step_type == "planning" for row in part.held.columns.rows])
    assert part.held.cost[mine, 1] == pytest.approx(0.5)
    assert part.held.cost[~mine, 1] == pytest.approx(0.001)
    assert part.held.seconds[:, 0] == pytest.approx(0.0545, abs=0.001)
    untimed = replace(train, seconds=np.full_like(train.seconds, np.nan))
    (part,) = parts_of(columns(30), ByType, train=untimed, count=5, seed=0)
    assert (part.held.seconds == 0).all()
