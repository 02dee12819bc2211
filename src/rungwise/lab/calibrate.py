"""Which thresholds suit these labelled drafts? One part is fitted on, the rest chooses thresholds.

How long a draft is held makes two kinds of acceptance. Held whole, it is accepted where P at its
end reaches the threshold. Held by its beginning, it is accepted where P at any prefix does, or P at
its end; checks and drafts that are given up can only make fewer of them accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from rungwise.lab.fit import Fit, Fitted, fit
from rungwise.lab.promise import Aim, Chosen, Tested, candidates, choose, groups_to_test, to_label
from rungwise.lab.readings import Floats, Sample, halves, one_per_group

__all__ = ["FIT_SHARE", "Calibrated", "Options", "calibrate", "recovery"]

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
    """prefix: thresholds for drafts that leave at their beginning are chosen, too."""
    fit_share: float = FIT_SHARE
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """Everything that was learned; `whole` and `prefix` are by step type, of all in the data."""

    finished: Fit
    acceptable: Mapping[int, Fitted]
    """By length of the prefix: P(the finished draft is right)."""
    whole: Mapping[str, Chosen]
    prefix: Mapping[str, Chosen]
    level: float
    tests: int
    """Over how many sequences of hypotheses the confidence was shared out."""
    fitting: Sample
    testing: Sample
    """The part that nothing was fitted on."""
    hold: Hold

    def sure(self, sample: Sample) -> Floats:
        """The P of each draft that its threshold is asked of."""
        at_the_end = self.finished.best.probabilities(sample.finished)
        if self.hold == "whole":
            return at_the_end
        return _surest(at_the_end, self.acceptable, sample)

    def thresholds(self) -> dict[str, float]:
        """By step type, where there is one."""
        chosen = self.whole if self.hold == "whole" else self.prefix
        found = {name: item.threshold for name, item in chosen.items()}
        return {name: value for name, value in found.items() if value is not None}


def calibrate(sample: Sample, options: Options) -> Calibrated:
    """Fit, and choose a threshold for each step type in the data."""
    rng = np.random.default_rng(options.seed)
    fitting, testing = halves(sample, options.fit_share, rng)
    finished = fit(fitting.finished, fitting.right, fitting.group, rng)
    acceptable = _acceptable(fitting, rng) if options.hold == "prefix" else {}
    counted = one_per_group(testing, rng)
    counts = dict.fromkeys(sample.counts(), 0) | counted.counts()
    tested = groups_to_test(counts, options.aim, ways=2 if acceptable else 1)
    chooser = _Chooser(fitting, counted, tested, options)
    ends = [finished.best.probabilities(part.finished) for part in (fitting, counted)]
    prefix: dict[str, Chosen] = {}
    if acceptable:
        fitted_on = _surest(ends[0], acceptable, fitting)
        prefix = chooser.choose(fitted_on, _surest(ends[1], acceptable, counted))
    return Calibrated(
        finished=finished,
        acceptable=acceptable,
        whole=chooser.choose(ends[0], ends[1]),
        prefix=prefix,
        level=tested.level,
        tests=len(tested.groups) * (2 if acceptable else 1),
        fitting=fitting,
        testing=testing,
        hold="prefix" if acceptable else "whole",
    )


def _acceptable(fitting: Sample, rng: np.random.Generator) -> dict[int, Fitted]:
    """By length: P(the finished draft is right), where enough drafts are that long."""
    found: dict[int, Fitted] = {}
    for length, readings in fitting.prefixes.items():
        rows = readings.reached
        if int(rows.sum()) >= LEAST_REACHING:
            group = fitting.group[rows]
            found[length] = fit(readings.take(rows), fitting.right[rows], group, rng).best
    return found


def _surest(at_the_end: Floats, acceptable: Mapping[int, Fitted], sample: Sample) -> Floats:
    """The highest P that each draft has on its way or at its end."""
    for length, fitted in acceptable.items():
        at_the_end = np.fmax(at_the_end, fitted.probabilities(sample.prefixes[length]))
    return at_the_end


def recovery(calibrated: Calibrated, seed: int = 0) -> dict[int, Fitted]:
    """By length of the prefix: P(the finished draft will reach its threshold)."""
    fitting, rng = calibrated.fitting, np.random.default_rng(seed)
    least = np.array([_least(calibrated.whole.get(name)) for name in fitting.step_types])
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


class _Chooser:
    """Chooses a threshold for each step type, for one kind of acceptance."""

    def __init__(self, fitting: Sample, testing: Sample, tested: Tested, options: Options) -> None:
        self._fitting, self._testing = fitting, testing
        self._tested, self._options = tested, options

    def choose(self, fitted_on: Floats, sure: Floats) -> dict[str, Chosen]:
        """By the P of each draft that was fitted on, and of each that is tested on."""
        found = {name: self._thin(name) for name in self._tested.thin}
        for group in self._tested.groups:
            chosen = self._choose(group, fitted_on, sure)
            found |= dict.fromkeys(group, replace(chosen, pooled=len(group) > 1))
        return dict(sorted(found.items()))

    def _choose(self, group: tuple[str, ...], fitted_on: Floats, sure: Floats) -> Chosen:
        numbers = [self._testing.step_types.index(name) for name in group]
        fitting = np.isin(self._fitting.type_of, numbers)
        testing = np.isin(self._testing.type_of, numbers)
        return choose(
            sure[testing],
            self._testing.lost[testing],
            candidates(fitted_on[fitting], self._options.aim),
            self._options.aim,
            level=self._tested.level,
            share=1 - self._options.fit_share,
        )

    def _thin(self, name: str) -> Chosen:
        labels = self._testing.counts().get(name, 0)
        needed = to_label(self._tested.least - labels, 1 - self._options.fit_share)
        return Chosen(threshold=None, labels=labels, needed=needed)
