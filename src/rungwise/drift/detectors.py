"""Which detectors are there? One for each stream: made, or found as it was kept, when something
comes of it; learned anew, or taken over from a server that is gone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from rungwise.config import DriftConfig
from rungwise.drift.alarms import Alarms
from rungwise.drift.detector import Detector, DetectorState
from rungwise.drift.facts import WEEK_S
from rungwise.drift.fresh import fresh, terms
from rungwise.drift.ringing import Ringing
from rungwise.drift.states import States
from rungwise.types import AlarmKind

__all__ = ["Detectors", "Stream"]

logger = logging.getLogger(__name__)

Stream: TypeAlias = tuple[AlarmKind, str, str]
"""What it would ring for, what it is about, and the calibration it is of ("": of none)."""
MOST = 1000


class Detectors:
    """Several servers of one ledger each have their own; what one begins with is what any of them
    wrote down last."""

    def __init__(
        self, config: DriftConfig, alarms: Alarms, states: States, unix: Callable[[], float]
    ) -> None:
        self._config, self._alarms, self._states, self._unix = config, alarms, states, unix
        self._found: dict[Stream, Detector] = {}
        self._changed: set[Stream] = set()
        self._rang: set[Stream] = set()

    def start_anew(self) -> None:
        """From what is kept: it could not be read until now."""
        self._found, self._changed, self._rang = {}, set(), set()

    def of(self, stream: Stream) -> Detector | None:
        """None where there are too many already."""
        found = self._found.get(stream)
        if found is None and len(self._found) < MOST:
            found = self._found[stream] = self._kept(stream) or fresh(stream[0], self._config)
            if len(self._found) == MOST:
                logger.warning("drift: no more than %d streams are watched", MOST)
        return found

    def alarmed(self, kind: AlarmKind, about: str) -> Sequence[tuple[Stream, Detector]]:
        """Those whose alarm is on, or was until another server ended it."""
        streams = self._about(kind, about)
        return [(stream, self._found[stream]) for stream in streams if self._found[stream].alarmed]

    def touch(self, stream: Stream) -> None:
        """It has changed, and is to be written down."""
        self._changed.add(stream)

    def rang(self, stream: Stream) -> None:
        """By what was seen here."""
        self._rang.add(stream)

    def calm_down(self, stream: Stream) -> None:
        """Its alarm is over; what was learned stays."""
        self._found[stream].calm_down()
        self._rang.discard(stream)
        self.touch(stream)

    def rang_here(self, stream: Stream) -> bool:
        """Whether what was seen here made the alarm that is on, and not only what was taken over
        from another server, or kept over a restart."""
        return stream in self._rang

    def relearn(self, kind: AlarmKind, about: str) -> None:
        """What is now is usual."""
        for stream in self._about(kind, about):
            self._found[stream] = fresh(kind, self._config)
            self._rang.discard(stream)
            self.touch(stream)

    def forget(self, kind: AlarmKind, about: str) -> None:
        for stream in self._about(kind, about):
            del self._found[stream]
            self._rang.discard(stream)

    def take_over(self, kind: AlarmKind, about: str, ringing: Ringing) -> bool:
        """Go on with a detector of a server that is gone, in place of this one's own. False where
        one would be made otherwise now, or its stream has ended."""
        stream, found = (kind, about, ringing.of), ringing.detector
        if not self._as_now(kind, found):
            return False
        own = self._found.get(stream) or self._states.of(_name(stream), Detector)
        found.at = max((d.at for d in (found, own) if d and d.at is not None), default=None)
        self._found[stream] = found
        self._rang.discard(stream)
        self.touch(stream)
        return True

    def silent(self, found: Detector) -> bool:
        """Whether its stream has ended: a route, or a rung, that is no more."""
        return found.at is not None and self._unix() - found.at > WEEK_S

    def standing(self) -> list[DetectorState]:
        """What each makes of its stream now."""
        found = [d.state(_name(key), key[0], key[1]) for key, d in self._found.items()]
        return sorted(found, key=lambda state: state.name)

    def changed(self) -> Mapping[str, Detector]:
        """By name, what has to be written down; from now on it counts as written."""
        streams, self._changed = self._changed, set()
        return {_name(stream): self._found[stream] for stream in streams if stream in self._found}

    def not_written(self, names: Mapping[str, object]) -> None:
        self._changed |= {stream for stream in self._found if _name(stream) in names}

    def _kept(self, stream: Stream) -> Detector | None:
        """The one that was kept, as long as it was made as one would be now, and its alarm was not
        ended meanwhile."""
        kept = self._states.of(_name(stream), Detector)
        if kept is None or not self._as_now(stream[0], kept):
            return None
        on = self._alarms.find(stream[0], stream[1]) is not None
        return kept if on or not (kept.alarmed and self._alarms.known) else None

    def _as_now(self, kind: AlarmKind, found: Detector) -> bool:
        return terms(found) == terms(fresh(kind, self._config))

    def _about(self, kind: AlarmKind, about: str) -> Sequence[Stream]:
        return [stream for stream in self._found if stream[:2] == (kind, about)]


def _name(stream: Stream) -> str:
    kind, about, of = stream
    return f"{kind}, {about}" + (f", {of}" if of else "")
