"""Which policy gives most for its cost, on recorded answers? Curves, and areas between them.

Nothing is drafted: every rung's answer to every step was recorded, so what a policy would have done
is known. Intervals are of the steps (see lab/routing/resampling.py), with everything that was
learned held fixed; all figures are under the same resamples, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns, ladder_columns
from rungwise.lab.ladders.rows import RecordedLadder
from rungwise.lab.routing.curves import Curve, Sweep, ends_of
from rungwise.lab.routing.figures import NoGap, Ranking, oracle_score, ranking
from rungwise.lab.routing.operating import Operating, operating
from rungwise.lab.routing.parts import Fit, Part, parts_of
from rungwise.lab.routing.policies.cascade import PureCascade
from rungwise.lab.routing.policies.length import PromptLength
from rungwise.lab.routing.policies.pays import Pays
from rungwise.lab.routing.policies.router import Oracle, PureRouter
from rungwise.lab.routing.policies.walk import Policy, one_rung
from rungwise.lab.routing.resampling import FEWEST_GROUPS, Estimate, estimates, resamples
from rungwise.lab.routing.sweeping import Swept, random_mixing, settings_for, sweep, worths_for

__all__ = [
    "AREAS",
    "OURS",
    "POLICIES",
    "SHARES",
    "SHOWN",
    "Options",
    "SetFigures",
    "evaluate",
    "work",
]

POLICIES: Mapping[str, Policy] = {
    "oracle": Oracle(),
    "length": PromptLength(),
    "router": PureRouter(),
    "cascade": PureCascade(),
    "pays": Pays(),
}
OURS = "pays"
AREAS = {"over_router": "router", "over_cascade": "cascade", "over_random": "random"}
NEEDS_CONFIDENCE = frozenset({"cascade"})
SHOWN = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, *(n / 20 for n in range(2, 21)))
"""Costs at which curves are told with an interval, in shares of the axis."""
P50 = "latency_p50_s"
SHARES = {"apgr": None, "cpt50": 0.5, "cpt80": 0.8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    policies: tuple[str, ...] = tuple(POLICIES)
    second_usd: float = 0.0
    targets: tuple[float, ...] = (0.8, 0.95)
    """Shares of the gap that operating points are chosen for."""
    folds: int = 5
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
    swept: Mapping[str, Swept]
    by_calls: frozenset[str]
    """Policies whose APGR and CPT go by the share of calls, not of the axis of costs."""
    points: Mapping[str, Operating]
    figures: Mapping[str, Estimate]

    def curve(self, policy: str) -> Curve:
        even = np.ones(len(self.columns))
        ends = ends_of(self.columns.cost, self.columns.right, even)
        return self.swept[policy].sweep.curve(even, ends)


def work(train: bool, options: Options) -> int:
    """How often `progress` is called for one set."""
    parts = options.folds + 1 if train else options.folds
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
    parts = _parts(columns, learned, fit, options, progress)
    policies, notes = _policies(options, parts)
    worths = worths_for(learned or columns, options.second_usd)
    swept = sweep(policies, parts, columns, worths, progress)
    folds: list[Ints] | None = [part.places for part in parts]
    chosen_on = swept
    if learned is not None:
        within = _parts(learned, None, fit, options, progress)
        chosen_on, folds = sweep(policies, within, learned, worths, progress), None
    points = _singles(columns)
    for name in policies:
        for share in options.targets:
            settings = settings_for(chosen_on[name], share, folds, len(columns))
            points[f"{name}@{share:g}"] = operating(swept[name].chosen(settings), columns)
    swept = {"random": random_mixing(columns), **swept}
    rankings = _rankings(columns, parts) if len(columns.tiers) == 2 else {}
    counted = _Counted(columns, {n: s.sweep for n, s in swept.items()}, rankings, points)
    groups: Sequence[object] = range(len(columns)) if options.by_row else columns.groups
    drawn = resamples([str(g) for g in groups], count=options.resamples, seed=options.seed)
    return SetFigures(
        name=data.name,
        columns=columns,
        learned_on=None if train is None else train.source,
        notes=(*data.notes, *notes, *_about(columns, learned, options)),
        swept=swept,
        by_calls=frozenset(rankings),
        points=points,
        figures=estimates(counted.figures, drawn, progress),
    )


def _parts(
    columns: LadderColumns,
    train: LadderColumns | None,
    fit: Fit,
    options: Options,
    progress: Callable[[], object],
) -> list[Part]:
    found = []
    for part in parts_of(columns, fit, train=train, count=options.folds, seed=options.seed):
        found.append(part)
        progress()
    return found


def _policies(options: Options, parts: Sequence[Part]) -> tuple[dict[str, Policy], tuple[str, ...]]:
    read = all(not np.isnan(part.known.confidence[:, :-1]).all() for part in parts)
    left = {n: POLICIES[n] for n in options.policies if read or n not in NEEDS_CONFIDENCE}
    told = "no readings and no confidences: there is no cascade, and ours is a pure router"
    return left, () if read else (told,)


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
    return (drawn, f"decided on {options.folds} folds, {held}")


def _singles(columns: LadderColumns) -> dict[str, Operating]:
    rungs = len(columns.tiers)
    return {
        f"single.{name}": operating(
            one_rung(np.full(len(columns), rung, dtype=np.int64), rungs), columns
        )
        for rung, name in enumerate(columns.tiers)
    }


def _rankings(columns: LadderColumns, parts: Sequence[Part]) -> dict[str, Ranking]:
    """Policies that put the steps in one order, for two rungs: by RouteLLM's own definition."""
    weak, strong = columns.right.T
    gain = np.empty(len(columns))
    for part in parts:
        gain[part.places] = part.held.probability[:, 1] - part.held.probability[:, 0]
    scores = {
        "random": np.zeros(len(columns)),
        "oracle": oracle_score(weak, strong),
        "length": np.array([float(len(row.prompt)) for row in columns.rows]),
        "router": gain,
    }
    return {name: ranking(score, weak, strong) for name, score in scores.items()}


