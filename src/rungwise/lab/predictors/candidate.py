"""What is a candidate given, and what must it answer? Steps in, an order of them out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.predictors.columns import Columns

if TYPE_CHECKING:
    from rungwise.lab.training.fit import Example

__all__ = ["Candidate", "Scores", "Side", "gains"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """Steps, and what the lowest and the highest rung made of each."""

    texts: Sequence[str]
    examples: Sequence[Example]
    columns: Columns
    """Of the two tiers `weak` and `strong`."""
    matrix: Any
    """[steps, BUCKETS], sparse, of the columns."""
    rows: Ints
    """Which of all these steps are this side's."""

    @property
    def right(self) -> Floats:
        """[rows, 2]"""
        return self.columns.right[self.rows]

    @property
    def gain(self) -> Floats:
        """[rows]: 1 where only the strong one is right, -1 where only the weak one is."""
        right = self.right
        return np.asarray(right[:, 1] - right[:, 0])

    @property
    def own_texts(self) -> list[str]:
        return [self.texts[row] for row in self.rows]

    @property
    def weight(self) -> Floats:
        return np.ones(len(self.rows))


Scores = Callable[[Side], Floats]
"""[rows] of a side that was not learned from; higher: rather to the strong one."""


class Candidate(Protocol):
    """Learns from one side. Deterministic."""

    def __call__(self, known: Side) -> Scores: ...


def gains(weak: Floats, strong: Floats) -> Floats:
    """P(the strong one is right) - P(the weak one is), of logits."""
    return np.asarray(1 / (1 + np.exp(-strong)) - 1 / (1 + np.exp(-weak)))
