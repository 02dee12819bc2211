"""How does a recorded ladder look as columns? Arrays with one row a step and one column a rung."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Bools, Columns, Floats, Ints
from rungwise.lab.ladders.rows import RecordedLadder, Result, Row
from rungwise.policy.sketch import Sketch, sketch_of
from rungwise.types import StepType

__all__ = ["LadderColumns", "ladder_columns"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LadderColumns:
    """Rungs lowest first."""

    tiers: tuple[str, ...]
    rows: tuple[Row, ...]
    sketches: tuple[Sketch, ...]
    """[steps], what a predictor sees."""
    right: Floats
    """[steps, rungs], 0 or 1."""
    cost: Floats
    """[steps, rungs], US dollars."""
    seconds: Floats
    """[steps, rungs]; NaN where no latency was recorded."""
    stated: Floats
    """[steps, rungs], P(correct) as the data has it; NaN where it has none."""
    readings: tuple[Columns | None, ...]
    """By rung; None where nothing was read of any draft of it, rows of NaN for single ones."""
    step_types: tuple[str, ...]
    type_of: Ints
    """[steps], places in `step_types`."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def groups(self) -> list[str]:
        return [row.group for row in self.rows]

    def kinds(self) -> list[StepType]:
        """[steps]"""
        return [row.kind for row in self.rows]

    @property
    def timed(self) -> bool:
        return not bool(np.isnan(self.seconds).any())

    def take(self, chosen: Ints | Bools) -> LadderColumns:
        places = np.arange(len(self))[chosen]
        return LadderColumns(
            tiers=self.tiers,
            rows=tuple(self.rows[place] for place in places.tolist()),
            sketches=tuple(self.sketches[place] for place in places.tolist()),
            right=self.right[places],
            cost=self.cost[places],
            seconds=self.seconds[places],
            stated=self.stated[places],
            readings=tuple(None if r is None else r.take(places) for r in self.readings),
            step_types=self.step_types,
            type_of=self.type_of[places],
        )


def ladder_columns(data: RecordedLadder) -> LadderColumns:
    """Every result must have a cost (see lab/ladders/costs.py)."""
    step_types = tuple(sorted({row.step_type for row in data.rows}))
    place = {name: i for i, name in enumerate(step_types)}
    type_of = np.array([place[row.step_type] for row in data.rows], dtype=np.int64)

    def column(value: object) -> Floats:
        return np.array(value, dtype=np.float64)

    results = [[row.tiers[name] for name in data.tiers] for row in data.rows]
    return LadderColumns(
        tiers=data.tiers,
        rows=data.rows,
        sketches=tuple(sketch_of(row.chat) for row in data.rows),
        right=column([[r.correct for r in found] for found in results]),
        cost=column([[r.cost_usd for r in found] for found in results]),
        seconds=column([[_or_nan(r.latency_ms) / 1e3 for r in found] for found in results]),
        stated=column([[_or_nan(r.confidence) for r in found] for found in results]),
        readings=tuple(
            _readings([found[k] for found in results], step_types, type_of)
            for k in range(len(data.tiers))
        ),
        step_types=step_types,
        type_of=type_of,
    )


def _readings(
    results: Sequence[Result], step_types: tuple[str, ...], type_of: Ints
) -> Columns | None:
    """The signals that every draft with any readings has."""
    read = [set(result.readings) for result in results if result.readings]
    names = sorted(set.intersection(*read)) if read else []
    if not names:
        return None
    nothing = [np.nan] * len(names)
    values = [[r.readings[n] for n in names] if r.readings else nothing for r in results]
    return Columns(
        signals=tuple(names),
        values=np.array(values, dtype=np.float64),
        step_types=step_types,
        type_of=type_of,
    )


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
