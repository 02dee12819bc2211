"""Which threshold suits each step type? One part of the drafts is fitted on, the rest tests.

How long a draft is held makes two kinds of acceptance: held whole it is accepted where P at its end
reaches the threshold, held by its beginning where P at any prefix does, or P at its end. Callers
choose between them by asking for a stream, so one threshold serves both, and the event that is
tested holds both: whatever share leaves early, what is accepted is a part of it. Checks and drafts
that are given up can only make it smaller. A promise on spending looks at what climbs, which is
most where all are held whole: there P at the end alone is tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from rungwise.lab.calibration.fit import Fit, Fitted, fit
from rungwise.lab.calibration.promise import (
    Aim,
    Chosen,
    Tested,
    candidates,
    choose,
    groups_to_test,
    to_label,
)
from rungwise.lab.calibration.readings import Bools, Floats, Sample, halves, one_per_group

__all__ = ["FIT_SHARE", "LEAST_REACHING", "Calibrated", "Hold", "Options", "calibrate", "recovery"]

FIT_SHARE = 0.25
"""A curve has a dozen numbers to learn; a threshold gets better with each label it is tested on."""
LEAST_REACHING = 100
"""Drafts to fit a prefix on: those that get as far as it."""
SURE = 0.9
"""What a draft is taken to need where its step type has no threshold."""


Hold: TypeAlias = Literal["prefix", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    aim: Aim
    hold: Hold = "prefix"
    """prefix: prose may leave at its beginning, and is tested as if all of it tried to."""
    fit_share: float = FIT_SHARE
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """Everything that was learned; `chosen` is by step type, of all in the data."""

    finished: Fit
    acceptable: Mapping[int, Fitted]
    """By length of the prefix: P(the finished draft is right)."""
    chosen: Mapping[str, Chosen]
    early: frozenset[str]
    """Step types whose threshold serves drafts that leave at their beginning, too."""
    kind: Literal["loss", "spending"]
    level: float
    tests: int
    """Over how many sequences of hypotheses the confidence was shared out."""
    grouped: bool
    """Whether some drafts belong together, so that a step is drawn by first drawing a group."""
    fitting: Sample
    testing: Sample
    """The part that nothing was fitted on."""

    @property
    def hold(self) -> Hold:
        """prefix: for some step type at least, drafts that leave at their beginning were tested."""
        return "prefix" if self.early else "whole"

    def sure(self, sample: Sample) -> Floats:
        """The P of each draft that its threshold was tested on: the highest it has at any prefix or
        at its end. At its end only where it is held whole, and for a promise on spending."""
        at_the_end = self.finished.best.probabilities(sample.finished)
        if self.kind == "spending":
            return at_the_end
        leaves = sample.prose & sample.of_types(self.early)
        return _surest(at_the_end, self.acceptable, sample, leaves)

    def thresholds(self) -> dict[str, float]:
        """By step type, where there is one."""
        found = {name: item.threshold for name, item in self.chosen.items()}
        return {name: value for name, value in found.items() if value is not None}


def calibrate(sample: Sample, options: Options) -> Calibrated:
    """Fit, and choose a threshold for each step type in the data."""
    rng = np.random.default_rng(options.seed)
    fitting, testing = halves(sample, options.fit_share, rng)
    finished = fit(fitting.finished, fitting.right, fitting.group, rng)
    acceptable = _acceptable(fitting, rng) if options.hold == "prefix" else {}
    counts = {name: testing.groups_with([name]) for name in sample.counts()}
    tested = groups_to_test(counts, options.aim, testing.groups_with)
    untested = Calibrated(
        finished=finished,
        acceptable=acceptable,
        chosen={name: _thin(counts[name], tested, options) for name in tested.thin},
        early=_leaving(testing, acceptable),
        kind=options.aim.kind,
        level=tested.level,
        tests=len(tested.groups),
        grouped=sample.grouped,
        fitting=fitting,
        testing=testing,
    )
    chosen = dict(untested.chosen)
    for names in tested.groups:
        found = _choose(names, untested, tested, options, rng)
        chosen |= dict.fromkeys(names, replace(found, pooled=len(names) > 1))
    return replace(untested, chosen=dict(sorted(chosen.items())))


def _acceptable(fitting: Sample, rng: np.random.Generator) -> dict[int, Fitted]:
    """By length: P(the finished draft is right), where enough drafts are that long.

    Of prose, which this P may release; where too little prose is that long, of all drafts.
    """
    found: dict[int, Fitted] = {}
    for length, readings in fitting.prefixes.items():
        prose = readings.reached & fitting.prose
        rows = prose if _enough(prose) else readings.reached
        if _enough(rows):
            group = fitting.group[rows]
            found[length] = fit(readings.take(rows), fitting.right[rows], group, rng).best
    return found


def _enough(rows: Bools) -> bool:
    return int(rows.sum()) >= LEAST_REACHING


def _leaving(testing: Sample, acceptable: Mapping[int, Fitted]) -> frozenset[str]:
    """The step types of prose that gets as far as some prefix."""
    leaves = np.zeros(len(testing), dtype=np.bool_)
    for length in acceptable:
        leaves |= testing.prose & testing.prefixes[length].reached
    return frozenset(testing.take(leaves).counts())


def _surest(
    at_the_end: Floats, acceptable: Mapping[int, Fitted], sample: Sample, leaves: Bools
) -> Floats:
    """The highest P that each draft has at its end or, where it could leave, on its way."""
    for length, fitted in acceptable.items():
        on_the_way = fitted.probabilities(sample.prefixes[length])
        at_the_end = np.where(leaves, np.fmax(at_the_end, on_the_way), at_the_end)
    return at_the_end


def _choose(
    names: tuple[str, ...],
    untested: Calibrated,
    tested: Tested,
    options: Options,
    rng: np.random.Generator,
) -> Chosen:
    """The threshold of step types that are tested as one: one draft of each group counts."""
    fitting, testing = untested.fitting, untested.testing
    drawn = one_per_group(testing.take(testing.of_types(names)), rng, pooled=True)
    return choose(
        untested.sure(drawn),
        drawn.lost,
        candidates(untested.sure(fitting.take(fitting.of_types(names))), options.aim),
        options.aim,
        level=tested.level,
        share=1 - options.fit_share,
    )


def _thin(labels: int, tested: Tested, options: Options) -> Chosen:
    needed = to_label(tested.least - labels, 1 - options.fit_share)
    return Chosen(threshold=None, labels=labels, needed=needed)


def recovery(calibrated: Calibrated, seed: int = 0) -> dict[int, Fitted]:
    """By length of the prefix: P(the finished draft will reach its threshold)."""
    fitting, rng = calibrated.fitting, np.random.default_rng(seed)
    least = np.array([_least(calibrated.chosen.get(name)) for name in fitting.step_types])
    p = calibrated.finished.best.probabilities(fitting.finished)
    recovered = p >= least[fitting.type_of]
    found: dict[int, Fitted] = {}
    for length in calibrated.acceptable:
        readings = fitting.prefixes[length]
        rows = readings.reached
        found[length] = fit(readings.take(rows), recovered[rows], fitting.group[rows], rng).best
    return found


def _least(chosen: Chosen | None) -> float:
    return SURE if chosen is None or chosen.threshold is None else chosen.threshold
