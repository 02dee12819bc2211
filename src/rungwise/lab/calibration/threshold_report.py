"""What was promised for which step type? As a table, and as JSON."""

from __future__ import annotations

from rungwise.lab.calibration.calibrate import Calibrated
from rungwise.lab.calibration.promise import Aim, Chosen
from rungwise.lab.intervals import upper_bound

__all__ = ["how_drawn", "promise_as_json", "promise_as_lines", "ways_tested"]


def promise_as_lines(calibrated: Calibrated, aim: Aim) -> list[str]:
    """A line for each step type, and what the bounds mean."""
    bad = "lost" if aim.kind == "loss" else "climb"
    lines = [f"{'step type':<22}{'held':<8}{'labels':>7}{'threshold':>11}{'accepted':>10}{bad:>8}"]
    for name, chosen in calibrated.chosen.items():
        held = "either" if name in calibrated.early else "whole"
        lines.append(f"{name:<22.22}{held:<8}{chosen.labels:>7}{_told(chosen, calibrated)}")
    what = "are accepted and wrong" if aim.kind == "loss" else "climb"
    share = f"{calibrated.tests} sequences share it" if calibrated.tests else "nothing was tested"
    pooled = "; * thin step types, tested together" if _any_pooled(calibrated) else ""
    return [
        *lines,
        f"promise: at most {aim.limit:.2%} of steps {what}, with confidence {aim.confidence:g} for "
        f"all step types at once, for {ways_tested(calibrated)} ({share}; each is tested at "
        f"{calibrated.level:.3g}){how_drawn(calibrated)}{pooled}",
    ]


def ways_tested(calibrated: Calibrated) -> str:
    """Which ways to hold drafts the promise is for."""
    return "drafts held either way" if calibrated.early else "drafts held whole"


def how_drawn(calibrated: Calibrated) -> str:
    """What a step is, where some belong together; empty where each is a draw of its own."""
    if not calibrated.grouped:
        return ""
    return (
        "; a step is drawn by first drawing a group, then one of its steps of that type (of any "
        "of the types where they are tested together)"
    )


def _any_pooled(calibrated: Calibrated) -> bool:
    return any(chosen.pooled for chosen in calibrated.chosen.values())


def _told(chosen: Chosen, calibrated: Calibrated) -> str:
    if chosen.threshold is None:
        if chosen.needed:
            of_what = "independent groups" if calibrated.grouped else "labels"
            return f"  insufficient data: about {chosen.needed} more {of_what}"
        return "  none: its surest drafts are too often wrong, more labels would not help"
    bound = upper_bound(chosen.bad, chosen.labels, 1 - calibrated.level)
    star = "*" if chosen.pooled else ""
    accepted, bad = chosen.accepted / chosen.labels, chosen.bad / chosen.labels
    return f"{chosen.threshold:>11.4f}{accepted:>10.1%}{bad:>8.2%} (at most {bound:.2%}){star}"


def promise_as_json(calibrated: Calibrated, aim: Aim) -> dict[str, object]:
    """Shares are of the labels that thresholds were chosen on; `prefix` is the same as `whole`, or
    None where no draft was tested as leaving at its beginning."""
    return {
        "promise": {
            "kind": aim.kind,
            "limit": aim.limit,
            "confidence": aim.confidence,
            "level": calibrated.level,
            "tests": calibrated.tests,
            "hold": calibrated.hold,
            "grouped": calibrated.grouped,
        },
        "log_loss": dict(calibrated.finished.losses),
        "thresholds": {
            name: {
                "whole": _as_json(chosen, calibrated),
                "prefix": _as_json(chosen, calibrated) if name in calibrated.early else None,
            }
            for name, chosen in calibrated.chosen.items()
        },
    }


def _as_json(chosen: Chosen, calibrated: Calibrated) -> dict[str, object]:
    found: dict[str, object] = {
        "labels": chosen.labels,
        "threshold": chosen.threshold,
        "needed": chosen.needed,
        "pooled": chosen.pooled,
    }
    if chosen.threshold is not None:
        found["accepted_share"] = chosen.accepted / chosen.labels
        found["bad_share"] = chosen.bad / chosen.labels
        found["bad_bound"] = upper_bound(chosen.bad, chosen.labels, 1 - calibrated.level)
    return found
