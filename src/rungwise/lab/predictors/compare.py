"""Which predictor of difficulty is best, and can the data tell? All candidates on the same folds.

Each is fitted on the other folds, groups whole, and orders the steps of the one that was held: the
higher, the rather to the strong model, which is the ladder's highest rung; the weak one is its
lowest. A set of few groups is measured twice: by leaving each group out, which asks whether what
was learned carries over to another kind of task, and by folds of single steps. Then each set's
predictors are tried on all the other sets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from rungwise.lab.calibration.readings import Bools, Ints
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.predictors.boosted import (
    boosted_direct,
    boosted_gain,
    boosted_on_disagreement,
    boosted_traits,
)
from rungwise.lab.predictors.candidate import Candidate, Side
from rungwise.lab.predictors.columns import columns_of
from rungwise.lab.predictors.dealing import dealt
from rungwise.lab.predictors.figures import Comparison, Figures, Outcome, figures_of
from rungwise.lab.predictors.hashed import hashed_direct, hashed_words, naive_bayes
from rungwise.lab.predictors.length import prompt_length, random_order
from rungwise.lab.predictors.shipped import shipped
from rungwise.lab.predictors.tfidf import tfidf
from rungwise.lab.routing.resampling import FEWEST_GROUPS
from rungwise.lab.training.fit import Example, TooLittle
from rungwise.policy.sketch import sketch_of
from rungwise.types import StepType

__all__ = ["CANDIDATES", "compare", "fits", "side_of"]

CANDIDATES: Mapping[str, Candidate] = {
    "random": random_order,
    "prompt_length": prompt_length,
    "tfidf": tfidf,
    "naive_bayes": naive_bayes,
    "hashed": hashed_words,
    "hashed_direct": hashed_direct,
    "boosted": boosted_traits,
    "boosted_direct": boosted_direct,
    "boosted_gain": boosted_gain,
    "boosted_disagreement": boosted_on_disagreement,
    "shipped": shipped,
}
T = TypeVar("T")

FOLDS = 5
SEED = 20_260


def compare(
    sets: Sequence[RecordedLadder],
    progress: Callable[[], object],
    candidates: Mapping[str, Candidate] = CANDIDATES,
) -> Comparison:
    """`progress` is called once for each fit, `fits` times at most."""
    sides = {ladder.name: side_of(ladder) for ladder in sets}
    found, transfers = {}, []
    for ladder in sets:
        side = sides[ladder.name]
        few = side.columns.group.max() + 1 < FEWEST_GROUPS
        by_group = dealt(side.columns.group, len(side.rows) if few else FOLDS, SEED)
        found[ladder.name] = _figures(ladder, side, by_group, candidates, progress)
        if few:
            single = dealt(side.rows, FOLDS, SEED)
            name = f"{ladder.name}, single steps"
            found[name] = _figures(ladder, side, single, candidates, progress)
    if len(sets) > 1:
        for ladder in sets:
            transfers += _carried(ladder, sets, sides, candidates, progress)
    return Comparison(sets=found, transfers=tuple(transfers), seed=SEED)


def fits(sets: Sequence[RecordedLadder], candidates: Mapping[str, Candidate] = CANDIDATES) -> int:
    return len(candidates) * len(sets) * (2 * FOLDS + 1)


def side_of(ladder: RecordedLadder) -> Side:
    """All its steps, and of its tiers the lowest and the highest."""
    low, high = ladder.tiers[0], ladder.tiers[-1]
    types = {step_type.value: step_type for step_type in StepType}
    examples = [
        Example(
            sketch=sketch_of(row.chat),
            step_type=types.get(row.step_type, StepType.OPEN_CHAT),
            group=row.group,
            right={"weak": row.tiers[low].correct, "strong": row.tiers[high].correct},
        )
        for row in ladder.rows
    ]
    columns = columns_of(examples, ("weak", "strong"))
    return Side(
        texts=[row.prompt for row in ladder.rows],
        examples=examples,
        columns=columns,
        matrix=columns.matrix(),
        rows=np.arange(len(examples), dtype=np.int64),
    )


def _figures(
    ladder: RecordedLadder,
    side: Side,
    fold: Ints,
    candidates: Mapping[str, Candidate],
    progress: Callable[[], object],
) -> Figures:
    outcomes = {}
    for name, candidate in candidates.items():
        outcome = _held(side, fold, candidate, progress)
        if outcome is not None:
            outcomes[name] = outcome
    groups = [row.group for row in ladder.rows]
    return figures_of(outcomes, side, groups, folds=int(fold.max()) + 1, notes=ladder.notes)


def _held(
    side: Side, fold: Ints, candidate: Candidate, progress: Callable[[], object]
) -> Outcome | None:
    """None where it has too little to learn from."""
    scores = np.zeros(len(side.rows))
    fit_s, predict_s = [], 0.0
    for number in range(int(fold.max()) + 1):
        known, held = (_part(side, rows) for rows in (fold != number, fold == number))
        try:
            learned, took = _timed(partial(candidate, known))
        except TooLittle:
            return None
        scores[held.rows], spent = _timed(partial(learned, held))
        fit_s.append(took)
        predict_s += spent
        progress()
    return Outcome(
        scores=scores,
        fit_s=float(np.mean(fit_s)),
        predict_us=1e6 * predict_s / len(scores),
    )


def _carried(
    learned: RecordedLadder,
    sets: Sequence[RecordedLadder],
    sides: Mapping[str, Side],
    candidates: Mapping[str, Candidate],
    progress: Callable[[], object],
) -> list[tuple[str, str, Figures]]:
    """What one set's predictors do on each of the others."""
    others = [other for other in sets if other is not learned]
    scored: dict[str, dict[str, Outcome]] = {other.name: {} for other in others}
    for name, candidate in candidates.items():
        try:
            told, took = _timed(partial(candidate, sides[learned.name]))
        except TooLittle:
            continue
        progress()
        for place, outcomes in scored.items():
            scores, spent = _timed(partial(told, sides[place]))
            outcomes[name] = Outcome(
                scores=scores, fit_s=took, predict_us=1e6 * spent / len(scores)
            )
    return [
        (
            learned.name,
            other.name,
            figures_of(
                scored[other.name],
                sides[other.name],
                [row.group for row in other.rows],
                folds=0,
                notes=other.notes,
            ),
        )
        for other in others
    ]


def _part(side: Side, chosen: Bools) -> Side:
    return replace(side, rows=np.flatnonzero(chosen))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begun
