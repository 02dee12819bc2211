"""How do the candidates stand, and which can be told apart? APGR and CPT, with intervals.

Each is the mean over several dealings of groups to folds; the interval is over groups and dealings
(see lab/routing/resampling.py), and only steps of one fold are compared (lab/routing/figures.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rungwise.errors import ConfigError
from rungwise.lab.calibration.readings import Floats, Ints
from rungwise.lab.predictors.candidate import Side
from rungwise.lab.routing.figures import NoGap, ranking
from rungwise.lab.routing.resampling import (
    FEWEST_GROUPS,
    Estimate,
    estimates_of_rounds,
    resamples,
)

__all__ = ["BASELINES", "Comparison", "Figures", "Outcome", "Trial", "figures_of"]

BASELINES = ("prompt_length", "tfidf")
"""Each candidate is held against these, on the same resamples."""
RESAMPLES = 1000
SHARES = {"cpt50": 0.5, "cpt80": 0.8}
FIGURES = ("apgr", *SHARES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one candidate said of every step that it had not seen."""

    scores: Floats
    """[rounds, steps]"""
    fit_s: float
    """Seconds of one processor to learn, the mean over the folds."""
    predict_us: float
    """Microseconds of it for each step; of `shipped` one at a time, as a server would, without the
    sketch, of the others many at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """One set, under one way to hold steps back."""

    outcomes: Mapping[str, Outcome]
    folds: tuple[Ints, ...]
    """By round, [steps]; none: learned on another set."""
    groups: Sequence[str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    figures: Mapping[str, Estimate]
    """apgr, cpt50, cpt80."""
    ahead: Mapping[str, Estimate]
    """By baseline: how much larger its APGR is, on the same resamples."""
    fit_s: float
    predict_us: float

    def as_json(self) -> dict[str, object]:
        ahead = (found.fields(name) for name, found in self.ahead.items())
        told = (found.fields_of_rounds(name) for name, found in self.figures.items())
        return {
            **{key: value for fields in told for key, value in fields.items()},
            "apgr_ahead_of": {key: value for fields in ahead for key, value in fields.items()},
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
    rounds: int
    """How often they were dealt."""
    weak: float
    strong: float
    """Shares that are right."""
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return {
            "steps": self.steps,
            "groups": self.groups,
            "folds": self.folds,
            "rounds": self.rounds,
            "weak_right": round(self.weak, 6),
            "strong_right": round(self.strong, 6),
            "resampled": "groups" if self.groups >= FEWEST_GROUPS else "steps within groups",
            "notes": list(self.notes),
            "policies": {name: found.as_json() for name, found in self.policies.items()},
        }

    def as_lines(self) -> list[str]:
        head = f"{'':<22}{'APGR':<23}{'by dealing':<16}{'CPT(50)':<23}{'CPT(80)':<23}"
        head += "".join(f"{f'APGR over {name}':<27}" for name in BASELINES)
        lines = [f"{head}{'fit s':>7}{'us/step':>9}"]
        for name, found in self.policies.items():
            apgr, *others = (f"{found.figures[f].told():<23}" for f in FIGURES)
            rounds = found.figures["apgr"].rounds
            spread = f"{min(rounds):.3f} to {max(rounds):.3f}" if len(rounds) > 1 else ""
            cells = "".join((apgr, f"{spread:<16}", *others))
            ahead = "".join(f"{_ahead(found.ahead.get(b)):<27}" for b in BASELINES)
            lines.append(f"{name:<22}{cells}{ahead}{found.fit_s:>7.2f}{found.predict_us:>9.1f}")
        return lines

    @property
    def told(self) -> str:
        times = f" dealt {self.rounds} times" if self.rounds > 1 else ""
        how = f"{self.folds} folds{times}" if self.folds else "learned elsewhere"
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
    rounds: int
    seed: int

    def as_json(self) -> dict[str, object]:
        return {
            "seed": self.seed,
            "rounds": self.rounds,
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
            "[95 % bootstrap intervals over steps and dealings]; + ahead, - behind, = not to be "
            f"told apart by these data. Seed {self.seed}.",
            "RouteLLM's own best routers, learned on other data: MMLU .603, GSM8K .622.",
        ]

    def _all(self) -> list[tuple[str, Figures]]:
        told = [(f"learned on {a}, tried on {b}", found) for a, b, found in self.transfers]
        return [*self.sets.items(), *told]

    def plot(self, path: Path) -> None:
        """PNG. Raises ConfigError."""
        from rungwise.lab.predictors.plot import plot_figures

        plot_figures(path, dict(self._all()))


def figures_of(trial: Trial, side: Side) -> Figures:
    """Raises ConfigError where the strong model is no better than the weak one."""
    weak, strong = side.right.T
    rounds = [_Round(trial, place, weak, strong) for place in range(max(1, len(trial.folds)))]
    drawn = resamples(trial.groups, count=RESAMPLES)
    try:
        told = estimates_of_rounds([one.figures for one in rounds], drawn)
    except NoGap as error:
        raise ConfigError(f"--ladder: {error}; name other rungs") from None
    return Figures(
        policies={name: _standing(name, outcome, told) for name, outcome in trial.outcomes.items()},
        steps=len(weak),
        groups=len(set(trial.groups)),
        folds=int(trial.folds[0].max()) + 1 if trial.folds else 0,
        rounds=len(rounds),
        weak=float(weak.mean()),
        strong=float(strong.mean()),
        notes=trial.notes,
    )


def _standing(name: str, outcome: Outcome, told: Mapping[str, Estimate]) -> Standing:
    apgr = told[f"{name}.apgr"]
    others = [base for base in BASELINES if base != name and f"{base}.apgr" in told]
    return Standing(
        figures={figure: told[f"{name}.{figure}"] for figure in FIGURES},
        ahead={base: apgr - told[f"{base}.apgr"] for base in others},
        fit_s=outcome.fit_s,
        predict_us=outcome.predict_us,
    )


class _Round:
    """All candidates on one dealing."""

    def __init__(self, trial: Trial, place: int, weak: Floats, strong: Floats) -> None:
        fold = trial.folds[place] if trial.folds else None
        self._ranked = {
            name: ranking(outcome.scores[place], weak, strong, fold)
            for name, outcome in trial.outcomes.items()
        }

    def figures(self, weight: Floats) -> dict[str, float]:
        """`<candidate>.<figure>`. Raises NoGap."""
        found = {}
        for name, ranked in self._ranked.items():
            found[f"{name}.apgr"] = ranked.apgr(weight)
            for figure, share in SHARES.items():
                found[f"{name}.{figure}"] = ranked.cpt(share, weight)
        return found
