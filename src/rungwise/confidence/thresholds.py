"""How sure must a draft be? By its calibration, by its plan's bar, or by whichever asks more."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.confidence.calibration import Threshold
from rungwise.types import Bar

__all__ = ["Thresholds", "thresholds_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The least confidence to accept at; None: none makes a draft sure enough."""

    whole: float | None
    """Of a draft that is held to its end."""
    prefix: float | None
    """Of the beginning of a stream that may leave early."""
    streamed: float | None
    """Of the end of such a stream."""
    recovers: bool
    """Whether the calibrated chance to recover, which is that of reaching the calibrated
    threshold, says no less than the chance of reaching this one."""

    @property
    def anything(self) -> bool:
        """Whether no confidence is asked for at all."""
        return self.whole is not None and self.whole <= 0


def thresholds_of(found: Threshold, bar: Bar | None) -> Thresholds:
    """A bar asks for more than the calibrated threshold, or stands in its place.

    One that stands in its place is meant for the finished draft. A stream still leaves early only
    where its beginning reaches the threshold for beginnings, if that is higher: to wait costs time
    alone, and its end tells more. Where no confidence is asked for there is nothing to wait for.
    """
    if bar is None:
        return Thresholds(
            whole=found.whole, prefix=found.prefix, streamed=found.prefix, recovers=True
        )
    least = bar.confidence
    if not bar.waives:
        prefix = _higher(found.prefix, least)
        return Thresholds(
            whole=_higher(found.whole, least), prefix=prefix, streamed=prefix, recovers=True
        )
    return Thresholds(
        whole=least,
        prefix=0.0 if least <= 0 else _higher(found.prefix, least),
        streamed=least,
        recovers=found.whole is not None and least >= max(found.whole, found.prefix or 0.0),
    )


def _higher(threshold: float | None, least: float) -> float | None:
    return None if threshold is None else max(threshold, least)
