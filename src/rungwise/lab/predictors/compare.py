"""Which predictor of difficulty is best, and can the data tell? All candidates on the same folds.

Each is fitted on the other folds, groups whole, and orders the steps of the one that was held: the
higher, the rather to the strong model, which is the ladder's highest rung; the weak one is its
lowest. Folds are dealt several times over, since which groups are held back together changes what
is found more than most candidates differ by. A set of few groups is measured twice: by leaving each
group out, which asks whether what was learned orders the steps of another kind of task, and by
folds of single steps. Then each set's predictors are tried on all the other sets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats, Ints
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.predictors.boosted import (
    boosted_direct,
    boosted_gain,
    boosted_on_disagreement,
    boosted_traits,
)
from rungwise.lab.predictors.candidate import Candidate, Side
from rungwise.lab.predictors.columns import columns_of
from rungwise.lab.predictors.dealing import dealt_by_luck
from rungwise.lab.predictors.figures import Comparison, Figures, Outcome, Trial, figures_of
from rungwise.lab.predictors.hashed import hashed_direct, hashed_words, naive_bayes
from rungwise.lab.predictors.length import prompt_length, random_order
from rungwise.lab.predictors.shipped import shipped
from rungwise.lab.predictors.spread import spread
from rungwise.lab.predictors.tfidf import tfidf
from rungwise.lab.routing.resampling import FEWEST_GROUPS
from rungwise.lab.training.fit import Example, TooLittle
from rungwise.policy.sketch import sketch_of

__all__ = ["CANDIDATES", "ROUNDS", "compare", "fits", "side_of"]

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
ROUNDS = 5
SEED = 20_260


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Told:
    """What one candidate that was fitted once said of some steps."""

    scores: Floats
    fit_s: float
    predict_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Dealing:
    """One set's folds: what is held back together, once for each round."""

    ladder: RecordedLadder
    name: str
    folds: tuple[Ints, ...]
    """By round, [steps]."""


def compare(
    sets: Sequence[RecordedLadder],
    progress: Callable[[], object],
    candidates: Mapping[str, Candidate] = CANDIDATES,
    *,
    rounds: int = ROUNDS,
    workers: int = 1,
) -> Comparison:
    """`progress` is called `fits` times. Raises ConfigError where a strong model is no better."""
    sides = {ladder.name: side_of(ladder) for ladder in sets}
    dealings = [
        dealing for ladder in sets for dealing in _dealings(ladder, sides[ladder.name], rounds)
    ]
    asked = [
        (dealing, fold == number)
        for dealing in dealings
        for fold in dealing.folds
        for number in range(int(fold.max()) + 1)
    ]

    def held(place: int) -> dict[str, _Told | None]:
        dealing, rows = asked[place]
        side = sides[dealing.ladder.name]
        known, rest = _part(side, ~rows), _part(side, rows)
        return {name: _tried(one, known, [rest])[0] for name, one in candidates.items()}

    def carried(place: int) -> dict[str, list[_Told | None]]:
        learned = sets[place].name
        others = [side for name, side in sides.items() if name != learned]
        return {name: _tried(one, sides[learned], others) for name, one in candidates.items()}

    told = iter(spread(held, len(asked), workers=workers, progress=progress))
    found = {one.name: _figures(one, sides[one.ladder.name], told) for one in dealings}
    learned = len(sets) if len(sets) > 1 else 0
    crossed = spread(carried, learned, workers=workers, progress=progress)
    transfers = [
        (ladder.name, other.name, _transferred(other, sides[other.name], place, tried))
        for ladder, tried in zip(sets, crossed, strict=False)
        for place, other in enumerate(o for o in sets if o is not ladder)
    ]
    return Comparison(sets=found, transfers=tuple(transfers), rounds=rounds, seed=SEED)


