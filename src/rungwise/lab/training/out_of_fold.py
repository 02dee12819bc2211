"""What would have been foreseen of steps that the predictor did not see? By folds of groups.

A step that is word for word the same as one that is held back is not learnt from, whatever its
group.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats, Ints
from rungwise.lab.predictors.dealing import dealt
from rungwise.policy.sketch import TRAITS, Sketch
from rungwise.types import StepType

if TYPE_CHECKING:
    from rungwise.lab.training.fit import Example

__all__ = ["Foreseen", "Foresees", "Part", "columns", "foresee", "parts"]


class Foresees(Protocol):
    def forecast(self, sketch: Sketch, step_type: StepType) -> dict[str, float]: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foreseen:
    """One row a step, one column a tier."""

    tiers: tuple[str, ...]
    p: Floats
    """[steps, tiers], P(right) as a predictor of the other folds has it; NaN where nothing was."""
    right: Floats
    """[steps, tiers], NaN without a label."""
    said: Bools
    """[steps, tiers], whether the label is somebody's word and not a calibration's number."""
    length: Floats
    """[steps], of the prompt, log(1 + characters)."""
    weight: Floats
    """[steps]"""
    fold: Ints
    """[steps], whose predictor it was: only its own forecasts can be compared."""
    group: tuple[str, ...]
    step_type: tuple[str, ...]

    def labelled(self, *tiers: int) -> Bools:
        """[steps], where all these tiers have a label and a forecast."""
        known = ~np.isnan(self.right) & ~np.isnan(self.p)
        return np.asarray(known[:, list(tiers)].all(axis=1))


def columns(items: Sequence[Example], tiers: Sequence[str]) -> Foreseen:
    """Without anything foreseen."""
    right = [[float(item.right.get(tier, np.nan)) for tier in tiers] for item in items]
    said = [[isinstance(item.right.get(tier), bool) for tier in tiers] for item in items]
    shape = (len(items), len(tiers))
    return Foreseen(
        tiers=tuple(tiers),
        p=np.full(shape, np.nan),
        right=np.array(right, dtype=np.float64).reshape(shape),
        said=np.array(said, dtype=np.bool_).reshape(shape),
        length=np.array([_length(item.sketch) for item in items]),
        weight=np.array([item.weight for item in items]),
        fold=np.zeros(len(items), dtype=np.int64),
        group=tuple(item.group for item in items),
        step_type=tuple(item.step_type.value for item in items),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Places of steps: those that a predictor is fitted on, and those that it then foresees."""

    known: Ints
    held: Ints


def parts(
    items: Sequence[Example], *, count: int, seed: int, share: float = 1.0
) -> tuple[Part, ...]:
    """Groups are held back whole, in folds of like size; of the others as many are learnt from as
    hold `share` of their steps."""
    group = _numbers([item.group for item in items])
    fold = dealt(group, count, seed)
    luck = np.random.default_rng(seed).random(int(group.max()) + 1)[group]
    text = [item.sketch.to_bytes() for item in items]
    found = []
    for number in range(int(fold.max()) + 1):
        held = np.flatnonzero(fold == number)
        copied = {text[place] for place in held}
        other = np.flatnonzero(fold != number)
        drawn = np.sort(luck[other])[: max(1, round(share * len(other)))]
        other = other[luck[other] <= drawn[-1]] if len(other) else other
        known = np.array([place for place in other if text[place] not in copied], dtype=np.int64)
        found.append(Part(known=known, held=held))
    return tuple(found)


def foresee(
    items: Sequence[Example],
    tiers: Sequence[str],
    fit: Callable[[Sequence[Example]], Foresees],
    *,
    by: Sequence[Part],
    progress: Callable[[], object],
) -> Foreseen:
    """P of each step by a predictor that was fitted on the other folds. Raises what `fit` does."""
    found = columns(items, tiers)
    for number, part in enumerate(by):
        predictor = fit([items[place] for place in part.known])
        for place in part.held:
            item = items[place]
            told = predictor.forecast(item.sketch, item.step_type)
            found.p[place] = [told.get(tier, np.nan) for tier in tiers]
        found.fold[part.held] = number
        progress()
    return found


def _numbers(names: Sequence[str]) -> Ints:
    return np.unique(np.array(names), return_inverse=True)[1].astype(np.int64)


_SIZES = [TRAITS.index(name) for name in ("turn_size", "system_size", "history_size")]


def _length(sketch: Sketch) -> float:
    return float(np.log1p(np.expm1(sketch.traits[_SIZES]).sum()))
