"""What a predictor would foresee of a simulated task."""

import pytest

from rungwise.lab.affinity.conversations import RUNGS, draw
from rungwise.lab.affinity.foresight import Foreseen
from rungwise.policy.sketch import sketch_of
from rungwise.types import Chat, StepType

TOLD = draw(300, 4)
SKETCH = sketch_of(Chat(messages=()))


def test_it_foresees_the_task_that_is_planned() -> None:
    for task in (0, 7):
        found = Foreseen(TOLD, lambda task=task: task).forecast(SKETCH, StepType.OPEN_CHAT)  # type: ignore[misc]
        assert list(found.values()) == pytest.approx(TOLD.foreseen[task])
        assert tuple(found) == RUNGS


def test_a_refused_draft_makes_those_above_less_probable_the_less_sure_it_was() -> None:
    foreseen = Foreseen(TOLD, lambda: 0)
    told = [foreseen.after("local", v, "top", 0.8) for v in (0.0, 0.5, 1.0)]
    assert 0 < told[0] < 0.8 < told[2] < 1
    assert told[1] == pytest.approx((told[0] + told[2]) / 2), "linear in the confidence"
