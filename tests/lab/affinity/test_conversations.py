"""What simulated conversations are like."""

import numpy as np
import pytest

from rungwise.lab.affinity.conversations import RUNGS, TRIES, Habits, draw

TOLD = draw(2000, 3)


def test_the_same_seed_draws_the_same() -> None:
    again, other = draw(50, 1), draw(50, 2)
    one = draw(50, 1)
    assert np.array_equal(one.sure, again.sure) and np.array_equal(one.system, again.system)
    assert not np.array_equal(one.system, other.system)


def test_each_conversation_has_tasks() -> None:
    tasks = np.diff(TOLD.first)
    assert tasks.min() >= 1 and len(tasks) == len(TOLD) == 2000
    assert tasks.mean() == pytest.approx(Habits().mean_tasks, rel=0.1)
    assert TOLD.right.shape == (TOLD.first[-1], TRIES, len(RUNGS))


def test_sizes_are_as_stated() -> None:
    low, high = Habits().system_tokens
    assert TOLD.system.min() >= low and TOLD.system.max() <= high
    assert TOLD.asked.min() >= 1 and TOLD.asked.max() <= 4000
    assert TOLD.pause_s.min() > 0 and TOLD.begins_s.max() < Habits().day_s


def test_higher_rungs_are_right_more_often() -> None:
    shares = TOLD.right[:, 0].mean(axis=0)
    assert np.all(np.diff(shares) > 0.05), shares


def test_what_is_read_and_foreseen_is_calibrated() -> None:
    for rung in range(len(RUNGS)):
        right = TOLD.right[:, 0, rung]
        for p in (TOLD.sure[:, 0, rung], TOLD.foreseen[:, rung]):
            assert p.min() > 0 and p.max() < 1
            for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 1.0)):
                part = (p >= low) & (p < high)
                if part.sum() > 300:
                    assert right[part].mean() == pytest.approx(p[part].mean(), abs=0.05)


def test_a_draft_tells_more_than_the_task() -> None:
    right = TOLD.right[:, 0, 0]
    spread = [p[right].mean() - p[~right].mean() for p in (TOLD.sure[:, 0, 0], TOLD.foreseen[:, 0])]
    assert spread[0] > spread[1] > 0.1


def test_neighbouring_tasks_are_alike() -> None:
    p = TOLD.foreseen[:, 0]
    same = np.ones(len(p) - 1, dtype=np.bool_)
    same[TOLD.first[1:-1] - 1] = False
    within = np.corrcoef(p[:-1][same], p[1:][same])[0, 1]
    between = np.corrcoef(p[:-1][~same], p[1:][~same])[0, 1]
    assert within > 0.2 > abs(between)