def fits(sets: Sequence[RecordedLadder], rounds: int = ROUNDS) -> int:
    """How many folds there are, and sets to learn on for others."""
    folds = 0
    for ladder in sets:
        groups = len({row.group for row in ladder.rows})
        few = groups < FEWEST_GROUPS
        folds += (groups if few else 0) + rounds * min(FOLDS, len(ladder.rows) if few else groups)
    return folds + (len(sets) if len(sets) > 1 else 0)


def side_of(ladder: RecordedLadder) -> Side:
    """All its steps, and of its tiers the lowest and the highest."""
    low, high = ladder.tiers[0], ladder.tiers[-1]
    examples = [
        Example(
            sketch=sketch_of(row.chat),
            step_type=row.kind,
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


def _dealings(ladder: RecordedLadder, side: Side, rounds: int) -> list[_Dealing]:
    groups = side.columns.group
    seeds = range(SEED, SEED + rounds)
    if groups.max() + 1 >= FEWEST_GROUPS:
        folds = tuple(dealt_by_luck(groups, FOLDS, seed) for seed in seeds)
        return [_Dealing(ladder=ladder, name=ladder.name, folds=folds)]
    single = tuple(dealt_by_luck(side.rows, FOLDS, seed) for seed in seeds)
    return [
        _Dealing(ladder=ladder, name=ladder.name, folds=(groups,)),
        _Dealing(ladder=ladder, name=f"{ladder.name}, single steps", folds=single),
    ]


def _figures(dealing: _Dealing, side: Side, told: Iterator[Mapping[str, _Told | None]]) -> Figures:
    """Takes of `told` what is of this dealing's folds."""
    by_round = [[next(told) for _ in range(int(fold.max()) + 1)] for fold in dealing.folds]
    outcomes = {}
    for name in by_round[0][0]:
        outcome = _joined(side, dealing, [[one[name] for one in told] for told in by_round])
        if outcome is not None:
            outcomes[name] = outcome
    return figures_of(
        Trial(
            outcomes=outcomes,
            folds=dealing.folds,
            groups=[row.group for row in dealing.ladder.rows],
            notes=dealing.ladder.notes,
        ),
        side,
    )


def _joined(
    side: Side, dealing: _Dealing, told: Sequence[Sequence[_Told | None]]
) -> Outcome | None:
    """None where it once had too little to learn from."""
    scores = np.zeros((len(dealing.folds), len(side.rows)))
    every = []
    for place, (fold, by_fold) in enumerate(zip(dealing.folds, told, strict=True)):
        for number, one in enumerate(by_fold):
            if one is None:
                return None
            scores[place, fold == number] = one.scores
            every.append(one)
    return Outcome(
        scores=scores,
        fit_s=float(np.mean([one.fit_s for one in every])),
        predict_us=1e6 * sum(one.predict_s for one in every) / scores.size,
    )


def _transferred(
    other: RecordedLadder, side: Side, place: int, tried: Mapping[str, Sequence[_Told | None]]
) -> Figures:
    """`place` is the other set's among those that were tried."""
    outcomes = {
        name: Outcome(
            scores=one.scores[None, :],
            fit_s=one.fit_s,
            predict_us=1e6 * one.predict_s / len(one.scores),
        )
        for name, told in tried.items()
        if (one := told[place]) is not None
    }
    groups = [row.group for row in other.rows]
    return figures_of(Trial(outcomes=outcomes, folds=(), groups=groups, notes=other.notes), side)


def _tried(candidate: Candidate, known: Side, sides: Sequence[Side]) -> list[_Told | None]:
    """Fitted on one side, asked of others: None each where it has too little to learn from."""
    try:
        learned, fit_s = _timed(partial(candidate, known))
    except TooLittle:
        return [None] * len(sides)
    found: list[_Told | None] = []
    for side in sides:
        scores, predict_s = _timed(partial(learned, side))
        found.append(_Told(scores=scores, fit_s=fit_s, predict_s=predict_s))
    return found


def _part(side: Side, chosen: Bools) -> Side:
    return replace(side, rows=np.flatnonzero(chosen))


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """And the seconds of processor time that it took: others may be at work, too."""
    begun = time.process_time()
    found = work()
    return found, time.process_time() - begun
