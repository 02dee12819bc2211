"""How do cost and quality look as a picture? PNG, by matplotlib (the extra `lab`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rungwise.lab.pictures import check_matplotlib, save
from rungwise.lab.routing.drawn import Picture

__all__ = ["plot_routing"]


def plot_routing(path: Path, pictures: Sequence[Picture]) -> None:
    """One panel for each set. Raises ConfigError where it cannot be drawn or written."""
    check_matplotlib()
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    size = (7.5 * len(pictures), 5.2)
    figure, panels = pyplot.subplots(
        1, len(pictures), figsize=size, layout="constrained", squeeze=False
    )
    for axes, picture in zip(panels[0], pictures, strict=True):
        _draw(axes, picture)
    save(figure, path)


def _draw(axes: Any, picture: Picture) -> None:
    for line in picture.lines:
        axes.plot(line.usd, line.right, label=line.name, lw=1.6)
    if picture.band is not None:
        axes.fill_between(*picture.band, color=f"C{len(picture.lines) - 1}", alpha=0.15, lw=0)
    axes.plot(picture.hull.usd, picture.hull.right, ":", color="gray", label=picture.hull.name)
    axes.plot(picture.rungs.usd, picture.rungs.right, "o", color="black", ms=5)
    for name, usd, right in zip(
        picture.rung_names, picture.rungs.usd, picture.rungs.right, strict=True
    ):
        last = usd == max(picture.rungs.usd)
        axes.annotate(
            name,
            (usd, right),
            (-5 if last else 5, -12),
            textcoords="offset points",
            ha="right" if last else "left",
            fontsize=8,
        )
    if picture.logarithmic:
        axes.set_xscale("log")
    axes.set(xlabel="US dollars for 1,000 steps", ylabel="share of right answers")
    axes.set(title=picture.title)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower right")
