"""What are the figures of one round? Everything that is told, under any weights of the steps.

A round is one dealing of groups to folds: what was learned, decided and chosen on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.ladders.columns import LadderColumns
from rungwise.lab.routing.curves import Curve, Sweep, ends_of
from rungwise.lab.routing.figures import NoGap, Ranking, oracle_score, ranking
from rungwise.lab.routing.operating import Operating
from rungwise.lab.routing.parts import Part

__all__ = ["AREAS", "OURS", "SHARES", "SHOWN", "Round", "rankings_of"]

OURS = "pays"
AREAS = {"over_router": "router", "over_cascade": "cascade", "over_random": "random"}
SHOWN = (0.0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, *(n / 20 for n in range(2, 21)))
"""Costs at which curves are told with an interval, in shares of the axis."""
P50 = "latency_p50_s"
SHARES = {"apgr": None, "cpt50": 0.5, "cpt80": 0.8}


def rankings_of(columns: LadderColumns, parts: Sequence[Part], *, read: bool) -> dict[str, Ranking]:
    """Policies that put the steps in one order, for two rungs: by RouteLLM's own definition.
    Without anything `read` ours is one of them."""
    if len(columns.tiers) != 2:
        return {}
    weak, strong = columns.right.T
    gain, fold = np.empty(len(columns)), np.empty(len(columns))
    for number, part in enumerate(parts):
        gain[part.places] = part.held.probability[:, 1] - part.held.probability[:, 0]
        fold[part.places] = number
    scores = {
        "random": np.zeros(len(columns)),
        "oracle": oracle_score(weak, strong),
        "length": np.array([float(len(row.prompt)) for row in columns.rows]),
        "router": gain,
        **({} if read else {OURS: gain}),
    }
    return {name: ranking(score, weak, strong, fold) for name, score in scores.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Round:
    """Names of figures are paths, as in the JSON."""

    columns: LadderColumns
    sweeps: Mapping[str, Sweep]
    """By policy."""
    rankings: Mapping[str, Ranking]
    """Of the policies whose APGR and CPT go by the share of calls."""
    points: Mapping[str, Operating]

    def curves(self, weight: Floats) -> dict[str, Curve]:
        ends = ends_of(self.columns.cost, self.columns.right, weight)
        return {name: sweep.curve(weight, ends) for name, sweep in self.sweeps.items()}

    def figures(self, weight: Floats) -> dict[str, float]:
        found: dict[str, float] = {}
        curves = self.curves(weight)
        for name, curve in curves.items():
            for key, share in SHARES.items():
                found[f"policies.{name}.{key}"] = self._recovered(name, curve, share, weight)
            for level, right in zip(SHOWN, curve.at(np.array(SHOWN)).tolist(), strict=True):
                found[f"curves.{name}.{level:g}"] = right
        found |= _areas(curves)
        counted = {name: point.figures(weight) for name, point in self.points.items()}
        for name, values in counted.items():
            found |= {f"points.{name}.{key}": value for key, value in values.items()}
            found |= {
                f"points.{name}.p50_over_s.{tier}": values[P50] - counted[f"single.{tier}"][P50]
                for tier in self.columns.tiers
            }
        return found

    def _recovered(self, name: str, curve: Curve, share: float | None, weight: Floats) -> float:
        ranked = self.rankings.get(name)
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
