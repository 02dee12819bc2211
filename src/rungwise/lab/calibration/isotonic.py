"""Which rising curve suits these labels best? Isotonic regression, smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rungwise.lab.calibration.readings import Bools, Floats

__all__ = ["Rising", "rising"]

TILT = 0.1
"""How far the ends go from the outer blocks towards 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rising:
    """P at rising z, linear in between and flat outside (see confidence.calibration.Table)."""

    z: Floats
    p: Floats

    def at(self, z: Floats) -> Floats:
        above = np.searchsorted(self.z, z, side="right")
        low = np.clip(above - 1, 0, len(self.z) - 1)
        high = np.clip(above, 0, len(self.z) - 1)
        width = self.z[high] - self.z[low]
        share = np.where(width > 0, (z - self.z[low]) / np.where(width > 0, width, 1.0), 0.0)
        return np.asarray(self.p[low] + share * (self.p[high] - self.p[low]))


def rising(z: Floats, right: Bools) -> Rising:
    """Pool adjacent violators (Ayer et al., Ann. Math. Stat. 26, 1955), each block at its mean z:
    centred isotonic regression (Oron and Flournoy, Stat. Biopharm. Res. 9, 2017).

    Half a right and half a wrong draft are added to each block (Krichevsky and Trofimov), so that
    no P is 0 or 1; blocks that this brings out of order are pooled once more. The outer halves of
    the first and the last block are tilted a little, so that their drafts keep an order.
    """
    points, inverse, counts = np.unique(z, return_inverse=True, return_counts=True)
    hits = np.bincount(inverse, weights=right, minlength=len(points))
    single = zip(counts.tolist(), hits.tolist(), (points * counts).tolist(), strict=True)
    blocks = _pooled(list(single))
    smoothed = [(n, n * (k + 0.5) / (n + 1), zs) for n, k, zs in blocks]
    found = _pooled(smoothed)
    middle, share = ([x[i] / x[0] for x in found] for i in (2, 1))
    ends = share[0] * (1 - TILT), share[-1] + TILT * (1 - share[-1])
    # rounded here, so that a file of them stays small and says the same
    return Rising(
        z=np.round([points[0], *middle, points[-1]], 6),
        p=np.round([ends[0], *share, ends[1]], 6),
    )


_Block: TypeAlias = tuple[float, float, float]
"""Drafts, right ones among them, sum of their z."""


def _pooled(blocks: Sequence[_Block]) -> list[_Block]:
    """Neighbours are joined until the share of right ones rises from block to block."""
    found: list[_Block] = []
    for n, k, zs in blocks:
        while found and found[-1][1] * n >= k * found[-1][0]:
            before = found.pop()
            n, k, zs = n + before[0], k + before[1], zs + before[2]
        found.append((n, k, zs))
    return found
