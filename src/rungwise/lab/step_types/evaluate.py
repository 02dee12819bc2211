"""How often is the classifier of step types right, on templates and domains it has never seen?

The prompts are synthetic (lab/step_types/prompts.py), so these figures say how well it generalises
from some wordings to others, and not how often it is right on anybody's traffic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rungwise.lab.routing.resampling import Estimate, estimate, resamples
from rungwise.lab.step_types.fit import (
    FOLDS,
    RIGHT,
    STEP_TYPES,
    Floats,
    Rows,
    Sample,
    foreseen,
    held_out,
    learn,
    least_for,
    sample_of,
)
from rungwise.lab.step_types.prompts import EACH, prompts

__all__ = ["ROUNDS", "StepTypeFigures", "evaluate"]

ROUNDS = FOLDS * FOLDS + 1
"""Steps of progress."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """What came of prompts that were held out. `answered` are those it did not abstain from."""

    count: int
    templates: int
    right: Estimate
    """Of all, whether it abstained or not."""
    answered: Estimate
    right_answered: Estimate

    def as_json(self) -> dict[str, object]:
        return {
            "count": self.count,
            "templates": self.templates,
            "right": self.right.as_json(),
            "answered": self.answered.as_json(),
            "right_of_answered": self.right_answered.as_json(),
        }

    def told(self, name: str) -> str:
        shares = (self.right, self.answered, self.right_answered)
        told = "".join(f"  {share.told('.1%'):<24}" for share in shares)
        return f"{name:<24}{self.count:>6}{self.templates:>6}{told}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepTypeFigures:
    written: Held
    """Templates of `prompts.yaml`: both template and domain held out."""
    suite: Held
    """The step suite, by a classifier that has never seen any of it."""
    by_type: Mapping[str, Held]
    confusion: NDArray[np.int64]
    """[step types, step types and abstained], of the written ones."""
    least: tuple[float, ...]
    """Where it abstained, by fold: chosen within what it learned from."""

    def as_json(self) -> dict[str, object]:
        names = [*(step_type.value for step_type in STEP_TYPES), "abstained"]
        return {
            "synthetic": True,
            "aim": RIGHT,
            "least": list(self.least),
            "written": self.written.as_json(),
            "suite": self.suite.as_json(),
            "by_type": {name: held.as_json() for name, held in self.by_type.items()},
            "confusion": {
                step_type.value: dict(zip(names, map(int, row), strict=True))
                for step_type, row in zip(STEP_TYPES, self.confusion, strict=True)
            },
        }

    def as_lines(self) -> list[str]:
        head = f"{'':<24}{'steps':>6}{'from':>6}  {'right, of all':<24}  {'answered':<24}"
        lines = [
            "Synthetic prompts: how it generalises to other wordings, not how it does on your "
            "traffic.",
            f"It abstains under P = {min(self.least):.2f} to {max(self.least):.2f}, chosen so that "
            f"{RIGHT:.0%} of its answers are right.",
            "",
            f"{head}  right, of answered",
            self.written.told("held-out templates"),
            *(held.told(f"  {name}") for name, held in self.by_type.items()),
            self.suite.told("another source: suite"),
            "",
            "rows: what it was; columns: what it was taken for (a: abstained)",
        ]
        marks = [*(str(i) for i in range(1, len(STEP_TYPES) + 1)), "a"]
        lines.append(f"{'':<26}" + "".join(f"{mark:>5}" for mark in marks))
        for mark, step_type, row in zip(marks, STEP_TYPES, self.confusion, strict=False):
            cells = "".join(f"{count or '.':>5}" for count in row)
            lines.append(f"{mark:>2} {step_type.value:<23}{cells}")
        return lines


def evaluate(
    progress: Callable[[], object] = lambda: None, *, seed: int = 0, each: int = EACH
) -> StepTypeFigures:
    """`each` prompts of every template; ROUNDS steps of progress, some seconds on one core."""
    sample = sample_of(prompts(seed, each=each))
    every = frozenset(range(FOLDS))
    p = np.full((len(sample.prompts), len(STEP_TYPES)), np.nan)
    least_of = np.full(len(sample.prompts), np.nan)
    least = []
    for fold in range(FOLDS):
        inner = held_out(sample, every - {fold}, progress)
        least.append(_chosen(inner, sample))
        rows = sample.inside(fold)
        p[rows] = foreseen(learn(sample, sample.outside({fold})), sample, rows)
        least_of[rows] = least[-1]
        progress()
    written = np.flatnonzero(~np.isnan(p[:, 0]) & sample.written())
    suite = np.flatnonzero(~sample.written())
    told = foreseen(learn(sample, np.flatnonzero(sample.written())), sample, suite)
    progress()
    return StepTypeFigures(
        written=_held(sample, written, p[written], least_of[written], seed),
        suite=_held(sample, suite, told, np.full(len(suite), np.mean(least)), seed),
        by_type={
            step_type.value: _held(sample, rows, p[rows], least_of[rows], seed)
            for number, step_type in enumerate(STEP_TYPES)
            if len(rows := written[sample.type_of[written] == number])
        },
        confusion=_confusion(sample.type_of[written], p[written], least_of[written]),
        least=tuple(least),
    )


def _chosen(p: Floats, sample: Sample) -> float:
    tested = ~np.isnan(p[:, 0]) & sample.written()
    return least_for(p[tested].max(axis=1), p[tested].argmax(axis=1) == sample.type_of[tested])


def _held(sample: Sample, rows: Rows, p: Floats, least: Floats, seed: int) -> Held:
    right = (p.argmax(axis=1) == sample.type_of[rows]).astype(float)
    answered = (p.max(axis=1) >= least).astype(float)
    templates = [sample.prompts[row].template for row in rows]
    drawn = resamples(templates, seed=seed)

    def share(of: Floats, among: Floats | None = None) -> Estimate:
        def figure(weight: Floats) -> float:
            counted = weight if among is None else weight * among
            if not counted.sum():
                raise ValueError("nothing was answered")
            return float((of * counted).sum() / counted.sum())

        return estimate(figure, drawn)

    return Held(
        count=len(rows),
        templates=len(set(templates)),
        right=share(right),
        answered=share(answered),
        right_answered=share(right, answered),
    )


def _confusion(type_of: Rows, p: Floats, least: Floats) -> NDArray[np.int64]:
    taken = np.where(p.max(axis=1) >= least, p.argmax(axis=1), len(STEP_TYPES))
    found = np.zeros((len(STEP_TYPES), len(STEP_TYPES) + 1), np.int64)
    np.add.at(found, (type_of, taken), 1)
    return found
