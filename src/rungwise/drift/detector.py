"""Has this stream changed? A statistic, its evidence, and whether its alarm is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rungwise.drift.calibrated import Calibrated
from rungwise.drift.evidence import grow, needed, total
from rungwise.drift.share import Share
from rungwise.drift.slower import Slower
from rungwise.drift.spread import Spread
from rungwise.types import AlarmKind

__all__ = ["Detector", "DetectorState", "Heard"]

Statistic: TypeAlias = Annotated[Share | Slower | Spread | Calibrated, Field(discriminator="form")]
Heard: TypeAlias = Literal["began", "ended"]

LATE = 100
"""Observations that the mean of late goes by, about."""
LEAST_BLOCK = 25
MOST_VOICES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorState:
    """What a detector makes of its stream, for people and for metrics."""

    name: str
    kind: AlarmKind
    about: str
    seen: int
    usual: float | None
    """A share; for `confidence` the mean one, for `calibration` how much more is right than was
    said. None while it learns."""
    now: float | None
    """The same of late."""
    evidence: float
    bound: float
    """The evidence that an alarm takes."""
    alarmed: bool = False


@dataclass(slots=True, kw_only=True)
class Detector:
    """At least `every` observations lie between two false alarms, on average: see evidence.py.

    While its alarm is on it gathers no evidence; the alarm ends with the first block of
    observations, half as many as `calm`, that is as usual. What was learned stays: whoever wants
    something else to be usual makes a new detector.
    """

    stat: Statistic
    every: int
    calm: int
    seen: int = 0
    evidence: list[float] = field(default_factory=list)
    late: float = 0.0
    weight: float = 0.0
    alarmed: bool = False
    others: dict[str, list[float]] = field(default_factory=dict)
    """By voice: the evidence of all the others without it."""

    @property
    def now(self) -> float | None:
        return self.late / self.weight if self.weight > 0 else None

    @property
    def bound(self) -> float:
        return needed(self.every, self.stat.risk)

    @property
    def total(self) -> float:
        return total(self.evidence)

    @property
    def alone(self) -> str | None:
        """The voice without whose word there would be no alarm, where there are several."""
        if len(self.others) < 2:
            return None
        voice = min(self.others, key=lambda name: total(self.others[name]))
        return voice if total(self.others[voice]) < self.bound else None

    def take(self, x: float, said: float = 1.0, voice: str | None = None) -> Heard | None:
        """One observation, and whose word it is, where that matters."""
        self.seen += 1
        factors = self.stat.take(x, said)
        shown, keep = self.stat.shown(x, said), 1.0 - 1.0 / LATE
        self.late, self.weight = self.late * keep + shown, self.weight * keep + 1.0
        if factors is None:
            return None
        if voice is not None:
            self._hear(voice, factors)
        if self.alarmed:
            return self._ended()
        self.evidence = grow(self.evidence, factors)
        if self.total < self.bound:
            return None
        self.alarmed = True
        self.stat.begin()
        return "began"

    def state(self, name: str, kind: AlarmKind, about: str) -> DetectorState:
        return DetectorState(
            name=name,
            kind=kind,
            about=about,
            seen=self.seen,
            usual=self.stat.usual,
            now=self.now,
            evidence=self.total,
            bound=self.bound,
            alarmed=self.alarmed,
        )

    def _ended(self) -> Heard | None:
        if not self.stat.again(max(LEAST_BLOCK, self.calm // 2)):
            return None
        self.alarmed, self.evidence, self.others = False, [], {}
        return "ended"

    def _hear(self, voice: str, factors: Sequence[float]) -> None:
        if voice not in self.others and len(self.others) < MOST_VOICES:
            self.others[voice] = list(self.evidence) or [0.0] * len(factors)
        for name in self.others:
            if name != voice:
                self.others[name] = grow(self.others[name], factors)
