"""A recorded ladder as arrays."""

import numpy as np

from rungwise.types import StepType
from tests.lab.foretold import columns


def test_there_is_a_row_a_step_and_a_column_a_rung() -> None:
    found = columns(30)
    assert found.right.shape == found.cost.shape == found.seconds.shape == (30, 3)
    assert len(found) == len(found.sketches) == len(found.groups) == 30
    assert found.cost[0].tolist() == [0.0001, 0.001, 0.01]
    assert found.seconds[0].tolist() == [0.05, 0.051, 0.052] and found.timed
    assert [r is None for r in found.readings] == [False, False, True]
    assert np.isnan(found.stated).all()


def test_some_of_the_steps_keep_all_that_is_known_of_them() -> None:
    whole, part = columns(30), columns(30).take(np.array([4, 2]))
    assert [row.id for row in part.rows] == ["s4", "s2"]
    assert part.kinds() == [StepType.PLANNING, StepType.MULTI_STEP_REASONING]
    assert (part.right == whole.right[[4, 2]]).all()
    read, all_read = part.readings[0], whole.readings[0]
    assert read is not None and all_read is not None
    assert (read.values == all_read.values[[4, 2]]).all()
