"""Which steps are held back together? Groups whole, in folds of like size."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.readings import Ints

__all__ = ["dealt"]


def dealt(group: Ints, count: int, seed: int) -> Ints:
    """[steps], the fold of each. The largest group first, to the fold with the fewest steps, so
    that no fold is made of one large group beside nothing; of equal ones by luck. Of fewer groups
    than folds, each is a fold."""
    number = np.unique(group, return_inverse=True)[1]
    sizes = np.bincount(number)
    luck = np.random.default_rng(seed).random(len(sizes))
    load = np.zeros(min(count, len(sizes)))
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    for place in np.lexsort((luck, -sizes)):
        fold_of[place] = int(np.argmin(load))
        load[fold_of[place]] += sizes[place]
    return np.asarray(fold_of[number], dtype=np.int64)
