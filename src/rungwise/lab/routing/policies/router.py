"""Which one rung pays most, as far as can be foreseen? The pure router, and the one that knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.routing.parts import Part
from rungwise.lab.routing.policies.walk import Walk, Worth, one_rung

__all__ = ["Oracle", "PureRouter"]


class PureRouter:
    """The rung of the greatest right_usd * P(right) - cost - second_usd * seconds, by what is
    expected; the cheaper of two equal ones. Its draft is given out unjudged."""

    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        side = part.held
        return [_best(worth, side.probability, side.cost, side.seconds) for worth in worths]


class Oracle:
    """The same choice by what came out: no policy that asks one rung can do better."""

    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        columns = part.held.columns
        seconds = np.nan_to_num(columns.seconds)
        return [_best(worth, columns.right, columns.cost, seconds) for worth in worths]


def _best(worth: Worth, right: Floats, cost: Floats, seconds: Floats) -> Walk:
    gain = worth.right_usd * right - cost - worth.second_usd * seconds
    return one_rung(np.argmax(gain, axis=1).astype(np.int64), right.shape[1])
