"""Ours on many steps at once: the same as step by step, and both simple policies at its ends."""

from dataclasses import replace

import numpy as np
import pytest

from rungwise.lab.routing.parts import parts_of
from rungwise.lab.routing.policies.pays import Pays
from rungwise.lab.routing.policies.router import PureRouter
from rungwise.lab.routing.policies.walk import Worth
from rungwise.policy.pays import Rung, best, prospects
from tests.lab.foretold import ByType, TwoPoints, columns

COLUMNS = columns(240)
(PART,) = parts_of(COLUMNS, ByType, train=columns(300, seed=1), count=5, seed=0)
SIDE = PART.held


def step_by_step(step: int, worth: Worth) -> tuple[list[int], int]:
    """Which rungs draft and which one answers, planned anew after each refusal."""
    right, left, asked = SIDE.probability[step].copy(), [0, 1, 2], list[int]()
    while True:
        rungs = [
            Rung(
                tier=SIDE.columns.tiers[rung],
                right=right[rung],
                nano=SIDE.cost[step, rung] * 1e9,
                seconds=SIDE.seconds[step, rung],
                reach=TwoPoints(),
                judged=rung < 2,
            )
            for rung in left
        ]
        plan = best(prospects(rungs, PART.difficulty.after, worth, larger=max))
        first = left[plan.rungs[0]]
        asked.append(first)
        sure = SIDE.confidence[step, first]
        if len(plan.rungs) == 1 or sure >= plan.bars[0]:
            return asked, first
        tier = SIDE.columns.tiers[first]
        for above in range(first + 1, 3):
            name = SIDE.columns.tiers[above]
            right[above] = PART.difficulty.after(tier, sure, name, right[above])
        last = left[plan.rungs[-1]]
        left = [r for at, r in enumerate(left) if at in plan.rungs[1:] or r > last]


@pytest.mark.parametrize("usd", [1e-4, 1e-3, 5e-3, 2e-2, 1.0])
def test_many_at_once_do_as_each_alone(usd: float) -> None:
    worth = Worth(right_usd=usd)
    (walk,) = Pays().walks(PART, [worth])
    for step in range(0, len(SIDE), 3):
        asked, answered = step_by_step(step, worth)
        assert np.flatnonzero(walk.asked[step]).tolist() == asked
        assert walk.answered[step] == answered


def test_without_readings_it_is_the_pure_router() -> None:
    held, train = columns(150, read=False), columns(150, seed=1, read=False)
    (part,) = parts_of(held, ByType, train=train, count=5, seed=0)
    worths = [Worth(right_usd=usd) for usd in np.geomspace(1e-5, 10, 12)]
    for ours, router in zip(
        Pays().walks(part, worths), PureRouter().walks(part, worths), strict=True
    ):
        assert (ours.answered == router.answered).all() and (ours.asked == router.asked).all()


def test_some_steps_are_drafted_low_and_climb_and_others_pass_a_rung_over() -> None:
    worths = [Worth(right_usd=usd, second_usd=0.01) for usd in np.geomspace(1e-3, 1, 12)]
    walks = Pays().walks(PART, worths)
    asked = {tuple(row) for walk in walks for row in walk.asked.tolist()}
    assert {(True, True, False), (False, True, False)} <= asked


def test_it_is_decided_without_the_held_steps_labels() -> None:
    assert (walk_of(COLUMNS.right) == walk_of(1 - COLUMNS.right)).all()


def walk_of(right: np.ndarray) -> np.ndarray:
    side = replace(SIDE, columns=replace(COLUMNS, right=right))
    (walk,) = Pays().walks(replace(PART, held=side), [Worth(right_usd=0.01)])
    return walk.answered
