"""What does each policy do with every step, at every setting? Decided on folds, then put together.

Where a setting is to be chosen (so sure that 80 % of the gap is recovered), it is chosen on other
steps than it is measured on: on the other folds, or on the file that was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.curves import Sweep, ends_of
from rungwise.lab.routing.parts import Part
from rungwise.lab.routing.policies.walk import Policy, Walk, Worth, one_rung

__all__ = ["Swept", "random_mixing", "settings_for", "sweep", "worths_for"]

SETTINGS = 96


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Swept:
    """One policy on all steps of a file."""

    columns: LadderColumns
    settings: tuple[float, ...]
    walks: tuple[Walk, ...]
    """By setting, over all steps."""

    def sweep(self, group_of: Ints | None = None) -> Sweep:
        """By these groups, numbered from 0; without, each step is one."""
        of = np.arange(len(self.columns)) if group_of is None else group_of
        _, first, count = np.unique(of, return_index=True, return_counts=True)

        def by_group(values: Floats) -> Floats:
            return np.asarray(np.bincount(of, values), dtype=np.float64)

        return Sweep(
            settings=self.settings,
            cost=np.array([by_group(walk.cost(self.columns)) for walk in self.walks]),
            right=np.array([by_group(walk.right(self.columns)) for walk in self.walks]),
            count=count.astype(np.float64),
            first=first.astype(np.int64),
        )

    def chosen(self, settings: Ints) -> Walk:
        """With a setting of its own for every step."""
        steps = np.arange(len(self.columns))
        asked = np.array([walk.asked for walk in self.walks])[settings, steps]
        answered = np.array([walk.answered for walk in self.walks])[settings, steps]
        return Walk(asked=asked, answered=answered)


def worths_for(columns: LadderColumns, second_usd: float) -> list[Worth]:
    """From where nothing dearer pays to where hardly anything is too dear: geometric, between the
    smallest difference of mean costs of two rungs and 2,000 times the greatest."""
    costs = np.sort(columns.cost.mean(axis=0))
    steps = np.diff(costs)
    least = float(steps[steps > 0].min(initial=costs[-1])) or 1e-6
    most = float(costs[-1] - costs[0]) or least
    rights = np.geomspace(least / 2, 2000 * most, SETTINGS)
    return [Worth(right_usd=float(usd), second_usd=second_usd) for usd in rights]


def sweep(
    policies: Mapping[str, Policy],
    parts: Sequence[Part],
    columns: LadderColumns,
    worths: Sequence[Worth],
    progress: Callable[[], object],
) -> dict[str, Swept]:
    """`parts` hold every step of `columns` once."""
    found: dict[str, Swept] = {}
    for name, policy in policies.items():
        walks = []
        for part in parts:
            walks.append(policy.walks(part, worths))
            progress()
        found[name] = Swept(
            columns=columns,
            settings=tuple(worth.right_usd for worth in worths),
            walks=tuple(_joined([w[s] for w in walks], parts, columns) for s in range(len(worths))),
        )
    return found


def _joined(walks: Sequence[Walk], parts: Sequence[Part], columns: LadderColumns) -> Walk:
    asked = np.zeros(columns.right.shape, dtype=np.bool_)
    answered = np.zeros(len(columns), dtype=np.int64)
    for walk, part in zip(walks, parts, strict=True):
        asked[part.places], answered[part.places] = walk.asked, walk.answered
    return Walk(asked=asked, answered=answered)


def random_mixing(columns: LadderColumns) -> Swept:
    """A coin decides between the lowest and the highest rung; its curve is a straight line."""
    rungs = len(columns.tiers)
    ends = [np.full(len(columns), rung, dtype=np.int64) for rung in (0, rungs - 1)]
    return Swept(
        columns=columns,
        settings=(0.0, 1.0),
        walks=tuple(one_rung(chosen, rungs) for chosen in ends),
    )


def settings_for(chosen_on: Swept, share: float, folds: Sequence[Ints] | None, steps: int) -> Ints:
    """[steps]: for each the cheapest setting that recovers this share of the gap, else the one
    that is right most often.

    With `folds` (places of the steps of each) it is chosen on all others of `chosen_on`; without,
    on all of it, for whatever other file.
    """
    columns, sweep = chosen_on.columns, chosen_on.sweep()
    over_all = np.ones(len(columns))
    if folds is None:
        return np.full(steps, _cheapest(columns, sweep, share, over_all), dtype=np.int64)
    found = np.zeros(steps, dtype=np.int64)
    for places in folds:
        others = over_all.copy()
        others[places] = 0
        found[places] = _cheapest(columns, sweep, share, others)
    return found


def _cheapest(columns: LadderColumns, sweep: Sweep, share: float, weight: Floats) -> int:
    ends = ends_of(columns.cost, columns.right, weight)
    cost, right = sweep.means(weight)
    wanted = ends.low_right + share * (ends.high_right - ends.low_right)
    enough = right >= wanted
    if not enough.any():
        return int(np.argmax(right))
    return int(np.argmin(np.where(enough, cost, np.inf)))
