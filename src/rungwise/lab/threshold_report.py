"""What was promised for which step type? As a table, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping

from rungwise.lab.calibrate import Calibrated
from rungwise.lab.intervals import upper_bound
from rungwise.lab.promise import Aim, Chosen

__all__ = ["promise_as_json", "promise_as_lines"]


def promise_as_lines(calibrated: Calibrated, aim: Aim) -> list[str]:
    """A line for each step type and way to hold a draft, and what the bounds mean."""
    bad = "lost" if aim.kind == "loss" else "climb"
    lines = [f"{'step type':<22}{'held':<8}{'labels':>7}{'threshold':>11}{'accepted':>10}{bad:>8}"]
    for held, by_type in _ways(calibrated).items():
        for name, chosen in by_type.items():
            lines.append(f"{name:<22.22}{held:<8}{chosen.labels:>7}{_told(chosen, calibrated)}")
    what = "are accepted and wrong" if aim.kind == "loss" else "climb"
    share = f"{calibrated.tests} sequences share it" if calibrated.tests else "nothing was tested"
    pooled = "; * thin step types, tested together" if _any_pooled(calibrated) else ""
    return [
        *lines,
        f"promise: at most {aim.limit:.2%} of steps {what}, with confidence {aim.confidence:g} for "
        f"all step types at once ({share}; each is tested at {calibrated.level:.3g}){pooled}",
    ]


def _ways(calibrated: Calibrated) -> dict[str, Mapping[str, Chosen]]:
    found = {"whole": calibrated.whole, "prefix": calibrated.prefix}
    return {held: by_type for held, by_type in found.items() if by_type}


def _any_pooled(calibrated: Calibrated) -> bool:
    return any(chosen.pooled for chosen in calibrated.whole.values())


def _told(chosen: Chosen, calibrated: Calibrated) -> str:
    if chosen.threshold is None:
        if chosen.needed:
            return f"  insufficient data: about {chosen.needed} more labels"
        return "  none: its surest drafts are too often wrong, more labels would not help"
    bound = upper_bound(chosen.bad, chosen.labels, 1 - calibrated.level)
    star = "*" if chosen.pooled else ""
    accepted, bad = chosen.accepted / chosen.labels, chosen.bad / chosen.labels
    return f"{chosen.threshold:>11.4f}{accepted:>10.1%}{bad:>8.2%} (at most {bound:.2%}){star}"


def promise_as_json(calibrated: Calibrated, aim: Aim) -> dict[str, object]:
    """Shares are of the labels that thresholds were chosen on; `prefix` where drafts may leave at
    their beginning."""
    return {
        "promise": {
            "kind": aim.kind,
            "limit": aim.limit,
            "confidence": aim.confidence,
            "level": calibrated.level,
            "tests": calibrated.tests,
        },
        "log_loss": dict(calibrated.finished.losses),
        "thresholds": {
            name: {
                held: _as_json(by_type[name], calibrated)
                for held, by_type in _ways(calibrated).items()
            }
            for name in calibrated.whole
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
