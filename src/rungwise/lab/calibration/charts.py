"""How does a calibration look in a terminal? Reliability and risk by coverage, as text."""

from __future__ import annotations

import numpy as np

from rungwise.lab.calibration.quality import ideal_risk, reliability, risk_by_coverage
from rungwise.lab.calibration.readings import Bools, Floats

__all__ = ["reliability_chart", "risk_chart"]

WIDTH = 40


def reliability_chart(p: Floats, right: Bools) -> list[str]:
    """A line for each bin: `|` is the P that was said, `o` the share that was right."""
    lines = [f"{'said':>7} {'right':>7} {'drafts':>7}  0{'':{WIDTH - 2}}1"]
    for found in reliability(p, right):
        bar = [" "] * WIDTH
        bar[_place(found.said)] = "|"
        bar[_place(found.right)] = "o"
        told = f"{found.said:7.3f} {found.right:7.3f} {found.count:7d}"
        lines.append(f"{told}  {''.join(bar)}".rstrip())
    return lines


def risk_chart(p: Floats, right: Bools) -> list[str]:
    """A line for each tenth of the drafts, the surest first: how many of these are wrong, and how
    many would be if every right draft were surer than every wrong one."""
    found, ideal = risk_by_coverage(p, right), ideal_risk(right)
    lines = [f"{'covered':>7} {'wrong':>7} {'ideal':>7}"]
    for share in np.linspace(0.1, 1.0, 10):
        here, best = (float(np.interp(share, *curve)) for curve in (found, ideal))
        lines.append(f"{share:7.0%} {here:7.3f} {best:7.3f}  {'#' * round(here * WIDTH)}".rstrip())
    return lines


def _place(share: float) -> int:
    return min(WIDTH - 1, int(share * WIDTH))
