"""How does this server compare with vLLM's own, as a picture? Ratios by concurrency, as PNG."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rungwise.errors import ConfigError
from rungwise.lab.pictures import check_matplotlib, save

__all__ = ["plot_engine", "redraw"]

PANELS = {
    "tokens_per_s": "output tokens/s",
    "latency_p95": "whole answer, p95",
    "first_token_p50": "first token, p50",
    "event_gap_p50": "between events, p50",
    "token_gap_p50": "each further token, p50",
    "server_cpu": "server's CPU for a request",
}
INK = "#808080"
"""Reads on white and on black alike, as the lines do; the ground is left open."""
LINES = {"off/vllm": ("gate off", "#2f8fd0"), "on/vllm": ("gate on", "#e0762d")}
SHAPES = {False: ("whole", "--", "o"), True: ("streamed", "-", "s")}


def plot_engine(path: Path, points: Sequence[Mapping[str, Any]], model: str) -> None:
    """`points` as `engine_figures.figures` gives them: a row for each kind of prompts, a panel for
    each of PANELS, whiskers for the 95 % intervals that there are. Raises ConfigError."""
    check_matplotlib()
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    kinds = list(dict.fromkeys(str(point["prompts"]) for point in points))
    size = (3.1 * len(PANELS), 3.2 * len(kinds) + 0.7)
    figure, axes = pyplot.subplots(
        len(kinds), len(PANELS), figsize=size, layout="constrained", squeeze=False
    )
    figure.patch.set_alpha(0)
    for row, kind in zip(axes, kinds, strict=True):
        of_kind = [point for point in points if point["prompts"] == kind]
        for panel, (measure, told) in zip(row, PANELS.items(), strict=True):
            _panel(panel, of_kind, measure)
            panel.set_title(told, color=INK, fontsize=10)
        row[0].set_ylabel(f"prompts: {kind}\nratio", color=INK)
    for panel in axes[-1]:
        panel.set_xlabel("requests at a time", color=INK)
    figure.suptitle(f"{model}: this server / vLLM's own", color=INK)
    figure.legend(*axes[0][0].get_legend_handles_labels(), **_LEGEND)
    save(figure, path)


def redraw(figures: Path, path: Path) -> int:
    """From the file of `rungwise bench engine --json`, of any machine. Raises ConfigError."""
    try:
        document = json.loads(figures.read_text(encoding="utf-8"))
        if "ratios" in document and "points" not in document:
            raise ConfigError(f"--drawn-from: {figures} is of an older form, without rounds")
        points, model = document["points"], document["model"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError(f"--drawn-from: no figures of bench engine in {figures}") from None
    if not points:
        raise ConfigError(f"--drawn-from: no point was measured in {figures}")
    plot_engine(path, points, model)
    return 0


_LEGEND = {"loc": "outside lower center", "ncols": 4, "frameon": False, "labelcolor": INK}


def _panel(panel: Any, points: Sequence[Mapping[str, Any]], measure: str) -> None:
    panel.axhline(1.0, color=INK, lw=0.8)
    for pair, (gate, colour) in LINES.items():
        for stream, (how, dashes, mark) in SHAPES.items():
            found = [
                (point["concurrency"], point["ratios"][pair][measure])
                for point in points
                if point["stream"] == stream and measure in point["ratios"].get(pair, {})
            ]
            if found:
                at = [concurrency for concurrency, _ in found]
                middle = [ratio[0] for _, ratio in found]
                below, above = zip(*(_whiskers(*ratio) for _, ratio in found), strict=True)
                style = {"color": colour, "ls": dashes, "marker": mark, "ms": 4, "lw": 1.4}
                label = f"{gate}, {how}"
                panel.errorbar(at, middle, [below, above], capsize=2, label=label, **style)
    _axes(panel, points)


def _whiskers(middle: float, low: float | None, high: float | None) -> tuple[float, float]:
    """Down and up; a length that is no number is not drawn."""
    return (math.nan, math.nan) if low is None or high is None else (middle - low, high - middle)


def _axes(panel: Any, points: Sequence[Mapping[str, Any]]) -> None:
    ticks = sorted({point["concurrency"] for point in points})
    panel.set_xscale("log", base=2)
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    panel.patch.set_alpha(0)
    panel.tick_params(colors=INK)
    panel.grid(color=INK, alpha=0.25)
    for spine in panel.spines.values():
        spine.set_color(INK)
