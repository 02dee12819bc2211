"""Is this predictor of difficulty any good, and were there enough labels to tell? Its report.

Everything is of steps that the predictor was not fitted on. By rung: how well P(right) ranks and
how far it can be believed, on what somebody said (soft labels would only agree with themselves). By
pair of neighbouring rungs: how much of the upper one's lead the foreseen gain recovers, against the
prompt's length and against chance, on the steps with a label of both; each step only among those
of its own fold (see lab/routing/figures.py).

A difference whose 95 % interval holds 0 is not shown. An interval narrows with the square root of
the number of steps, so that a difference d with the lower end l is told from 0 by about
n ((d - l) / d)^2 of them, if it stays what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.quality import auroc, brier, calibration_error, error_interval
from rungwise.lab.calibration.readings import Bools, Floats
from rungwise.lab.routing.figures import NoGap, Ranking, ranking
from rungwise.lab.routing.resampling import Estimate, estimate, estimates, resamples
from rungwise.lab.training.out_of_fold import Foreseen

__all__ = [
    "FEWEST_PAIRED",
    "Learning",
    "Pair",
    "RouterReport",
    "Rung",
    "learning_point",
    "report",
]

FEWEST_PAIRED = 50
"""Of fewer steps with labels of two rungs nothing is said of the pair."""
POLICIES = ("predictor", "prompt length", "random")
FIGURES = ("apgr", "cpt50", "cpt80")
_MANY = 100.0
"""More than so many times the labels: no number is worth saying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """How P(right) of one rung does, each step by its weight. None where right and wrong are not
    both there."""

    tier: str
    said: int
    soft: int
    right: float | None
    auroc: float | None
    brier: float | None
    brier_of_the_mean: float | None
    """Of one P for all: what a predictor must be below."""
    error: float | None
    error_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two neighbouring rungs; no figures where `lack` says why."""

    weak: str
    strong: str
    steps: int
    groups: int
    lack: str | None = None
    policies: Mapping[str, Mapping[str, Estimate]]
    """By policy: `apgr`, `cpt50`, `cpt80`."""
    gain: Mapping[str, Estimate]
    """The predictor's APGR less that of each other policy, paired."""
    longer_up: bool | None = None
    """Which prompts the one by length sends up: the long ones, or the short ones."""

    @property
    def helps(self) -> bool:
        return bool(self.gain) and all(gain.low > 0 for gain in self.gain.values())

    @property
    def needed(self) -> int | None:
        """About how many more such steps would tell; None where no number can be given."""
        gains = [gain for gain in self.gain.values() if not gain.low > 0]
        times = [_times(gain) for gain in gains]
        if not gains or None in times:
            return None
        return max(1, round(self.steps * (max(t for t in times if t is not None) - 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """What a part of the labels would have come to."""

    share: float
    """Of the steps that were not held back."""
    examples: int
    """Steps that each predictor was fitted on, the mean over the folds."""
    apgr: Mapping[str, Estimate]
    """By pair, `weak < strong`; those that can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterReport:
    examples: int
    groups: int
    counts: Mapping[str, Mapping[str, int]]
    """By step type, then by tier: how many labels."""
    rungs: tuple[Rung, ...]
    pairs: tuple[Pair, ...]
    learning: tuple[Learning, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether it is shown, for every pair of neighbours, that the predictor helps."""
        return bool(self.pairs) and all(pair.helps for pair in self.pairs)


def report(
    foreseen: Foreseen, *, learning: Sequence[Learning] = (), notes: Sequence[str] = ()
) -> RouterReport:
    tiers, known = foreseen.tiers, ~np.isnan(foreseen.right)
    counts = {name: dict.fromkeys(tiers, 0) for name in sorted(set(foreseen.step_type))}
    for step, place in np.argwhere(known):
        counts[foreseen.step_type[step]][tiers[place]] += 1
    return RouterReport(
        examples=len(foreseen.group),
        groups=len(set(foreseen.group)),
        counts=counts,
        rungs=tuple(_rung(foreseen, place) for place in range(len(tiers))),
        pairs=tuple(_pair(foreseen, place) for place in range(len(tiers) - 1)),
        learning=tuple(learning),
        notes=tuple(notes),
    )


def _rung(foreseen: Foreseen, place: int) -> Rung:
    labelled = foreseen.labelled(place)
    said = labelled & foreseen.said[:, place]
    p, right = foreseen.p[said, place], foreseen.right[said, place] > 0.5
    weight = foreseen.weight[said]
    share = float(np.average(right, weights=weight)) if len(right) else None
    both = bool(right.any() and not right.all())
    group = np.unique(np.array(foreseen.group)[said], return_inverse=True)[1].astype(np.int64)
    return Rung(
        tier=foreseen.tiers[place],
        said=int(said.sum()),
        soft=int((labelled & ~said).sum()),
        right=share,
        auroc=auroc(p, right, weight) if both else None,
        brier=brier(p, right, weight) if both else None,
        brier_of_the_mean=share * (1 - share) if both and share is not None else None,
        error=calibration_error(p, right, weight) if both else None,
        error_interval=error_interval(p, right, group, weight=weight) if both else None,
    )


def _pair(foreseen: Foreseen, place: int) -> Pair:
    rows = foreseen.labelled(place, place + 1)
    weak, strong = foreseen.right[rows, place], foreseen.right[rows, place + 1]
    group = [name for name, kept in zip(foreseen.group, rows, strict=True) if kept]
    names = foreseen.tiers[place : place + 2]
    steps, groups = int(rows.sum()), len(set(group))
    weight = foreseen.weight[rows]
    lack = None
    if steps < FEWEST_PAIRED:
        lack = f"{steps} steps have a label of both, {FEWEST_PAIRED - steps} more are needed"
    elif float(((strong - weak) * weight).sum()) <= 0:
        lack = f"{names[1]} is not more often right than {names[0]}: nothing to recover"
    figures = {} if lack else _figures(foreseen, rows, place, group)
    gain = {
        name: figures["predictor"]["apgr"] - figures[name]["apgr"]
        for name in POLICIES[1:]
        if figures
    }
    return Pair(
        weak=names[0],
        strong=names[1],
        steps=steps,
        groups=groups,
        lack=lack,
        policies=figures,
        gain=gain,
        longer_up=_longer_up(foreseen, rows, place) if figures else None,
    )


def scores(foreseen: Foreseen, rows: Bools, place: int) -> dict[str, Floats]:
    """By policy: what the steps are ranked by. Length counts in the direction that serves better on
    these very steps: the harder to beat."""
    length = foreseen.length[rows]
    return {
        "predictor": (foreseen.p[:, place + 1] - foreseen.p[:, place])[rows],
        "prompt length": length if _longer_up(foreseen, rows, place) else -length,
        "random": np.zeros(int(rows.sum())),
    }


def _longer_up(foreseen: Foreseen, rows: Bools, place: int) -> bool:
    """Whether the upper rung gains more on the long ones."""
    gain = (foreseen.right[:, place + 1] - foreseen.right[:, place])[rows] * foreseen.weight[rows]
    length = foreseen.length[rows]
    return float((gain * (length - length.mean())).sum()) >= 0


def _figures(
    foreseen: Foreseen, rows: Bools, place: int, group: Sequence[str]
) -> dict[str, dict[str, Estimate]]:
    """By policy, all under the same resamples."""
    weak, strong = foreseen.right[rows, place], foreseen.right[rows, place + 1]
    own = foreseen.weight[rows]
    ranked = {
        policy: ranking(score, weak, strong, foreseen.fold[rows])
        for policy, score in scores(foreseen, rows, place).items()
    }

    def of(weight: Floats) -> dict[str, float]:
        return {
            f"{policy}.{name}": value
            for policy, one in ranked.items()
            for name, value in _recovered(one, weight * own).items()
        }

    found = estimates(of, resamples(group))
    return {policy: {name: found[f"{policy}.{name}"] for name in FIGURES} for policy in ranked}


def _recovered(ranked: Ranking, weight: Floats) -> dict[str, float]:
    try:
        values = (ranked.apgr(weight), ranked.cpt(0.5, weight), ranked.cpt(0.8, weight))
    except NoGap:
        values = (np.nan, np.nan, np.nan)
    return dict(zip(FIGURES, values, strict=True))


def learning_point(foreseen: Foreseen, share: float, examples: int) -> Learning:
    found = {}
    for place in range(len(foreseen.tiers) - 1):
        apgr = _learned(foreseen, place)
        if apgr is not None:
            found[" < ".join(foreseen.tiers[place : place + 2])] = apgr
    return Learning(share=share, examples=examples, apgr=found)


def _learned(foreseen: Foreseen, place: int) -> Estimate | None:
    """The predictor's APGR for this rung and the next; None where it cannot be told."""
    rows = foreseen.labelled(place, place + 1)
    if int(rows.sum()) < FEWEST_PAIRED:
        return None
    weak, strong = foreseen.right[rows, place], foreseen.right[rows, place + 1]
    group = [name for name, kept in zip(foreseen.group, rows, strict=True) if kept]
    score = scores(foreseen, rows, place)["predictor"]
    ranked = ranking(score, weak, strong, foreseen.fold[rows])
    own = foreseen.weight[rows]
    found = estimate(lambda weight: ranked.apgr(weight * own), resamples(group, count=200))
    return None if np.isnan(found.value) else found


def _times(gain: Estimate) -> float | None:
    """How many times the steps would tell this gain from 0."""
    if not gain.value > 0 or np.isnan(gain.low):
        return None
    times = ((gain.value - gain.low) / gain.value) ** 2
    return times if times <= _MANY else None
