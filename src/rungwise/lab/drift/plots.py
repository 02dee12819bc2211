"""How do the delays look? PNG, by matplotlib (the extra `lab`)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rungwise.lab.drift.simulate import LABELLED, DriftFigures
from rungwise.lab.pictures import check_matplotlib, save

__all__ = ["plot_delays"]


def plot_delays(path: Path, found: DriftFigures) -> None:
    """For each accuracy: the share of falls that are called within so many steps."""
    check_matplotlib()
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(found.found), figsize=(13, 4), sharey=True)
    for panel, (base, methods) in zip(panels, found.found.items(), strict=True):
        most = max(watched.delay(0.97) for watched in methods.values()) / LABELLED
        for name, watched in methods.items():
            steps = np.sort(watched.delays) / LABELLED
            told = f"{name}: {watched.false_per_10_000:.2f} false / 10,000"
            panel.plot(steps, np.arange(1, len(steps) + 1) / len(steps), label=told)
        panel.set(title=f"{base:.0%} right, then 10 points fewer", xlabel="steps since the fall")
        panel.set_xlim(0, most)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, loc="lower right")
    panels[0].set_ylabel("share of falls that were called")
    figure.tight_layout()
    save(figure, path)
