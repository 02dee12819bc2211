"""What does the shipped predictor learn from recorded steps? The fit that `eval routing` uses."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.training.fit import Example, fit
from rungwise.policy.difficulty import Difficulty

__all__ = ["examples_of", "fit_columns"]


def fit_columns(columns: LadderColumns, sure: Floats) -> Difficulty:
    """`sure` is [steps, rungs], the drafts' confidences. Raises TooLittle."""
    return fit(examples_of(columns, sure), columns.tiers)


def examples_of(columns: LadderColumns, sure: Floats) -> list[Example]:
    kinds, tiers = columns.kinds(), columns.tiers
    return [
        Example(
            sketch=columns.sketches[place],
            step_type=kinds[place],
            group=row.group,
            right={name: row.tiers[name].correct for name in tiers},
            sure=_known(tiers, sure[place]),
            tokens={
                name: float(tokens)
                for name in tiers
                if (tokens := row.tiers[name].output_tokens) is not None
            },
            seconds=_known(tiers, columns.seconds[place]),
        )
        for place, row in enumerate(columns.rows)
    ]


def _known(tiers: tuple[str, ...], values: Floats) -> dict[str, float]:
    told = zip(tiers, values.tolist(), strict=True)
    return {name: value for name, value in told if not np.isnan(value)}
