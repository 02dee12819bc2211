"""Fixed thresholds: how they are climbed by, and how they are chosen."""

from dataclasses import replace

import numpy as np

from rungwise.lab.routing.parts import parts_of
from rungwise.lab.routing.policies.cascade import PureCascade, climb
from rungwise.lab.routing.policies.walk import Worth
from tests.lab.foretold import ByType, columns

COLUMNS = columns(300)
(PART,) = parts_of(COLUMNS, ByType, train=columns(300, seed=1), count=5, seed=0)
SIDE = PART.held


def test_a_bar_of_nothing_is_reached_at_once_and_one_above_certainty_never() -> None:
    assert (climb(SIDE, np.array([0.0, 0.0, 0.0])).answered == 0).all()
    top = climb(SIDE, np.array([2.0, 2.0, 2.0]))
    assert (top.answered == 2).all() and top.asked.all()


def test_a_draft_leaves_at_the_first_rung_where_it_is_sure_enough() -> None:
    walk = climb(SIDE, np.array([0.7, 0.5, np.nan]))
    for step, rung in enumerate(walk.answered.tolist()):
        sure = SIDE.confidence[step]
        assert rung == (0 if sure[0] >= 0.7 else 1 if sure[1] >= 0.5 else 2)
        assert walk.asked[step].tolist() == [True, rung >= 1, rung >= 2]


def test_a_draft_that_could_not_be_read_is_refused() -> None:
    confidence = SIDE.confidence.copy()
    confidence[3, 0] = np.nan
    walk = climb(replace(SIDE, confidence=confidence), np.array([0.0, 0.0, 0.0]))
    assert walk.answered[3] == 1 and walk.asked[3, 0]


def test_a_rung_that_nobody_can_read_is_not_asked() -> None:
    walk = climb(SIDE, np.array([np.nan, 0.0, 0.0]))
    assert (walk.answered == 1).all() and not walk.asked[:, 0].any()


def test_what_a_right_answer_is_worth_more_climbs_higher_and_is_right_more_often() -> None:
    worths = [Worth(right_usd=usd) for usd in (1e-5, 1e-3, 1e-2, 1.0)]
    walks = PureCascade().walks(PART, worths)
    costs = [float(walk.cost(COLUMNS).mean()) for walk in walks]
    rights = [float(walk.right(COLUMNS).mean()) for walk in walks]
    assert costs == sorted(costs) and costs[0] < 0.0002
    assert rights[-1] > rights[0] + 0.2


def test_thresholds_are_chosen_without_the_held_steps_labels() -> None:
    blind = replace(SIDE, columns=replace(COLUMNS, right=1 - COLUMNS.right))
    worths = [Worth(right_usd=0.01)]
    (one,) = PureCascade().walks(PART, worths)
    (other,) = PureCascade().walks(replace(PART, held=blind), worths)
    assert (one.answered == other.answered).all()
