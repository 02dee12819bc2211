"""How does an alarm tell its figures? One line for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rungwise.drift.detector import Detector, Told
from rungwise.drift.slower import Slower
from rungwise.types import AlarmKind

__all__ = ["SAYING"]


def _accuracy(found: Detector) -> str:
    told = found.told
    now, usual = _share(told.now), _share(told.usual)
    return f"of late {now} are right, usually {usual}{_even(told)}{_sure(found)}"


def _calibration(found: Detector) -> str:
    told = found.told
    gap = told.now or 0.0
    off = f"{abs(gap):.1%} {'fewer' if gap < 0 else 'more'}"
    return f"of late {off} are right than confidences say{_even(told)}{_sure(found)}"


def _confidence(found: Detector) -> str:
    now, usual = found.now or 0.0, found.stat.usual or 0.0
    return (
        f"confidences are spread otherwise: of late {now:.2f} on average, usually {usual:.2f}"
        f"{_sure(found)}"
    )


def _escalation(found: Detector) -> str:
    return (
        f"of late {_share(found.now)} of drafts are doubted, usually {_share(found.stat.usual)}"
        f"{_sure(found)}"
    )


def _latency(found: Detector) -> str:
    stat = found.stat
    assert isinstance(stat, Slower) and stat.p95 is not None
    return (
        f"of late {_share(found.now)} take longer than {stat.slower * stat.p95:.2f} s, "
        f"{stat.slower:g} times the usual p95 of {stat.p95:.2f} s{_sure(found)}"
    )


SAYING: Mapping[AlarmKind, Callable[[Detector], str]] = {
    "accuracy": _accuracy,
    "calibration": _calibration,
    "confidence": _confidence,
    "escalation": _escalation,
    "latency": _latency,
}


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1%}"


def _even(told: Told) -> str:
    return ", where no key is louder than its share" if told.even else ""


def _sure(found: Detector) -> str:
    return f" ({found.seen:,} seen; at most one false alarm in {found.every:,} on average)"
