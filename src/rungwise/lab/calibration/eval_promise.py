"""Is the promise kept? Many random halves: one chooses the thresholds, the other tests them.

The naive thresholds beside it are what people pick: on the same fit and the same labels, the lowest
one at which the loss seen there is within the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from rungwise.counted import wilson
from rungwise.lab.calibration.calibrate import Calibrated, Hold, Options, calibrate
from rungwise.lab.calibration.promise import naive_threshold
from rungwise.lab.calibration.readings import Bools, Floats, Sample, halves, one_per_group

__all__ = ["Kept", "PromiseCheck", "check_promise"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kept:
    """For one way to choose thresholds, over the splits."""

    losses: Floats
    """[splits], on the test halves."""
    accepted: Floats
    """[splits], share of the test halves."""
    found: Bools
    """[splits], whether there was a threshold at all."""
    limit: float

    @property
    def broken(self) -> int:
        return int((self.losses > self.limit).sum())

    @property
    def broken_share(self) -> float:
        """Of all splits; one without a threshold accepts nothing and breaks nothing."""
        return self.broken / len(self.losses)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseCheck:
    """By step type and, under None, over all of them."""

    kept: Mapping[str | None, Kept]
    naive: Mapping[str | None, Kept]
    counts: Mapping[str | None, int]
    early: int
    """In how many splits drafts that leave at their beginning were tested; in the others all were
    held whole."""
    grouped: bool
    """Whether some drafts belong together: then one of each group and step type counts."""

    @property
    def splits(self) -> int:
        return len(self.kept[None].losses)

    @property
    def hold(self) -> Hold:
        """What was measured."""
        return "prefix" if self.early else "whole"

    def as_json(self) -> dict[str, object]:
        return {
            "splits": self.splits,
            "hold": self.hold,
            "prefix_splits": self.early,
            "grouped": self.grouped,
            **self._row(None),
            "by_step_type": {name: self._row(name) for name in self.counts if name is not None},
        }

    def _row(self, name: str | None) -> dict[str, object]:
        kept, naive = self.kept[name], self.naive[name]
        return {
            "count": self.counts[name],
            "broken_share": kept.broken_share,
            "broken_interval": list(wilson(kept.broken, self.splits)),
            "naive_broken_share": naive.broken_share,
            "naive_broken_interval": list(wilson(naive.broken, self.splits)),
            "threshold_share": float(kept.found.mean()),
            "mean_accepted_share": float(kept.accepted.mean()),
            "naive_mean_accepted_share": float(naive.accepted.mean()),
            "mean_loss": float(kept.losses.mean()),
            "naive_mean_loss": float(naive.losses.mean()),
        }

    def as_lines(self) -> list[str]:
        """For the terminal: a line for each step type, and one for all."""
        head = f"{'step type':<22}{'drafts':>7}{'broken':>9} {'[95 %]':<15}{'naive':>7}"
        lines = [f"{head}{'threshold':>11}{'accepted':>10}{'naive':>7}"]
        for name in sorted(self.counts, key=lambda n: (n is None, n or "")):
            kept, naive = self.kept[name], self.naive[name]
            low, high = wilson(kept.broken, self.splits)
            lines.append(
                f"{name or 'all':<22.22}{self.counts[name]:>7}{kept.broken_share:>9.1%} "
                f"{f'[{low:.1%}, {high:.1%}]':<15}{naive.broken_share:>7.1%}"
                f"{kept.found.mean():>11.0%}{kept.accepted.mean():>10.1%}"
                f"{naive.accepted.mean():>7.1%}"
            )
        return lines


def check_promise(
    sample: Sample, options: Options, *, splits: int, progress: Callable[[], object]
) -> PromiseCheck:
    """`splits` times the whole procedure, for a promise on loss.

    The test halves have a sampling error of their own, which the promise knows nothing of.
    """
    if options.hold == "whole":
        sample = replace(sample, prefixes={})
    types, size = len(sample.step_types), (2, splits, len(sample.step_types))
    lost, accepted, found = np.zeros(size), np.zeros(size), np.zeros(size, dtype=np.bool_)
    counts, early = np.zeros((splits, types)), 0
    for split in range(splits):
        rng = np.random.default_rng((options.seed, split))
        calibrating, testing = halves(sample, 0.5, rng)
        testing = one_per_group(testing, rng)
        seed = int(rng.integers(2**31))
        calibrated = calibrate(calibrating, replace(options, seed=seed))
        early += calibrated.hold == "prefix"
        p = calibrated.sure(testing)
        counts[split] = np.bincount(testing.type_of, minlength=types)
        chosen = (calibrated.thresholds(), _naive(calibrated, options.aim.limit))
        for way, thresholds in enumerate(chosen):
            least = np.array([thresholds.get(name, 2.0) for name in sample.step_types])
            sure = p >= least[testing.type_of]
            accepted[way, split] = np.bincount(testing.type_of, weights=sure, minlength=types)
            bad = sure & testing.lost
            lost[way, split] = np.bincount(testing.type_of, weights=bad, minlength=types)
            found[way, split] = least <= 1.0
        progress()
    kept, naive = (
        _kept(sample.step_types, lost[way], accepted[way], found[way], counts, options.aim.limit)
        for way in (0, 1)
    )
    drafts: dict[str | None, int] = {None: len(sample)}
    drafts.update(sample.counts().items())
    return PromiseCheck(
        kept=kept,
        naive=naive,
        counts=drafts,
        early=early,
        grouped=sample.grouped,
    )


def _naive(calibrated: Calibrated, limit: float) -> dict[str, float]:
    testing = calibrated.testing
    p = calibrated.sure(testing)
    found: dict[str, float] = {}
    for number, name in enumerate(testing.step_types):
        rows = testing.type_of == number
        threshold = naive_threshold(p[rows], testing.lost[rows], limit)
        if threshold is not None:
            found[name] = threshold
    return found


def _kept(
    step_types: tuple[str, ...],
    lost: Floats,
    accepted: Floats,
    found: Bools,
    counts: Floats,
    limit: float,
) -> dict[str | None, Kept]:
    """Arrays are [splits, step types]."""
    rows = np.maximum(counts, 1)
    by_type: dict[str | None, Kept] = {
        name: Kept(
            losses=lost[:, i] / rows[:, i],
            accepted=accepted[:, i] / rows[:, i],
            found=found[:, i],
            limit=limit,
        )
        for i, name in enumerate(step_types)
    }
    total = rows.sum(axis=1)
    overall = Kept(
        losses=lost.sum(axis=1) / total,
        accepted=accepted.sum(axis=1) / total,
        found=np.asarray(found.any(axis=1)),
        limit=limit,
    )
    return {**by_type, None: overall}
