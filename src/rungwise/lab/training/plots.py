"""How does a router's report look as pictures? PNG files, or one HTML page that holds them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from rungwise.errors import ConfigError
from rungwise.lab import pages
from rungwise.lab.calibration.quality import reliability
from rungwise.lab.routing.figures import ranking
from rungwise.lab.training.out_of_fold import Foreseen
from rungwise.lab.training.report import RouterReport, scores
from rungwise.lab.training.told import as_lines, verdict

__all__ = ["draw", "write_page", "write_pictures"]


def draw(report: RouterReport, foreseen: Foreseen) -> dict[str, bytes]:
    """PNG by what it shows: `reliability`, `gain`, `learning`; those that there is data for."""
    found = {}
    rungs = [place for place, rung in enumerate(report.rungs) if rung.auroc is not None]
    pairs = [place for place, pair in enumerate(report.pairs) if pair.policies]
    if rungs:
        found["reliability"] = _picture(rungs, lambda axes, n: _reliability(axes, foreseen, n))
    if pairs:
        found["gain"] = _picture(pairs, lambda axes, n: _gain(axes, foreseen, n))
    if any(point.apgr for point in report.learning):
        found["learning"] = _picture([0], lambda axes, _: _learning(axes, report))
    return found


def write_pictures(folder: Path, pictures: dict[str, bytes]) -> list[Path]:
    paths = [folder / f"{name}.png" for name in pictures]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, picture in zip(paths, pictures.values(), strict=True):
            path.write_bytes(picture)
    except OSError as error:
        raise ConfigError(f"--report: cannot write {folder} ({error.strerror})") from None
    return paths


def write_page(path: Path, report: RouterReport, pictures: dict[str, bytes]) -> None:
    """One file that needs no other."""
    shown = [
        f'<img alt="{name}" style="background: white; max-width: 100%" '
        f'src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
        for name, picture in pictures.items()
    ]
    figures = f'<pre class="wide">{escape(chr(10).join(as_lines(report)))}</pre>'
    sections = [
        pages.section("Is it enough?", [pages.lines(map(verdict, report.pairs))]),
        pages.section("Pictures", shown),
        pages.section("Figures", [figures]),
    ]
    pages.write_page(path, pages.page("A predictor of difficulty", sections))


def _reliability(axes: Any, foreseen: Foreseen, place: int) -> None:
    rows = foreseen.labelled(place) & foreseen.said[:, place]
    bins = reliability(foreseen.p[rows, place], foreseen.right[rows, place] > 0.5)
    sizes = [found.count for found in bins]
    label = f"bins of {min(sizes)} to {max(sizes)} steps"
    axes.plot([b.said for b in bins], [b.right for b in bins], "o-", ms=4, label=label)
    axes.plot([0, 1], [0, 1], ":", color="gray", label="ideal")
    axes.set(xlabel="P(right) that was foreseen", ylabel="share that was right")
    axes.set(title=foreseen.tiers[place], xlim=(0, 1), ylim=(0, 1))


def _gain(axes: Any, foreseen: Foreseen, place: int) -> None:
    rows = foreseen.labelled(place, place + 1)
    weak, strong = foreseen.right[rows, place], foreseen.right[rows, place + 1]
    for name, score in scores(foreseen, rows, place).items():
        ranked = ranking(score, weak, strong, foreseen.fold[rows])
        calls, recovered = ranked.curve(foreseen.weight[rows])
        style = ":" if name == "random" else "-"
        axes.plot(
            calls, recovered, style, label=f"{name}, APGR {ranked.apgr(foreseen.weight[rows]):.3f}"
        )
    names = foreseen.tiers
    axes.set(xlabel=f"share of steps sent to {names[place + 1]}", ylabel="of its lead recovered")
    axes.set(title=f"{names[place]} < {names[place + 1]}", xlim=(0, 1))


def _learning(axes: Any, report: RouterReport) -> None:
    for pair in dict.fromkeys(name for point in report.learning for name in point.apgr):
        points = [(p.examples, p.apgr[pair]) for p in report.learning if pair in p.apgr]
        sizes, found = [size for size, _ in points], [estimate for _, estimate in points]
        middle = axes.plot(sizes, [e.value for e in found], "o-", ms=4, label=pair)
        low, high = [e.low for e in found], [e.high for e in found]
        axes.fill_between(sizes, low, high, color=middle[0].get_color(), alpha=0.15)
    axes.axhline(0.5, ls=":", color="gray", label="chance")
    axes.set(xlabel="steps learnt from", ylabel="APGR", title="more labels")


def _picture(panels: Sequence[int], paint: Callable[[Any, int], None]) -> bytes:
    """One panel beside the other. No window, and no state of pyplot's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6 * len(panels), 4.4), layout="constrained")
    for number, panel in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        paint(axes, panel)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="best")
    file = BytesIO()
    figure.savefig(file, dpi=110, format="png")
    return file.getvalue()
