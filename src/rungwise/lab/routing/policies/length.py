"""How far does the length of the prompt go? The baseline that every predictor must beat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rungwise.lab.routing.parts import Part
from rungwise.lab.routing.policies.walk import Walk, Worth, one_rung

__all__ = ["PromptLength"]


class PromptLength:
    """The longest prompts go to the highest rung, the others to the lowest. A worth says only how
    many: as large a share of the known steps as its place among the worths."""

    def walks(self, part: Part, worths: Sequence[Worth]) -> list[Walk]:
        known = np.array([len(row.prompt) for row in part.known.columns.rows])
        held = np.array([len(row.prompt) for row in part.held.columns.rows])
        rungs = part.held.columns.right.shape[1]
        shares = np.linspace(0, 1, len(worths))
        bounds = np.quantile(known, 1 - shares)
        bounds[0], bounds[-1] = np.inf, -np.inf
        return [one_rung(np.where(held >= b, rungs - 1, 0), rungs) for b in bounds.tolist()]
