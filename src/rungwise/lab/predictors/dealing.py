"""Which steps are held back together? Groups whole, in folds of like size."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Ints

__all__ = ["dealt", "dealt_by_luck", "whole_groups"]


def dealt(group: Ints, count: int, seed: int) -> Ints:
    """[steps], the fold of each. The largest group first, to the fold with the fewest steps, so
    that no fold is made of one large group beside nothing; of equal ones by luck. Of fewer groups
    than folds, each is a fold."""
    number, sizes = _sizes(group)
    luck = np.random.default_rng(seed).random(len(sizes))
    return _to_the_lightest(number, sizes, np.lexsort((luck, -sizes)), count)


def dealt_by_luck(group: Ints, count: int, seed: int) -> Ints:
    """The same with groups in any order: another seed gives other company to all of them, at folds
    that are a little less alike in size."""
    number, sizes = _sizes(group)
    order = np.random.default_rng(seed).permutation(len(sizes))
    return _to_the_lightest(number, sizes, order, count)


def whole_groups(group: Ints, count: int) -> Ints:
    """The groups, where there are enough of them to fill so many folds; else each step is one of
    its own."""
    few = len(np.unique(group)) < count
    return np.arange(len(group), dtype=np.int64) if few else group


def _sizes(group: Ints) -> tuple[Ints, Ints]:
    number = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return number, np.bincount(number)


def _to_the_lightest(number: Ints, sizes: Ints, order: Ints, count: int) -> Ints:
    load = np.zeros(min(count, len(sizes)))
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    for place in order.tolist():
        fold_of[place] = int(np.argmin(load))
        load[fold_of[place]] += sizes[place]
    return np.asarray(fold_of[number], dtype=np.int64)
