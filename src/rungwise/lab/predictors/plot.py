"""How do predictors of difficulty compare as a picture? APGR with intervals, a panel a set. PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rungwise.lab.pictures import check_matplotlib, save
from rungwise.lab.predictors.figures import Figures

__all__ = ["plot_figures"]

ACROSS = 3


def plot_figures(path: Path, sets: Mapping[str, Figures]) -> None:
    """Raises ConfigError where it cannot be drawn or written."""
    check_matplotlib()
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    down = -(-len(sets) // ACROSS)
    figure, panels = pyplot.subplots(
        down, ACROSS, figsize=(5 * ACROSS, 3.4 * down), layout="constrained", squeeze=False
    )
    for axes in panels.ravel()[len(sets) :]:
        axes.set_visible(False)
    for axes, (name, found) in zip(panels.ravel(), sets.items(), strict=False):
        names = list(found.policies)[::-1]
        told = [found.policies[policy].figures["apgr"] for policy in names]
        middle = np.array([one.value for one in told])
        apart = np.array([[one.value - one.low, one.high - one.value] for one in told]).T
        places = np.arange(len(names))
        axes.errorbar(middle, places, xerr=np.maximum(apart, 0), fmt="o", ms=4, capsize=2)
        axes.axvline(0.5, color="gray", ls=":")
        axes.set_yticks(places, names, fontsize=8)
        axes.set_title(name, fontsize=8)
        axes.set_xlabel("APGR", fontsize=8)
        axes.grid(alpha=0.3)
    save(figure, path, dpi=100)
