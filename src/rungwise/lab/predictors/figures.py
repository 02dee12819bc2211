"""How do the candidates stand, and which can be told apart? APGR and CPT, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rungwise.errors import ConfigError
from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Side
from rungwise.lab.routing.figures import NoGap, Ranking, ranking
from rungwise.lab.routing.resampling import FEWEST_GROUPS, Estimate, Resamples, resamples

__all__ = ["BASELINES", "Comparison", "Figures", "Outcome", "figures_of"]

BASELINES = ("prompt_length", "tfidf")
"""Each candidate is held against these, on the same resamples."""
RESAMPLES = 1000
SHARES = {"cpt50": 0.5, "cpt80": 0.8}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one candidate said of every step that it had not seen."""

    scores: Floats
    fit_s: float
    """Seconds to learn, the mean over the folds."""
    predict_us: float
    """Microseconds for each step; of `shipped` one at a time, as a server would, without the
    sketch, of the others many at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    figures: Mapping[str, Estimate]
    """apgr, cpt50, cpt80."""
    ahead: Mapping[str, Estimate]
    """By baseline: how much larger its APGR is, on the same resamples."""
    fit_s: float
    predict_us: float

    def as_json(self) -> dict[str, object]:
        return {
            **{name: found.as_json() for name, found in self.figures.items()},
            "apgr_ahead_of": {name: found.as_json() for name, found in self.ahead.items()},
            "fit_s": round(self.fit_s, 3),
            "predict_us": round(self.predict_us, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figures:
    """Of one set, under one way to hold steps back."""

    policies: Mapping[str, Standing]
    steps: int
    groups: int
    folds: int
    """0: learned on another set."""
    weak: float
    strong: float
    """Shares that are right."""
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "steps": self.steps,
            "groups": self.groups,
            "folds": self.folds,
            "weak_right": round(self.weak, 6),
            "strong_right": round(self.strong, 6),
            "resampled": "groups" if self.groups >= FEWEST_GROUPS else "steps within groups",
            "notes": list(self.notes),
            "policies": {name: found.as_json() for name, found in self.policies.items()},
        }

    def as_lines(self) -> list[str]:
        head = f"{'':<22}{'APGR':<23}{'CPT(50)':<23}{'CPT(80)':<23}"
        head += "".join(f"{f'APGR over {name}':<27}" for name in BASELINES)
        lines = [f"{head}{'fit s':>7}{'us/step':>9}"]
        for name, found in self.policies.items():
            cells = "".join(f"{found.figures[f].told():<23}" for f in ("apgr", *SHARES))
            ahead = "".join(f"{_ahead(found.ahead.get(b)):<27}" for b in BASELINES)
            lines.append(f"{name:<22}{cells}{ahead}{found.fit_s:>7.2f}{found.predict_us:>9.1f}")
        return lines

    @property
    def told(self) -> str:
        how = f"{self.folds} folds" if self.folds else "learned elsewhere"
        return (
            f"{self.steps} steps in {self.groups} groups, {how}; weak {self.weak:.3f}, "
            f"strong {self.strong:.3f} right"
        )


def _ahead(found: Estimate | None) -> str:
    """`=`: the interval has 0 in it, so that these data cannot tell the two apart."""
    if found is None:
        return "-"
    sign = "+" if found.low > 0 else "-" if found.high < 0 else "="
    return f"{sign} {found.told('+.3f')}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    sets: Mapping[str, Figures]
    transfers: tuple[tuple[str, str, Figures], ...]
    """Learned on, tried on."""
    seed: int

    def as_json(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "resamples": RESAMPLES,
            "sets": {name: found.as_json() for name, found in self.sets.items()},
            "transfers": [
                {"learned_on": learned, "tried_on": tried, **found.as_json()}
                for learned, tried, found in self.transfers
            ],
        }

    def as_lines(self) -> list[str]:
        lines: list[str] = []
        for name, found in self._all():
            lines += [f"{name}: {found.told}", *found.as_lines(), ""]
        return [
            *lines,
            "[95 % bootstrap intervals]; + ahead, - behind, = not to be told apart by these data. "
            f"Seed {self.seed}.",
            "RouteLLM's own best routers, learned on other data: MMLU .603, GSM8K .622.",
        ]

    def _all(self) -> list[tuple[str, Figures]]:
        told = [(f"learned on {a}, tried on {b}", found) for a, b, found in self.transfers]
        return [*self.sets.items(), *told]

    def plot(self, path: Path) -> None:
        """PNG. Raises ConfigError."""
        from rungwise.lab.predictors.plot import plot_figures

        plot_figures(path, dict(self._all()))


def figures_of(
    outcomes: Mapping[str, Outcome],
    side: Side,
    groups: Sequence[str],
    *,
    folds: int,
    notes: tuple[str, ...],
) -> Figures:
    """Raises ConfigError where the strong model is no better than the weak one."""
    weak, strong = side.right.T
    drawn = resamples(groups, count=RESAMPLES)
    every = list(drawn.weights())
    estimates = {}
    for name, outcome in outcomes.items():
        try:
            estimates[name] = _estimates(ranking(outcome.scores, weak, strong), every, drawn)
        except NoGap as error:
            raise ConfigError(f"--ladder: {error}; name other rungs") from None
    return Figures(
        policies={
            name: Standing(
                figures=found,
                ahead={
                    base: found["apgr"] - estimates[base]["apgr"]
                    for base in BASELINES
                    if base in estimates and base != name
                },
                fit_s=outcomes[name].fit_s,
                predict_us=outcomes[name].predict_us,
            )
            for name, found in estimates.items()
        },
        steps=len(weak),
        groups=len(set(groups)),
        folds=folds,
        weak=float(weak.mean()),
        strong=float(strong.mean()),
        notes=notes,
    )


def _estimates(ranked: Ranking, every: Sequence[Floats], drawn: Resamples) -> dict[str, Estimate]:
    """All three figures of one order, each resample counted once. Raises NoGap."""
    values = _three(ranked, np.ones(len(drawn.group_of)))
    told = np.full((len(every), 3), np.nan)
    for place, weight in enumerate(every):
        try:
            told[place] = _three(ranked, weight)
        except NoGap:
            continue
    return {
        name: Estimate(value=values[place], drawn=told[:, place])
        for place, name in enumerate(("apgr", *SHARES))
    }


def _three(ranked: Ranking, weight: Floats) -> list[float]:
    return [ranked.apgr(weight), *(ranked.cpt(share, weight) for share in SHARES.values())]
