"""What a walk costs, and how long it takes."""

import numpy as np

from rungwise.lab.routing.policies.walk import Walk, one_rung
from tests.lab.foretold import columns

COLUMNS = columns(6)


def test_every_draft_is_paid_and_waited_for_and_the_answer_s_is_given() -> None:
    asked = np.zeros((6, 3), dtype=np.bool_)
    asked[:, 0] = asked[:, 2] = True
    walk = Walk(asked=asked, answered=np.full(6, 2))
    assert np.allclose(walk.cost(COLUMNS), 0.0101)
    assert np.allclose(walk.seconds(COLUMNS), COLUMNS.seconds[:, 0] + COLUMNS.seconds[:, 2])
    assert (walk.right(COLUMNS) == COLUMNS.right[:, 2]).all()


def test_one_rung_alone_is_asked_once() -> None:
    chosen = np.array([0, 1, 2, 2, 1, 0])
    walk = one_rung(chosen, 3)
    assert (walk.asked.sum(axis=1) == 1).all() and (walk.answered == chosen).all()
