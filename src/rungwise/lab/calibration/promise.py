"""Which threshold keeps a promise? Learn-then-Test, with exact binomial p-values.

Angelopoulos, Bates, Candès, Jordan and Lei (arXiv 2110.01052): each candidate threshold t stands
for the hypothesis "accepting at t breaks the promise". Candidates are tested in a fixed order, from
the safest on, each at the same level, until the first that cannot be rejected; the last one that
was rejected is used. The chance that any hypothesis was rejected wrongly is at most the level.

The p-value of a candidate at which k of n drafts were bad is P(Binomial(n, limit) <= k). It is at
most the level exactly when k <= `allowed`. The candidates and the groups of step types must not
depend on the labels that are tested on.

Several step types are tested at level (1 - confidence) / tests each: by Bonferroni's inequality all
their promises hold at once with the stated confidence, and so does the one over all steps, which is
a mean of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats
from rungwise.lab.intervals import binomial_cdf

__all__ = [
    "Aim",
    "Chosen",
    "Tested",
    "allowed",
    "candidates",
    "choose",
    "groups_to_test",
    "least_labels",
    "more_labels",
    "naive_threshold",
    "to_label",
]

CANDIDATES = 200
MOST_LABELS = 1_000_000
"""No more than this are ever called for: nobody will label them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is to be kept.

    loss: the share of steps that are accepted and wrong, though the reference would have been
    right, is at most `limit`. spending: the share of steps that climb is; checks that send further
    drafts up are not counted in it.
    """

    kind: Literal["loss", "spending"] = "loss"
    limit: float
    confidence: float
    pool_thin: bool = False
    """Test step types with too few labels together, as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """Which step types are tested, and at which level each."""

    groups: tuple[tuple[str, ...], ...]
    """Step types of one group are tested together; mostly there is one in each."""
    thin: tuple[str, ...]
    """Too few labels for any promise: fewer than `least`."""
    least: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The outcome for one group of step types; counts are of the labels that were tested on, one
    for each group of drafts that belong together."""

    threshold: float | None
    labels: int
    accepted: int = 0
    bad: int = 0
    """Lost (loss) or climbing (spending) at the threshold."""
    needed: int = 0
    """How many more labels, each an independent draw, would be needed at the least; 0 where there
    is a threshold, and where more of the same would not help."""
    pooled: bool = False


def least_labels(limit: float, level: float) -> int:
    """The fewest labels that can show anything: (1 - limit)^n <= level, nothing bad among them."""
    return math.ceil(math.log(level) / math.log1p(-limit))


@lru_cache(maxsize=4096)
def allowed(labels: int, limit: float, level: float) -> int:
    """The most bad ones among so many labels at which the promise still holds; -1: not even none.

    The terms P(X = k) are summed in order, each from the one before.
    """
    if labels == 0:
        return -1
    log_term = labels * math.log1p(-limit)
    step, total, bad = math.log(limit) - math.log1p(-limit), math.exp(log_term), -1
    while total <= level and bad < labels:
        bad += 1
        if bad < labels:
            log_term += math.log(labels - bad) - math.log(bad + 1) + step
            total += math.exp(log_term)
    return bad


def more_labels(labels: int, bad: int, *, limit: float, level: float, share: float) -> int:
    """About how many more labels are needed, where `bad` of `labels` were too many to show it.

    If the same share of them stays bad. `share` of all labels is tested on. 0: however many there
    are, that share is over the limit.
    """
    rate = bad / labels if labels else 0.0
    if rate >= limit:
        return 0

    def enough(count: int) -> bool:
        return binomial_cdf(math.ceil(rate * count - 1e-9), count, limit) <= level

    high = max(labels, least_labels(limit, level))
    while not enough(high):
        if high > MOST_LABELS:
            return high
        high *= 2
    low = labels
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return to_label(high - labels, share)


def to_label(tested: int, share: float) -> int:
    """How many labels bring so many more to be tested on; one more than that is lost to rounding
    where a part of them is split off."""
    return math.ceil((tested + 1) / share) if share < 1 else tested


def groups_to_test(
    counts: Mapping[str, int], aim: Aim, together: Callable[[tuple[str, ...]], int] | None = None
) -> Tested:
    """Decided by how many labels each step type has, not by what they are.

    All are counted in independent draws. `together` counts those of several step types; without it
    they are taken to have none in common.
    """
    shared = (1 - aim.confidence) / max(1, len(counts))
    least = least_labels(aim.limit, shared)
    groups: list[tuple[str, ...]] = [(name,) for name, n in counts.items() if n >= least]
    thin = tuple(name for name, n in counts.items() if n < least)
    if aim.pool_thin and thin:
        pooled = together(thin) if together else sum(counts[name] for name in thin)
        if pooled >= least:
            groups, thin = [*groups, thin], ()
    level = (1 - aim.confidence) / len(groups) if groups else shared
    return Tested(groups=tuple(groups), thin=thin, least=least, level=level)


def candidates(p: Floats, aim: Aim) -> Floats:
    """Thresholds to try, rising: quantiles of what was fitted on, and a strict end.

    For a promise on loss none accepts what is more likely wrong than right, however much may be
    lost, or is less sure than anything seen there. One on spending starts at 0: nothing climbs.
    """
    strict = 1 - 10.0 ** -np.arange(2, 6)
    quantiles = np.quantile(p, np.linspace(0, 1, CANDIDATES)) if len(p) else np.array([0.5])
    if aim.kind == "loss":
        quantiles = np.maximum(quantiles, 0.5)
    generous = [0.0] if aim.kind == "spending" else []
    # rounded down, so that a draft with exactly this P is accepted on every machine
    return np.unique(np.floor(np.concatenate((generous, quantiles, strict)) * 1e6) / 1e6)


def choose(
    sure: Floats, lost: Bools, tried: Floats, aim: Aim, *, level: float, share: float
) -> Chosen:
    """The most useful threshold that keeps the promise, by fixed sequence testing.

    `sure` is the P that decides about each draft (accepted at or above the threshold), `lost`
    whether accepting it loses; `tried` are the candidates, rising. Among those that pass, the last
    one is used: for loss the most generous, for spending the strictest.
    """
    labels = len(sure)
    accepted = labels - np.searchsorted(np.sort(sure), tried, side="left")
    if aim.kind == "spending":
        bad, order = labels - accepted, np.arange(len(tried))
    else:
        at_stake = np.sort(sure[lost])
        bad = len(at_stake) - np.searchsorted(at_stake, tried, side="left")
        order = np.arange(len(tried))[::-1]
    passed = bad[order] <= allowed(labels, aim.limit, level)
    count = len(order) if passed.all() else int(np.argmin(passed))
    last = order[count - 1]
    if count and (aim.kind == "spending" or accepted[last]):
        return Chosen(
            threshold=float(tried[last]),
            labels=labels,
            accepted=int(accepted[last]),
            bad=int(bad[last]),
        )
    useful = next((i for i in order if aim.kind == "spending" or accepted[i]), None)
    if useful is None and count:
        return Chosen(threshold=None, labels=labels)
    seen = 0 if useful is None else int(bad[useful])
    needed = more_labels(labels, seen, limit=aim.limit, level=level, share=share)
    return Chosen(threshold=None, labels=labels, needed=needed)


def naive_threshold(sure: Floats, lost: Bools, limit: float) -> float | None:
    """What people do: the lowest P at which the loss on this very data is within the limit.

    It allows for no chance at all. None where it accepts nothing.
    """
    values = np.unique(sure)
    at_stake = np.sort(sure[lost])
    bad = len(at_stake) - np.searchsorted(at_stake, values, side="left")
    kept = np.flatnonzero(bad <= limit * len(sure))
    return float(values[kept[0]]) if len(kept) else None
