"""Whose were an engine's busy seconds and joules, and how long did it stand idle?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rungwise.tiers.local.energy import EngineEnergy

__all__ = ["BusyClock", "Part", "Share", "Worked"]

Worked = Callable[[], tuple[int, int]]
"""A draft's work so far: prompt tokens that were not cached, and written tokens."""

SETTLE_S = 0.25
"""A draft that comes may find so much time of before it came among what it shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    seconds: float
    joules: float | None
    """None where nothing measures them."""


@dataclass(slots=True, eq=False)
class Part:
    """One draft's part while it is held."""

    worked: Worked
    settled: float = 0.0
    """How much of its work has had its time."""
    seconds: float = 0.0
    joules: float = 0.0


class BusyClock:
    """Shares an engine's busy time, and its energy, among the drafts that it holds.

    Seconds in which at least one draft is held gather until somebody takes them. A draft that ends
    takes of what has gathered the part that its work has in all held drafts' work which had no time
    yet; the last one takes the rest. When a draft comes, those that are there first take theirs, so
    that it pays for nothing of before. Work is uncached prompt tokens, plus `decode_weight` for
    each written token. So the shares sum to the busy time, floating point aside, and drafts that
    did as much work in the same span pay as much; one that waited in the queue and left pays
    nothing, unless it was alone. An estimate of each part: what a draft has read or written and not
    reported yet counts once it does. Free per token; a draft that comes or ends costs O(held).
    """

    __slots__ = (
        "_at",
        "_busy_s",
        "_energy",
        "_idle_s",
        "_joules",
        "_parts",
        "_s",
        "_up",
        "_weight",
        "time",
    )

    def __init__(
        self,
        now: Callable[[], float],
        *,
        decode_weight: float = 8.0,
        energy: EngineEnergy | None = None,
    ) -> None:
        self.time = now
        """The clock that it goes by, in seconds."""
        self._at, self._weight, self._energy = now(), decode_weight, energy
        self._parts: set[Part] = set()
        self._s = self._joules = 0.0
        self._busy_s = self._idle_s = 0.0
        self._up = False

    # ---- drafts ----

    @property
    def running(self) -> int:
        """How many drafts are held."""
        return len(self._parts)

    def enter(self, worked: Worked) -> Part:
        """One more draft is held. Returns what `share` and `leave` want."""
        self._advance()
        if self._s > SETTLE_S:
            self._settle()
        if self._energy is not None and not self._parts:
            self._energy.turn(busy=True)
        part = Part(worked)
        self._parts.add(part)
        return part

    def share(self, part: Part) -> Share:
        """What would fall to a held draft if it ended now."""
        self._advance()
        return self._share(part, self._fraction(part))

    def leave(self, part: Part) -> Share:
        """The draft has ended. Returns its share for good."""
        if self._energy is not None and len(self._parts) == 1:
            self._energy.turn(busy=False)
        self._advance()
        fraction = self._fraction(part)
        share = self._share(part, fraction)
        self._parts.remove(part)
        self._s -= self._s * fraction
        self._joules -= self._joules * fraction
        return share

    def _share(self, part: Part, fraction: float) -> Share:
        joules = None
        if self._energy is not None and not self._energy.lost:
            joules = part.joules + self._joules * fraction
        return Share(seconds=part.seconds + self._s * fraction, joules=joules)

    def _fraction(self, part: Part) -> float:
        """Of what has gathered, the draft's part."""
        if len(self._parts) == 1:
            return 1.0
        own = self._unsettled(part)
        return own / sum(map(self._unsettled, self._parts)) if own else 0.0

    def _settle(self) -> None:
        """Every held draft takes its part of what has gathered."""
        works = [(part, self._unsettled(part)) for part in self._parts]
        total = sum(work for _, work in works)
        if not total:
            return
        for part, work in works:
            part.settled += work
            part.seconds += self._s * (work / total)
            part.joules += self._joules * (work / total)
        self._s = self._joules = 0.0

    def _unsettled(self, part: Part) -> float:
        prompt, written = part.worked()
        return max(0.0, prompt + self._weight * written - part.settled)

    # ---- the engine ----

    def turn(self, *, up: bool) -> None:
        """The engine is ready for drafts, or no longer."""
        self._advance()
        self._up = up
        if self._energy is not None:
            self._energy.turn(up=up)

    def standing(self) -> tuple[float, float, float]:
        """Busy seconds, idle seconds and idle joules while it was up, since the first start."""
        self._advance()
        return self._busy_s, self._idle_s, self._energy.idle_joules if self._energy else 0.0

    def _advance(self) -> None:
        now = self.time()
        passed, self._at = now - self._at, now
        busy = bool(self._parts)
        if busy:
            self._s += passed
        if self._up:
            self._busy_s += passed * busy
            self._idle_s += passed * (not busy)
        if self._energy is not None:
            self._joules += self._energy.drain()
