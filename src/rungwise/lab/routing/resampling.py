"""How far could a figure be off, had other steps been drawn? The bootstrap, over groups of steps.

A figure is a function of the steps' weights. A resample draws as many groups as there are, with
replacement: the weight of a step is how often its group was drawn (Efron and Tibshirani 1993,
chapter 8; the percentile interval). Two figures under the same resamples are paired: their
difference has an interval of its own, which is what says whether one is better.

Where everything was learned and decided in several rounds, each on another dealing of groups to
folds, a figure is the mean over them, and a resample draws as many rounds as there are, too: its
interval holds what the steps and what the dealing could have been.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Floats, Ints

__all__ = [
    "FEWEST_GROUPS",
    "Estimate",
    "Resamples",
    "estimate",
    "estimates",
    "estimates_of_rounds",
    "resamples",
]

FEWEST_GROUPS = 8
"""Of fewer groups no interval over groups means anything: then steps are drawn within each."""
LEVEL = (0.025, 0.975)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A figure, what it was under each resample, and its 95 % percentile interval."""

    value: float
    drawn: Floats
    """[resamples]; NaN where the figure was undefined."""
    rounds: tuple[float, ...] = ()
    """What it was in each round, over all steps."""

    @property
    def low(self) -> float:
        return self._quantile(LEVEL[0])

    @property
    def high(self) -> float:
        return self._quantile(LEVEL[1])

    def _quantile(self, level: float) -> float:
        defined = self.drawn[~np.isnan(self.drawn)]
        return float(np.quantile(defined, level)) if len(defined) else float("nan")

    def __sub__(self, other: Estimate) -> Estimate:
        """The paired difference: both must be of the same resamples."""
        return Estimate(
            value=self.value - other.value,
            drawn=self.drawn - other.drawn,
            rounds=tuple(a - b for a, b in zip(self.rounds, other.rounds, strict=True)),
        )

    def as_json(self) -> dict[str, float | None]:
        found = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if np.isnan(v) else round(v, 6) for name, v in found.items()}

    def fields(self, key: str) -> dict[str, object]:
        """For JSON: the number under `key`, and its interval beside it."""
        told = self.as_json()
        interval = None if told["low"] is None else [told["low"], told["high"]]
        return {key: told["value"], f"{key}_interval": interval}

    def fields_of_rounds(self, key: str) -> dict[str, object]:
        """The same, and where there are several rounds what it was in each."""
        if len(self.rounds) < 2:
            return self.fields(key)
        rounds = [None if np.isnan(value) else round(value, 6) for value in self.rounds]
        return {**self.fields(key), f"{key}_rounds": rounds}

    def told(self, form: str = ".3f") -> str:
        return f"{self.value:{form}} [{self.low:{form}}, {self.high:{form}}]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resamples:
    """`count` draws of the same groups of steps, made again from the seed whenever asked for."""

    group_of: Ints
    """[steps], numbered from 0."""
    stratum_of: Ints
    """[groups]: groups are drawn within their stratum."""
    count: int
    seed: int

    def weights(self) -> Iterator[Floats]:
        """[steps], `count` times: how often each step counts."""
        rng = np.random.default_rng(self.seed)
        groups = len(self.stratum_of)
        strata = [np.flatnonzero(self.stratum_of == s) for s in np.unique(self.stratum_of)]
        for _ in range(self.count):
            drawn = np.zeros(groups)
            for members in strata:
                picked = rng.integers(0, len(members), size=len(members))
                drawn[members] = np.bincount(picked, minlength=len(members))
            yield drawn[self.group_of]

    def rounds(self, among: int) -> Iterator[Floats]:
        """[among], `count` times: how often each round counts; together 1."""
        rng = np.random.default_rng((self.seed, among))
        for _ in range(self.count):
            drawn = np.bincount(rng.integers(0, among, size=among), minlength=among)
            yield drawn / among


def resamples(groups: Sequence[Hashable], *, count: int = 1000, seed: int = 0) -> Resamples:
    """For steps of these groups; each a group of its own where there are few of them (see
    FEWEST_GROUPS), and then as many are drawn of each group as it has."""
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(name, len(numbers)) for name in groups], dtype=np.int64)
    if len(numbers) < FEWEST_GROUPS:
        each = np.arange(len(of), dtype=np.int64)
        return Resamples(group_of=each, stratum_of=of, count=count, seed=seed)
    one = np.zeros(len(numbers), dtype=np.int64)
    return Resamples(group_of=of, stratum_of=one, count=count, seed=seed)


def estimate(figure: Callable[[Floats], float], drawn: Resamples) -> Estimate:
    """`figure` of the steps' weights, over all and under each resample.

    Where it raises ValueError (undefined on such steps) it is NaN.
    """

    def figures(weight: Floats) -> dict[str, float]:
        try:
            return {"": figure(weight)}
        except ValueError:
            return {"": float("nan")}

    return estimates(figures, drawn)[""]


def estimates(
    figures: Callable[[Floats], Mapping[str, float]],
    drawn: Resamples,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Estimate]:
    """Many figures at once, all paired: `figures` gives the same names for any weights, and NaN
    for what is undefined; where it raises ValueError under a resample all of them are."""
    return estimates_of_rounds([figures], drawn, progress)


def estimates_of_rounds(
    rounds: Sequence[Callable[[Floats], Mapping[str, float]]],
    drawn: Resamples,
    progress: Callable[[], object] = lambda: None,
) -> dict[str, Estimate]:
    """The same of several rounds, each with the same names: means over them. Undefined in one of
    those that count is undefined."""
    even = np.ones(len(drawn.group_of))
    told = [figures(even) for figures in rounds]
    over_all = np.array([list(found.values()) for found in told])
    rows = np.full((drawn.count, over_all.shape[1]), np.nan)
    both = zip(drawn.weights(), drawn.rounds(len(rounds)), strict=True)
    for place, (weight, shares) in enumerate(both):
        counted = [(share, one) for share, one in zip(shares, rounds, strict=True) if share]
        with suppress(ValueError):
            found = np.array([list(figures(weight).values()) for _, figures in counted])
            rows[place] = np.array([share for share, _ in counted]) @ found
        progress()
    return {
        name: Estimate(
            value=float(over_all[:, column].mean()),
            drawn=rows[:, column],
            rounds=tuple(over_all[:, column].tolist()),
        )
        for column, name in enumerate(told[0])
    }
