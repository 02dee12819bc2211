"""What is known of a step before it is answered, and of a draft before it is given out?

Everything that a policy decides by was learned on other steps than it decides about: on other folds
of the same file, groups whole, or on another file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from rungwise.lab.calibration.fit import Fitted
from rungwise.lab.calibration.fit import fit as fit_readings
from rungwise.lab.calibration.readings import Bools, Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.predictors.dealing import dealt_by_luck, whole_groups
from rungwise.policy.pays import Reach
from rungwise.policy.sketch import Sketch
from rungwise.types import StepType

__all__ = ["Fit", "Foresight", "Part", "Side", "parts_of"]


class Foresight(Protocol):
    """What a policy needs of a Difficulty; see policy/difficulty.py."""

    def forecast(self, sketch: Sketch, step_type: StepType) -> Mapping[str, float]: ...

    def after(self, refused: str, confidence: float, tier: str, probability: Floats) -> Floats: ...

    def gate(self, tier: str) -> Reach[Floats]: ...


Fit = Callable[[LadderColumns, Floats], Foresight]
"""Learns from recorded steps and their drafts' confidences ([steps, rungs], NaN where there is
none), for their rungs."""

Calibrated: TypeAlias = tuple[tuple[str, ...], Fitted] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """Steps, and what can be said of them without looking at what was right."""

    columns: LadderColumns
    probability: Floats
    """[steps, rungs], P(right) before anything is drafted."""
    confidence: Floats
    """[steps, rungs], P(right) of the finished draft; NaN where nothing could be read of it."""
    cost: Floats
    """[steps, rungs], the cost to expect, US dollars."""
    seconds: Floats
    """[steps, rungs], the time to expect; 0 where no latency was recorded."""

    def __len__(self) -> int:
        return len(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Steps to decide about, and those that everything was learned on."""

    known: Side
    """Its probabilities are those of what was fitted on the very same steps: only its confidences,
    of which few numbers are fitted, may be trusted."""
    held: Side
    places: Ints
    """Where the held steps stand in their file."""
    difficulty: Foresight


def parts_of(
    columns: LadderColumns, fit: Fit, *, train: LadderColumns | None, count: int, seed: int
) -> Iterator[Part]:
    """One part for each of `count` folds, or a single one where `train` is given."""
    if train is not None:
        yield _part(train, columns, np.arange(len(columns), dtype=np.int64), fit, seed)
        return
    fold = _folds(columns, count, seed)
    for number in range(int(fold.max()) + 1):
        held = np.flatnonzero(fold == number)
        known = columns.take(_others(columns, held))
        yield _part(known, columns.take(held), held, fit, seed)


def _folds(columns: LadderColumns, count: int, seed: int) -> Ints:
    numbers = np.unique(np.array(columns.groups), return_inverse=True)[1].astype(np.int64)
    return dealt_by_luck(whole_groups(numbers, count), count, seed)


def _others(columns: LadderColumns, held: Ints) -> Bools:
    """[steps]: not held, and not word for word the same as one that is, in whatever group."""
    seen = {columns.rows[place].prompt for place in held.tolist()}
    return np.array([row.prompt not in seen for row in columns.rows], dtype=np.bool_)


def _part(known: LadderColumns, held: LadderColumns, places: Ints, fit: Fit, seed: int) -> Part:
    calibrated = _calibrations(known, seed)
    sure = _confidence(calibrated, known)
    difficulty = fit(known, sure)

    def side(columns: LadderColumns, confidence: Floats) -> Side:
        return Side(
            columns=columns,
            probability=_foreseen(difficulty, columns),
            confidence=confidence,
            cost=_expected(known.cost, known, columns),
            seconds=np.nan_to_num(_expected(known.seconds, known, columns)),
        )

    return Part(
        known=side(known, sure),
        held=side(held, _confidence(calibrated, held)),
        places=places,
        difficulty=difficulty,
    )


def _foreseen(difficulty: Foresight, side: LadderColumns) -> Floats:
    told = [
        difficulty.forecast(sketch, kind)
        for sketch, kind in zip(side.sketches, side.kinds(), strict=True)
    ]
    return np.array([[found[name] for name in side.tiers] for found in told], dtype=np.float64)


def _calibrations(known: LadderColumns, seed: int) -> list[Calibrated]:
    """By rung, the signals that were read of its known drafts and what they say."""
    groups = np.unique(np.array(known.groups), return_inverse=True)[1].astype(np.int64)
    found: list[Calibrated] = []
    for rung, readings in enumerate(known.readings):
        if readings is None:
            found.append(None)
            continue
        rows, rng = readings.reached, np.random.default_rng(seed)
        right = known.right[rows, rung] > 0
        fitted = fit_readings(readings.take(rows), right, groups[rows], rng).best
        found.append((readings.signals, fitted))
    return found


def _confidence(calibrated: Sequence[Calibrated], side: LadderColumns) -> Floats:
    """As the calibrations say; where there is none, as the data has it."""
    found = side.stated.copy()
    for rung, (known, readings) in enumerate(zip(calibrated, side.readings, strict=True)):
        if known is not None and readings is not None and known[0] == readings.signals:
            found[:, rung] = known[1].probabilities(readings)
    return found


def _expected(values: Floats, known: LadderColumns, side: LadderColumns) -> Floats:
    """[steps, rungs]: the mean over known steps of the same type, else over all of them."""
    over_all = values.mean(axis=0)
    by_type = {
        name: values[known.type_of == number].mean(axis=0)
        for number, name in enumerate(known.step_types)
        if (known.type_of == number).any()
    }
    table = np.array([by_type.get(name, over_all) for name in side.step_types])
    return np.asarray(table[side.type_of], dtype=np.float64)
