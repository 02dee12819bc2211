"""Which policy gives most for its cost, on recorded answers? Curves, and areas between them.

Nothing is drafted: every rung's answer to every step was recorded, so what a policy would have done
is known. Steps are dealt to folds several times over and everything is learned anew; all figures
are under the same resamples of steps and of dealings (see lab/routing/resampling.py), so that
differences are paired.

A policy's curve is that of one worth for all folds, as an owner would set it. What puts steps in
one order is compared within folds (see lab/routing/figures.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns, ladder_columns
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.routing.counted import Round, rankings_of
from rungwise.lab.routing.curves import LEVELS, ends_of
from rungwise.lab.routing.operating import Operating, operating
from rungwise.lab.routing.parts import Fit, Part, parts_of
from rungwise.lab.routing.policies.cascade import PureCascade
from rungwise.lab.routing.policies.length import PromptLength
from rungwise.lab.routing.policies.pays import Pays
from rungwise.lab.routing.policies.router import Oracle, PureRouter
from rungwise.lab.routing.policies.walk import Policy, one_rung
from rungwise.lab.routing.resampling import (
    FEWEST_GROUPS,
    Estimate,
    Resamples,
    estimates_of_rounds,
    resamples,
)
from rungwise.lab.routing.sweeping import random_mixing, settings_for, sweep, worths_for

__all__ = ["POLICIES", "Options", "SetFigures", "evaluate", "work"]

POLICIES: Mapping[str, Policy] = {
    "oracle": Oracle(),
    "length": PromptLength(),
    "router": PureRouter(),
    "cascade": PureCascade(),
    "pays": Pays(),
}
NEEDS_CONFIDENCE = frozenset({"cascade"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    policies: tuple[str, ...] = tuple(POLICIES)
    second_usd: float = 0.0
    targets: tuple[float, ...] = (0.8, 0.95)
    """Shares of the gap that operating points are chosen for."""
    folds: int = 5
    rounds: int = 5
    """Dealings of groups to folds; one is enough where another file is learned on."""
    resamples: int = 1000
    by_row: bool = False
    """Draw steps, and not groups of them."""
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SetFigures:
    """What was found on one set. Names of figures are paths, as in the JSON."""

    name: str
    columns: LadderColumns
    learned_on: str | None
    """The file; None: on other folds of the same one."""
    notes: tuple[str, ...]
    rounds: tuple[Round, ...]
    figures: Mapping[str, Estimate]

    @property
    def policies(self) -> tuple[str, ...]:
        return tuple(self.rounds[0].sweeps)

    @property
    def points(self) -> tuple[str, ...]:
        return tuple(self.rounds[0].points)

    @property
    def by_calls(self) -> frozenset[str]:
        """Policies whose APGR and CPT go by the share of calls, not of the axis of costs."""
        return frozenset(self.rounds[0].rankings) & frozenset(self.policies)

    def right(self, policy: str) -> Floats:
        """The share of right answers at LEVELS, the mean over the rounds."""
        even = np.ones(len(self.columns))
        told = [one.curves(even)[policy].at(LEVELS) for one in self.rounds]
        return np.asarray(np.mean(told, axis=0), dtype=np.float64)

    def settings(self, policy: str) -> list[tuple[float, float, float]]:
        """Of each, its value, mean cost and share of right answers: means over the rounds."""
        even = np.ones(len(self.columns))
        cost, right = np.mean([one.sweeps[policy].means(even) for one in self.rounds], axis=0)
        values = self.rounds[0].sweeps[policy].settings
        return list(zip(values, cost.tolist(), right.tolist(), strict=True))


def work(train: bool, options: Options) -> int:
    """How often `progress` is called for one set."""
    parts = options.folds + 1 if train else options.folds * options.rounds
    return parts * (1 + len(options.policies)) + options.resamples


def evaluate(
    data: RecordedLadder,
    fit: Fit,
    options: Options,
    *,
    train: RecordedLadder | None = None,
    progress: Callable[[], object] = lambda: None,
) -> SetFigures:
    """Every result of both must have a cost. Raises NoAxis, and what `fit` raises."""
    columns = ladder_columns(data)
    learned = None if train is None else ladder_columns(train)
    ends_of(columns.cost, columns.right, np.ones(len(columns)))
    groups: Sequence[object] = range(len(columns)) if options.by_row else columns.groups
    drawn = resamples([str(g) for g in groups], count=options.resamples, seed=options.seed)
    trial = _Trial(columns, learned, fit, options, drawn, progress)
    seeds = range(options.seed, options.seed + (1 if learned else options.rounds))
    rounds = tuple(trial.round(seed) for seed in seeds)
    return SetFigures(
        name=data.name,
        columns=columns,
        learned_on=None if train is None else train.source,
        notes=(*data.notes, *trial.notes, *_about(columns, learned, options)),
        rounds=rounds,
        figures=estimates_of_rounds([one.figures for one in rounds], drawn, progress),
    )


class _Trial:
    """One set's rounds."""

    def __init__(
        self,
        columns: LadderColumns,
        learned: LadderColumns | None,
        fit: Fit,
        options: Options,
        drawn: Resamples,
        progress: Callable[[], object],
    ) -> None:
        self._columns, self._learned, self._fit = columns, learned, fit
        self._options, self._drawn, self._progress = options, drawn, progress
        self._worths = worths_for(learned or columns, options.second_usd)
        self.notes: tuple[str, ...] = ()

    def round(self, seed: int) -> Round:
        columns = self._columns
        parts = self._parts(columns, self._learned, seed)
        read = all(not np.isnan(part.known.confidence[:, :-1]).all() for part in parts)
        told = "no readings and no confidences: there is no cascade, and ours is a pure router"
        self.notes = () if read else (told,)
        chosen = self._options.policies
        policies = {n: POLICIES[n] for n in chosen if read or n not in NEEDS_CONFIDENCE}
        swept = sweep(policies, parts, columns, self._worths, self._progress)
        points = _singles(columns)
        folds: list[Ints] | None = [part.places for part in parts]
        chosen_on = swept
        if self._learned is not None:
            within = self._parts(self._learned, None, seed)
            chosen_on = sweep(policies, within, self._learned, self._worths, self._progress)
            folds = None
        for name in policies:
            for share in self._options.targets:
                settings = settings_for(chosen_on[name], share, folds, len(columns))
                points[f"{name}@{share:g}"] = operating(swept[name].chosen(settings), columns)
        swept = {"random": random_mixing(columns), **swept}
        return Round(
            columns=columns,
            sweeps={name: one.sweep(self._drawn.group_of) for name, one in swept.items()},
            rankings=rankings_of(columns, parts, read=read),
            points=points,
        )

    def _parts(self, columns: LadderColumns, train: LadderColumns | None, seed: int) -> list[Part]:
        found = []
        count = self._options.folds
        for part in parts_of(columns, self._fit, train=train, count=count, seed=seed):
            found.append(part)
            self._progress()
        return found


def _about(
    columns: LadderColumns, learned: LadderColumns | None, options: Options
) -> tuple[str, ...]:
    groups = len(set(columns.groups))
    if options.by_row or groups == len(columns):
        drawn = "steps are drawn for the intervals"
    elif groups < FEWEST_GROUPS:
        drawn = f"only {groups} groups: steps are drawn within each for the intervals"
    else:
        drawn = f"{groups} groups are drawn for the intervals"
    if learned is not None:
        return (drawn,)
    held = "groups whole" if groups >= options.folds else "steps at random: too few groups"
    return (drawn, f"decided on {options.folds} folds, {held}, dealt {_times(options.rounds)}")


def _times(rounds: int) -> str:
    return "once" if rounds == 1 else f"anew {rounds} times"


def _singles(columns: LadderColumns) -> dict[str, Operating]:
    rungs = len(columns.tiers)
    return {
        f"single.{name}": operating(
            one_rung(np.full(len(columns), rung, dtype=np.int64), rungs), columns
        )
        for rung, name in enumerate(columns.tiers)
    }
