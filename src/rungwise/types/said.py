"""What was later said of an answer, and what is no longer as it was? Outcomes and alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Alarm", "AlarmKind", "Outcome", "OutcomeSource"]

AlarmKind: TypeAlias = Literal[
    "accuracy",  # fewer answers are right
    "calibration",  # confidences are not what they say
    "confidence",  # confidences are spread otherwise
    "escalation",  # more, or fewer, drafts are doubted
    "latency",  # answers take longer
    "golden",  # the owner's own steps are answered worse
    "model",  # an upstream answers with another model, or another version of it
    "fingerprint",  # what serves an upstream's model is not what served it
    "price",  # a price is another one
    "shutdown",  # a model will soon be gone
]
"""What an alarm tells of."""

OutcomeSource: TypeAlias = Literal[
    "checker",  # a program of the caller's that knows what is right
    "caller",  # the caller, or a person it asked
    "golden",  # the owner's own steps, with known answers
    "audit",  # a higher rung's answer was no better
]
"""Who says whether an answer was right. Of several the first of these is believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was later said of an answer, or of a whole task."""

    right: bool
    source: OutcomeSource = "caller"
    at: float | None = None
    """Unix seconds at which it was said; None where nobody wrote it down."""
    label: str | None = None
    """In the caller's own word."""
    reward: float | None = None
    """0 to 1."""
    corrected: bool = False
    """Whether the caller told what would have been right."""
    correction: str | None = field(default=None, repr=False)
    """That, where the owner has it kept."""
    counted: bool = True
    """False: kept, but it came from a key, or in a number, that must not steer anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something is no longer as it was."""

    id: str
    kind: AlarmKind
    about: str
    """What it is about: a tier, a route, a model; a few words from the configuration."""
    why: str
    """With the figures: one line."""
    began_at: float
    """Unix seconds, as for its end."""
    ended_at: float | None = None
    demotes: str | None = None
    """The rung whose calibration is not believed while it lasts."""