class _Counted:
    """Every figure of a set under any weights, by its path."""

    def __init__(
        self,
        columns: LadderColumns,
        sweeps: Mapping[str, Sweep],
        rankings: Mapping[str, Ranking],
        points: Mapping[str, Operating],
    ) -> None:
        self._columns, self._sweeps = columns, sweeps
        self._rankings, self._points = rankings, points

    def figures(self, weight: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        ends = ends_of(self._columns.cost, self._columns.right, weight)
        curves = {name: s.curve(weight, ends) for name, s in self._sweeps.items()}
        for name, curve in curves.items():
            for key, share in SHARES.items():
                found[f"policies.{name}.{key}"] = self._recovered(name, curve, share, weight)
            for level, right in zip(SHOWN, curve.at(np.array(SHOWN)).tolist(), strict=True):
                found[f"curves.{name}.{level:g}"] = right
        found |= _areas(curves)
        counted = {name: point.figures(weight) for name, point in self._points.items()}
        for name, values in counted.items():
            found |= {f"points.{name}.{key}": value for key, value in values.items()}
            found |= {
                f"points.{name}.p50_over_s.{tier}": values[P50] - counted[f"single.{tier}"][P50]
                for tier in self._columns.tiers
            }
        return found

    def _recovered(self, name: str, curve: Curve, share: float | None, weight: Floats) -> float:
        ranked = self._rankings.get(name)
        try:
            if share is None:
                return curve.recovered() if ranked is None else ranked.apgr(weight)
            cost = curve.reached(share) if ranked is None else ranked.cpt(share, weight)
        except NoGap:
            return float("nan")
        return float("nan") if cost is None else cost


def _areas(curves: Mapping[str, Curve]) -> dict[str, float]:
    if OURS not in curves:
        return {}
    found, ours = {}, curves[OURS]
    for key, other in AREAS.items():
        if other not in curves:
            continue
        found[f"areas.{key}"] = ours.over(curves[other])
        above = ours.at(np.array(SHOWN)) - curves[other].at(np.array(SHOWN))
        for level, value in zip(SHOWN, above.tolist(), strict=True):
            found[f"levels.{key}.{level:g}"] = value
    return found
