"""How far does climbing where it pays go? The server's own optimiser, on many steps at once.

Thresholds that keep a promise are not asked for here (`promise: waive`): the curve shows what the
objective alone does. Whoever keeps a promise moves along it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.routing.parts import Foresight, Part
from rungwise.lab.routing.policies.walk import Walk
from rungwise.policy.pays import Chosen, Rung, Worth, best_of_each, prospects

__all__ = ["Pays"]

NANO = 1e9


class Pays:
    """Before each draft the plan that is foreseen to pay most; asked again after each refusal, as
    the server does, with the confidence that the refused draft came out at. One that could not be
    read is refused, and taken to be wrong."""

    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        judged = [not bool(np.isnan(c).all()) for c in part.known.confidence.T]
        judged[-1] = False
        return [_Climb(part, judged, worth).walk() for worth in worths]


class _Climb:
    """All held steps under one worth, rung by rung."""

    def __init__(self, part: Part, judged: Sequence[bool], worth: Worth) -> None:
        self._side, self._difficulty = part.held, part.difficulty
        self._judged, self._worth = judged, worth
        self._tiers = part.held.columns.tiers
        self._right = part.held.probability.copy()
        """[steps, rungs], P(right) after what was refused so far."""
        self._asked = np.zeros(self._right.shape, dtype=np.bool_)
        self._answered = np.full(len(self._right), -1, dtype=np.int64)

    def walk(self) -> Walk:
        everyone = np.arange(len(self._right), dtype=np.int64)
        self._draft(everyone, tuple(range(len(self._tiers))))
        return Walk(asked=self._asked, answered=self._answered)

    def _draft(self, steps: Ints, rungs: tuple[int, ...]) -> None:
        """The best plan of each of these steps among these rungs, as far as its first draft; then
        the refused ones go on with what their plan has above it."""
        if not len(steps):
            return
        chosen = self._best(steps, rungs)
        for number, plan in enumerate(chosen.plans):
            mine = chosen.plan == number
            first = rungs[plan[0]]
            drafted, bar = steps[mine], chosen.bars[mine, plan[0]]
            sure = np.nan_to_num(self._side.confidence[drafted, first])
            accepted = (sure >= bar) | (len(plan) == 1)
            self._asked[drafted, first] = True
            self._answered[drafted[accepted]] = first
            refused = drafted[~accepted]
            self._refuse(refused, first, sure[~accepted])
            self._draft(refused, tuple(rungs[at] for at in _left(plan, len(rungs))))

    def _best(self, steps: Ints, rungs: tuple[int, ...]) -> Chosen:
        side = self._side
        foreseen = [
            Rung(
                tier=self._tiers[rung],
                right=self._right[steps, rung],
                nano=side.cost[steps, rung] * NANO,
                seconds=side.seconds[steps, rung],
                reach=self._difficulty.gate(self._tiers[rung]),
                judged=self._judged[rung],
            )
            for rung in rungs
        ]
        found = prospects(foreseen, self._difficulty.after, self._worth, larger=np.maximum)
        return best_of_each(found, len(rungs))

    def _refuse(self, steps: Ints, rung: int, sure: Floats) -> None:
        for above in range(rung + 1, len(self._tiers)):
            p = self._right[steps, above]
            self._right[steps, above] = _after(
                self._difficulty, self._tiers[rung], sure, self._tiers[above], p
            )


def _left(plan: tuple[int, ...], rungs: int) -> tuple[int, ...]:
    """The rungs of a plan above its first, and those above its last, for when that fails: as the
    server's plan has them (policy/planning.py)."""
    return (*plan[1:], *range(plan[-1] + 1, rungs)) if len(plan) > 1 else ()


def _after(difficulty: Foresight, refused: str, sure: Floats, tier: str, p: Floats) -> Floats:
    """`Difficulty.after` is linear in the confidence."""
    right, wrong = (difficulty.after(refused, v, tier, p) for v in (1.0, 0.0))
    return np.asarray(sure * right + (1 - sure) * wrong, dtype=np.float64)
