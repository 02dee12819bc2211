"""Has this stream changed? A statistic, its evidence, and whether its alarm is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rungwise.drift.both import Both
from rungwise.drift.evidence import grow, needed, total
from rungwise.drift.share import Share
from rungwise.drift.slower import MOST, Slower
from rungwise.drift.spread import Spread
from rungwise.types import AlarmKind

__all__ = ["Detector", "DetectorState", "Heard", "Statistic", "Told"]

Statistic: TypeAlias = Annotated[Share | Slower | Spread | Both, Field(discriminator="form")]
Heard: TypeAlias = Literal["began", "ended"]

LATE = 100
"""Observations that the mean of late goes by, about."""
LEAST_BLOCK = 25
MOST_VOICES = 32
REST = "one of many keys"
"""The voice of all that come after so many others."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The figures of an alarm."""

    now: float | None
    usual: float | None
    even: bool = False
    """Whether they are of what was let in where no key is louder than its share."""


@dataclass(slots=True, kw_only=True)
class Detector:
    """At least `every` observations lie between two false alarms, on average, as long as the calm
    ones stand for those that come later: see evidence.py.

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
    began: float | None = None
    """The Unix time of the first observation, where it learns by time, too."""
    at: float | None = None
    """The Unix time of the last one."""

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

    @property
    def told(self) -> Told:
        stat = self.stat
        if isinstance(stat, Both) and stat.even_leads(self.evidence):
            return Told(now=stat.even_now, usual=stat.even.usual, even=True)
        return Told(now=self.now, usual=stat.usual)

    def waits(self, at: float, calm_s: float) -> bool:
        """Whether it has had its part of what is to be learned within so many seconds, at `at`."""
        if self.stat.usual is not None:
            return False
        if self.began is None or at < self.began:  # the clock was turned back
            self.began = at
        return calm_s > 0 and self.seen > min(self.calm, MOST) * (at - self.began) / calm_s

    def take(
        self, x: float, said: float = 1.0, voice: str | None = None, *, even: bool = True
    ) -> Heard | None:
        """One observation, and whose word it is, where that matters; `even`: whether it counts
        where no key is louder than its share."""
        self.seen += 1
        factors = self._factors(x, said, even)
        shown, keep = self.stat.shown(x, said), 1.0 - 1.0 / LATE
        self.late, self.weight = self.late * keep + shown, self.weight * keep + 1.0
        if factors is None:
            return None
        self._hear(voice, factors)
        if self.alarmed:
            return self._ended()
        self.evidence = grow(self.evidence, factors)
        if self.total < self.bound:
            return None
        self.alarmed = True
        if isinstance(self.stat, Both):
            self.stat.rang(self.evidence, self.bound)
        else:
            self.stat.begin()
        return "began"

    def calm_down(self) -> None:
        """Its alarm is over; what was learned stays."""
        self.alarmed, self.evidence, self.others = False, [], {}
        if isinstance(self.stat, Both):
            self.stat.calm_down()

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

    def _factors(self, x: float, said: float, even: bool) -> Sequence[float] | None:
        if isinstance(self.stat, Both):
            return self.stat.take(x, said, even)
        return self.stat.take(x, said)

    def _ended(self) -> Heard | None:
        if not self.stat.again(max(LEAST_BLOCK, self.calm // 2)):
            return None
        self.calm_down()
        return "ended"

    def _hear(self, voice: str | None, factors: Sequence[float]) -> None:
        """Nobody's word speaks for or against everybody."""
        if voice is not None and voice not in self.others and len(self.others) >= MOST_VOICES:
            voice = REST
        if voice is not None and voice not in self.others:
            self.others[voice] = list(self.evidence) or [0.0] * len(factors)
        for name in self.others:
            if name != voice:
                self.others[name] = grow(self.others[name], factors)
