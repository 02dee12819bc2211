"""How good are these probabilities? AUROC, calibration error, Brier score, risk by coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats, Ints

__all__ = [
    "Bin",
    "auroc",
    "brier",
    "calibration_error",
    "error_interval",
    "ideal_risk",
    "log_loss",
    "reliability",
    "risk_by_coverage",
]

BINS = 10
RESAMPLES = 1000


def auroc(values: Floats, right: Bools, weight: Floats | None = None) -> float | None:
    """P(a right draft's value is above a wrong one's), ties count half; None without both.
    `weight`, here and below: how often each draft counts."""
    counted = np.ones(len(right)) if weight is None else weight
    _, place = np.unique(values, return_inverse=True)
    positives = np.bincount(place, weights=counted * right)
    negatives = np.bincount(place, weights=counted * ~right)
    pairs = positives.sum() * negatives.sum()
    if not pairs:
        return None
    below = np.cumsum(negatives) - negatives / 2
    return float(positives @ below / pairs)


def log_loss(p: Floats, right: Bools) -> float:
    """The mean of -ln P(what was the case), in nats."""
    said = np.where(right, p, 1.0 - p)
    return float(-np.log(np.clip(said, 1e-12, None)).mean())


def brier(p: Floats, right: Bools, weight: Floats | None = None) -> float:
    return float(np.average((p - right) ** 2, weights=weight))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Drafts with neighbouring P: how sure they were, and how many were right."""

    count: int
    said: float
    """The mean P."""
    right: float
    """The share that was right."""


def _bin_of(p: Floats) -> Ints:
    """Bins of equal count by rising P; the same P is never parted, so that counts may differ."""
    order = np.sort(p)
    below = np.searchsorted(order, p, side="left") + np.searchsorted(order, p, side="right")
    return np.asarray(np.minimum(below * BINS // (2 * max(1, len(p))), BINS - 1), dtype=np.int64)


def reliability(p: Floats, right: Bools) -> list[Bin]:
    """By rising P."""
    place = _bin_of(p)
    return [
        Bin(count=int(m.sum()), said=float(p[m].mean()), right=float(right[m].mean()))
        for m in (place == number for number in range(BINS))
        if m.any()
    ]


def calibration_error(p: Floats, right: Bools, weight: Floats | None = None) -> float:
    """The expected calibration error: mean |P - share right| over bins, weighted by their size."""
    counted = np.ones(len(p)) if weight is None else weight
    sums = np.bincount(_bin_of(p), weights=counted * (p - right), minlength=BINS)
    return float(np.abs(sums).sum() / counted.sum())


def error_interval(
    p: Floats, right: Bools, group: Ints, seed: int = 0, weight: Floats | None = None
) -> tuple[float, float]:
    """The 95 % basic bootstrap interval of the calibration error, over resampled groups.

    [2 x estimate - q97.5, 2 x estimate - q2.5], within 0 and 1 (Davison and Hinkley, Bootstrap
    Methods, 1997, 5.2). Noise in a bin only ever adds to the error, in the resamples once more than
    in the data: turning them round the estimate takes that off, where percentiles would double it.
    Where it takes off more than there is, the estimate is the upper end. It is no exact interval:
    of a perfect curve it covers the error of 0 in about six of ten draws. The bins stay those of
    the data.
    """
    _, unit = np.unique(group, return_inverse=True)
    units = int(unit.max()) + 1
    cell = unit * BINS + _bin_of(p)
    counted = np.ones(len(p)) if weight is None else weight
    gaps = np.bincount(cell, weights=counted * (p - right), minlength=units * BINS)
    gaps = gaps.reshape(units, BINS)
    sizes = np.bincount(unit, weights=counted, minlength=units)
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(RESAMPLES):
        times = np.bincount(rng.integers(0, units, units), minlength=units).astype(np.float64)
        drawn.append(float(np.abs(times @ gaps).sum() / (times @ sizes)))
    estimate = calibration_error(p, right, weight)
    low, high = (2 * estimate - float(q) for q in np.quantile(drawn, (0.975, 0.025)))
    return min(max(low, 0.0), estimate), max(min(high, 1.0), estimate)


def risk_by_coverage(p: Floats, right: Bools) -> tuple[Floats, Floats]:
    """For each share of drafts that is accepted, the surest first, how many of them are wrong.

    Drafts of the same P are accepted together.
    """
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))
    wrong = np.cumsum(~right[order])[ends]
    return (ends + 1) / len(p), wrong / (ends + 1)


def ideal_risk(right: Bools) -> tuple[Floats, Floats]:
    """The same where every right draft is surer than every wrong one."""
    return risk_by_coverage(np.linspace(1, 0, len(right)), np.sort(right)[::-1])
