"""What has to be known to watch a stream whose alarm is on? It is kept with the alarm, so that any
server can go on with it where another one has stopped or was killed."""

from __future__ import annotations

from dataclasses import dataclass

from rungwise.drift.detector import Detector
from rungwise.drift.models import Models

__all__ = ["Renamed", "Ringing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    detector: Detector
    """As it was when it rang."""
    of: str = ""
    """The calibration that its stream is of, where it is of one."""
    disbelieves: str = ""
    """The calibration that is not believed while it lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """An upstream that tells another id of itself."""

    models: Models
    """As they were when it rang."""
    asked_for: str
    """The model that its rung is asked for."""
