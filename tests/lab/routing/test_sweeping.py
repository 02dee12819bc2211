"""Policies swept over their settings, and settings chosen on other steps."""

import numpy as np
import pytest

from rungwise.lab.routing.parts import parts_of
from rungwise.lab.routing.policies.router import Oracle, PureRouter
from rungwise.lab.routing.sweeping import SETTINGS, random_mixing, settings_for, sweep, worths_for
from tests.lab.foretold import ByType, columns

COLUMNS = columns(300)
PARTS = list(parts_of(COLUMNS, ByType, train=None, count=5, seed=0))
WORTHS = worths_for(COLUMNS, 0.0)
SWEPT = sweep({"router": PureRouter(), "oracle": Oracle()}, PARTS, COLUMNS, WORTHS, lambda: None)


def test_worths_reach_from_where_nothing_pays_to_where_nothing_is_too_dear() -> None:
    assert len(WORTHS) == SETTINGS
    even = np.ones(300)
    cost, _ = SWEPT["router"].sweep().means(even)
    assert cost[0] == pytest.approx(0.0001) and cost[-1] > 0.005


def test_each_step_is_decided_in_the_part_that_holds_it() -> None:
    for number, worth in enumerate(WORTHS[::7]):
        for part in PARTS:
            (alone,) = PureRouter().walks(part, [worth])
            joined = SWEPT["router"].walks[7 * number]
            assert (joined.answered[part.places] == alone.answered).all()


def test_random_mixing_is_a_line_between_the_ends() -> None:
    cost, right = random_mixing(COLUMNS).sweep().means(np.ones(300))
    assert cost.tolist() == pytest.approx([0.0001, 0.01])
    assert right.tolist() == pytest.approx(COLUMNS.right.mean(axis=0)[[0, 2]].tolist())


def test_a_setting_is_the_cheapest_that_recovers_so_much_on_other_steps() -> None:
    folds = [part.places for part in PARTS]
    found = settings_for(SWEPT["oracle"], 0.8, folds, 300)
    for places in folds:
        (setting,) = set(found[places].tolist())
        others = np.ones(300)
        others[places] = 0
        cost, right = SWEPT["oracle"].sweep().means(others)
        low, high = (COLUMNS.right[others > 0, rung].mean() for rung in (0, 2))
        enough = right >= low + 0.8 * (high - low)
        assert enough[setting] and cost[setting] == cost[enough].min()


def test_of_another_file_one_setting_is_chosen_for_all() -> None:
    found = settings_for(SWEPT["router"], 0.5, None, 7)
    assert len(found) == 7 and len(set(found.tolist())) == 1


def test_where_none_recovers_so_much_it_is_the_one_that_is_right_most_often() -> None:
    found = settings_for(SWEPT["router"], 5.0, None, 1)
    _, right = SWEPT["router"].sweep().means(np.ones(300))
    assert right[found[0]] == right.max()


def test_a_sweep_by_groups_says_the_same_where_they_have_one_weight_each() -> None:
    group_of = np.unique(COLUMNS.groups, return_inverse=True)[1]
    weight = np.random.default_rng(0).integers(0, 3, group_of.max() + 1)[group_of].astype(float)
    by_group, by_step = SWEPT["router"].sweep(group_of), SWEPT["router"].sweep()
    assert by_group.cost.shape == (SETTINGS, 30) and by_step.cost.shape == (SETTINGS, 300)
    for one, other in zip(by_group.means(weight), by_step.means(weight), strict=True):
        assert one.tolist() == pytest.approx(other.tolist())


def test_every_step_may_have_a_setting_of_its_own() -> None:
    settings = np.arange(300) % SETTINGS
    walk = SWEPT["router"].chosen(settings)
    for step in range(0, 300, 11):
        mine = SWEPT["router"].walks[settings[step]]
        assert walk.answered[step] == mine.answered[step]
        assert (walk.asked[step] == mine.asked[step]).all()
