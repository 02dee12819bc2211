"""What does a policy do with each step? Which rungs drafted, and whose draft was given out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.parts import Part
from rungwise.policy.pays import Worth

__all__ = ["Policy", "Walk", "Worth", "one_rung"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walk:
    """Of every step."""

    asked: Bools
    """[steps, rungs]"""
    answered: Ints
    """[steps], the rung whose draft the caller gets."""

    def cost(self, columns: LadderColumns) -> Floats:
        """[steps], US dollars, of every draft."""
        return np.asarray((columns.cost * self.asked).sum(axis=1), dtype=np.float64)

    def seconds(self, columns: LadderColumns) -> Floats:
        """[steps], one draft after the other; NaN where a latency is unknown."""
        return np.asarray(np.where(self.asked, columns.seconds, 0.0).sum(axis=1))

    def right(self, columns: LadderColumns) -> Floats:
        """[steps], 0 or 1."""
        return np.asarray(columns.right[np.arange(len(self.answered)), self.answered])


class Policy(Protocol):
    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        """What it does with the part's held steps, for each of these worths."""
        ...


def one_rung(chosen: Ints, rungs: int) -> Walk:
    """Each step is drafted on one rung, and not judged."""
    asked = np.zeros((len(chosen), rungs), dtype=np.bool_)
    asked[np.arange(len(chosen)), chosen] = True
    return Walk(asked=asked, answered=chosen)
