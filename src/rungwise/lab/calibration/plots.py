"""How do calibration and promise look as a picture? PNG, by matplotlib (the extra `lab`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rungwise.lab.calibration.quality import ideal_risk, reliability, risk_by_coverage
from rungwise.lab.calibration.readings import Bools, Floats
from rungwise.lab.pictures import check_matplotlib, save

__all__ = ["plot_calibration", "plot_promise"]


def plot_calibration(path: Path, curves: Iterable[tuple[str, Floats]], right: Bools) -> None:
    """Reliability with the bins' counts, and risk by coverage against the ideal; `curves` are the
    P of the same drafts, each with the name of who says so."""
    figure, (left, middle) = _figure(2)
    counts = left.twinx()
    for number, (name, p) in enumerate(curves):
        bins = reliability(p, right)
        sizes = [found.count for found in bins]
        label = f"{name}, bins of {min(sizes)} to {max(sizes)}"
        left.plot([b.said for b in bins], [b.right for b in bins], "o-", ms=4, label=label)
        counts.hist(p, np.linspace(0, 1, 21), color=f"C{number}", alpha=0.2)
        middle.plot(*risk_by_coverage(p, right), label=name)
    left.plot([0, 1], [0, 1], ":", color="gray", label="ideal")
    middle.plot(*ideal_risk(right), ":", color="gray", label="ideal")
    left.set(xlabel="P that was said", ylabel="share that was right", title="reliability")
    left.set(xlim=(0, 1), ylim=(0, 1))
    counts.set(ylabel="drafts (bars)")
    middle.set(xlabel="share accepted, the surest first", ylabel="share of these that is wrong")
    middle.set(title="risk by coverage", xlim=(0, 1), ylim=(0, None))
    _save(path, figure, (left, middle))


def plot_promise(
    path: Path, kept: Floats, naive: Floats, by_type: Mapping[str, Sequence[Floats]], limit: float
) -> None:
    """Losses on the test halves: over all step types as histograms, by step type as boxes.

    `by_type` has those under the promise and those under naive thresholds."""
    figure, (left, right) = _figure(2)
    top = max(float(np.max(kept)), float(np.max(naive)), limit) * 1.1
    edges = np.linspace(0, top, 41)
    left.hist(kept, edges, alpha=0.7, label="with a bound")
    left.hist(naive, edges, alpha=0.7, label="naive")
    left.axvline(limit, color="black", ls="--", label="promise")
    left.set(xlabel="loss on the test half, all steps", ylabel="splits", title="all step types")
    names = list(by_type)
    places = np.arange(len(names), dtype=np.float64)
    for number, (shift, colour) in enumerate(((-0.18, "C0"), (0.18, "C1"))):
        right.boxplot(
            [by_type[name][number] for name in names],
            positions=places + shift,
            widths=0.3,
            orientation="horizontal",
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": colour, "alpha": 0.7},
            medianprops={"color": "black"},
            whis=(5, 95),
        )
    right.axvline(limit, color="black", ls="--", label="promise")
    right.set_yticks(places, names)
    right.set(xlabel="loss on the test half (box 25-75 %, whiskers 5-95 %)", title="by step type")
    _save(path, figure, (left, right))


def _figure(panels: int) -> tuple[Any, Any]:
    check_matplotlib()
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, panels, figsize=(6 * panels, 4.6), layout="constrained")
    return figure, axes


def _save(path: Path, figure: Any, panels: Sequence[Any]) -> None:
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="best")
    save(figure, path)
