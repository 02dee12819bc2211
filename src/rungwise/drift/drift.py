"""What is no longer as it was? Every step and every outcome goes through the detectors it is about.

A tenant's steps and outcomes are only weighed where they count: see voices.py. What the owner's own
steps came to (golden.py) is compared there, and moves nothing here but what upstreams tell of
themselves.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rungwise.config import DriftConfig
from rungwise.days import DAY_S
from rungwise.drift.alarms import Alarms
from rungwise.drift.detector import Detector, DetectorState
from rungwise.drift.facts import WEEK_S, Ask, Facts, Known
from rungwise.drift.fresh import fresh, terms
from rungwise.drift.saying import SAYING
from rungwise.drift.states import States
from rungwise.drift.upstreams import IDS, Upstreams
from rungwise.drift.voices import Voices
from rungwise.store.sql import Store
from rungwise.types import Alarm, AlarmKind, Attempt, Entry

__all__ = ["GOLDEN", "Drift"]

logger = logging.getLogger(__name__)

GOLDEN = "golden"
"""The caller of the owner's own steps."""
MOST_DETECTORS, MOST_HEARD = 1000, 10_000
KEEP_S, PACE_S, CALM_S = 60.0, 0.05, DAY_S
_SEEN = ("released", "left", "broken_off")


@dataclass(slots=True, kw_only=True)
class Demotions:
    """By alarm: the calibration that is not believed while it lasts."""

    calibrations: dict[str, str] = field(default_factory=dict)


class Drift:
    """A reader of the ledger in one event loop, and a Part. What comes in numbers (latencies,
    confidences, doubts) is looked at every `pace_s` seconds of each stream at most; models and
    outcomes always. Of the numbers, what is usual is learned over `calm_s` seconds at least: a
    night does not stand for the day. Several servers of one ledger each watch their own answers;
    what one begins with is what any of them wrote down last."""

    def __init__(
        self,
        config: DriftConfig,
        most_share: float,
        alarms: Alarms,
        store: Store,
        unix: Callable[[], float],
        *,
        calibrations: Mapping[str, str] | None = None,
        models: Mapping[str, str] | None = None,
        prices: Ask = dict,
        endings: Ask = dict,
        draw: Callable[[], float] = random.random,
        pace_s: float = PACE_S,
        calm_s: float = CALM_S,
    ) -> None:
        """`calibrations` has the name of the one in force for each rung that has one; `models` what
        each rung is asked for; `prices` and `endings` as in facts.py."""
        self._config, self._most_share, self._alarms = config, most_share, alarms
        self._unix, self._draw = unix, draw
        self._pace_s, self._calm_s = pace_s, calm_s
        self._calibrations, self._models = calibrations or {}, models or {}
        self._states = States(store)
        self._facts = Facts(alarms, config.kinds, prices=prices, endings=endings)
        self._detectors: dict[tuple[AlarmKind, str, str], Detector] = {}
        self._upstreams = Upstreams(alarms, self._states, config.calm, self._models)
        self._voices: dict[str, Voices] = {}
        self._rungs: dict[tuple[AlarmKind, str], str] = {}
        """Which rung an alarm is to demote."""
        self._demotions = Demotions()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._paced: dict[tuple[str, str], float] = {}
        self._looked: float | None = None
        self._dirty: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        alarms.listen(self._seen_to, self._ended_there)

    # ---- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Call it once the store is open and the alarms are started. Never raises."""
        await self._states.read()
        self._facts.known = self._states.of("facts", Known) or Known()
        self._demotions = self._states.of("demotions", Demotions) or Demotions()
        self._catch_up()
        if self._task is None:
            self._over.clear()
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Write down what is usual; call it before the store is closed. Never raises."""
        task, self._task = self._task, None
        self._over.set()
        if task is not None:
            await task

    async def keep(self) -> None:
        """Write down what has changed since the last time. Never raises."""
        names, self._dirty = self._dirty, set()
        states: dict[str, Any] = {
            _name(*key): found for key, found in self._detectors.items() if _name(*key) in names
        }
        states |= {
            **self._upstreams.states(),
            "facts": self._facts.known,
            "demotions": self._demotions,
        }
        if not await self._states.keep(states, self._unix()):
            self._dirty |= names

    def standing(self) -> list[DetectorState]:
        """What each detector makes of its stream now."""
        found = [d.state(_name(*key), key[0], key[1]) for key, d in self._detectors.items()]
        return sorted(found, key=lambda state: state.name)

    async def _go_on(self) -> None:
        over = False
        while not over:
            self._look()
            with suppress(TimeoutError):
                over = await asyncio.wait_for(self._over.wait(), KEEP_S)
            self._end_the_lost()
            await self.keep()

    def _look(self) -> None:
        at = self._unix()
        if self._looked is None or not 0 <= at - self._looked < DAY_S:
            self._looked = at
            self._facts.look(at)

    # ---- what it reads -----------------------------------------------------------------------

    def read(self, entry: Entry) -> None:
        """One step, once it was written down. Never raises."""
        if entry.audits is not None or entry.state == "lost":
            return
        for attempt in entry.attempts:
            if attempt.state != "recalled":
                self._upstream(attempt)
        if entry.caller == GOLDEN:
            return
        seen = entry.seen
        if entry.state == "answered" and seen is not None and seen.state != "recalled":
            self._paced_take("latency", f"route {entry.route}", entry.latency_s)
        for attempt in entry.attempts:
            self._draft(attempt, entry.rungs)

    def _upstream(self, attempt: Attempt) -> None:
        for kind, id in zip(IDS, (attempt.billed_as, attempt.fingerprint), strict=True):
            if id is not None and kind in self._config.kinds:
                self._upstreams.take(kind, attempt.tier, id)

    def read_outcome(self, entry: Entry) -> None:
        """One step with what is believed of it now. The first word counts, if it comes within a
        week of the answer. Never raises."""
        said, seen = entry.outcome, entry.seen
        if said is None or not said.counted or said.source == GOLDEN or entry.caller == GOLDEN:
            return
        late = self._unix() - entry.at > WEEK_S  # of another time: an import, most likely
        if seen is None or seen.state == "recalled" or late or self._knows(entry.id):
            return
        stream = f"tier {seen.tier}"
        voices = self._voices.setdefault(stream, Voices())
        own = said.source == "audit"  # no tenant's word
        even = own or voices.lets_in(entry.caller, self._most_share, self._draw)
        voice = None if own else entry.caller
        right = float(said.right)
        for about in (f"route {entry.route}", stream, f"{stream}, {entry.step_type.value}"):
            rung = seen.tier if about == stream else None
            self._take("accuracy", about, right, voice=voice, even=even, rung=rung)
        self._confident(seen, right, voice, even)

    def _confident(self, seen: Attempt, right: float, voice: str | None, even: bool) -> None:
        sure = seen.confidence
        if sure is None or not 0.0 <= sure.probability <= 1.0:
            return
        about = f"tier {seen.tier}"
        self._take(
            "calibration",
            about,
            right,
            sure.probability,
            of=sure.calibration,
            voice=voice,
            even=even,
            rung=seen.tier,
        )

    def _draft(self, attempt: Attempt, rungs: Sequence[str]) -> None:
        if attempt.role != "draft" or attempt.state not in (*_SEEN, "abandoned"):
            return
        about, refused = f"tier {attempt.tier}", attempt.state == "abandoned"
        if refused or attempt.threshold is not None or attempt.tier in rungs[:-1]:
            self._paced_take("escalation", about, float(refused))
        if attempt.confidence is not None:
            p, of = attempt.confidence.probability, attempt.confidence.calibration
            self._paced_take("confidence", about, p, of)

    def _knows(self, id: str) -> bool:
        """Whether its outcome was weighed before."""
        if id in self._heard:
            return True
        self._heard[id] = None
        if len(self._heard) > MOST_HEARD:
            self._heard.popitem(last=False)
        return False

    # ---- detectors ---------------------------------------------------------------------------

    def _paced_take(self, kind: AlarmKind, about: str, x: float, of: str = "") -> None:
        now, key = self._unix(), (kind, about)
        since = now - self._paced.get(key, -math.inf)
        if kind not in self._config.kinds or 0 <= since < self._pace_s:
            return  # a time before it: the clock was turned back
        found = self._detector(kind, about, of)
        if found is None or found.waits(now, self._calm_s):
            return
        self._paced[key] = now
        self._take(kind, about, x, of=of)

    def _take(
        self,
        kind: AlarmKind,
        about: str,
        x: float,
        said: float = 1.0,
        *,
        of: str = "",
        voice: str | None = None,
        even: bool = True,
        rung: str | None = None,
    ) -> None:
        if kind not in self._config.kinds or not (math.isfinite(x) and 0 <= x < 1e9):
            return
        found = self._detector(kind, about, of)
        if found is None:
            return
        self._dirty.add(_name(kind, about, of))
        if rung is not None:
            self._rungs[kind, about] = rung
        found.at = self._unix()
        was_alone = found.alone if found.alarmed else None
        match found.take(x, said, voice, even=even):
            case "began":
                self._ring(kind, about, found)
            case "ended":
                self._alarms.end(kind, about)
            case _ if was_alone is not None and found.alone is None:
                self._ring(kind, about, found)

    def _ring(self, kind: AlarmKind, about: str, found: Detector) -> None:
        why = SAYING[kind](found)
        if (alone := found.alone) is not None:
            why += f"; without the word of {alone!r:.80} it would not be known"
        told, rung = found.told, self._rungs.get((kind, about))
        worse = (told.now or 0.0) < (told.usual or 0.0)
        demotes = rung if self._config.demote and rung and worse and alone is None else None
        alarm = self._alarms.begin(kind, about, why, demotes)
        if demotes is not None:
            self._demotions.calibrations[alarm.id] = self._calibrations.get(demotes, "")

    def _detector(self, kind: AlarmKind, about: str, of: str) -> Detector | None:
        key = (kind, about, of)
        found = self._detectors.get(key)
        if found is None and len(self._detectors) < MOST_DETECTORS:
            found = self._detectors[key] = self._restored(key) or fresh(kind, self._config)
            if len(self._detectors) == MOST_DETECTORS:
                logger.warning("drift: no more than %d streams are watched", MOST_DETECTORS)
        return found

    def _restored(self, key: tuple[AlarmKind, str, str]) -> Detector | None:
        """The one that was kept, as long as it was made as one would be now, and its alarm was not
        ended meanwhile."""
        kept = self._states.of(_name(*key), Detector)
        if kept is None or terms(kept) != terms(fresh(key[0], self._config)):
            return None
        on = self._alarms.find(key[0], key[1]) is not None
        return kept if on or not (kept.alarmed and self._alarms.known) else None

    # ---- alarms that end ---------------------------------------------------------------------

    def _seen_to(self, alarm: Alarm) -> None:
        """Its owner says that what is now is usual: what it was about is learned anew."""
        for key in [key for key in self._detectors if key[:2] == (alarm.kind, alarm.about)]:
            self._detectors[key] = fresh(key[0], self._config)
            self._dirty.add(_name(*key))
        self._demotions.calibrations.pop(alarm.id, None)
        tier = alarm.about.removeprefix("tier ")
        if alarm.kind in IDS:
            self._upstreams.accept(alarm.kind, tier)
        if alarm.kind == "price":
            self._facts.accept(alarm.about)

    def _ended_there(self, alarm: Alarm) -> None:
        """At another server all is as usual again. What is not so here rings on, as an alarm of
        this one's."""
        self._demotions.calibrations.pop(alarm.id, None)
        for key, found in self._detectors.items():
            if key[:2] == (alarm.kind, alarm.about) and found.alarmed:
                self._ring(key[0], key[1], found)
        if alarm.kind in IDS:
            self._upstreams.go_on(alarm.kind, alarm.about.removeprefix("tier "))

    def _catch_up(self) -> None:
        """What has changed while this server did not run: settings, calibrations, alarms."""
        self._believe_new_calibrations()
        for alarm in self._alarms.on:
            if not self._config.demote and not self._alarms.of_another(alarm):
                self._alarms.believe(alarm)
        if self._alarms.known:
            self._facts.catch_up()
        self._end_the_lost()

    def _end_the_lost(self) -> None:
        """Alarms that nothing here could ever end, and that no other server watches."""
        if not self._alarms.known:
            return
        for alarm in self._alarms.on:
            if not self._alarms.of_another(alarm) and not self._watched(alarm):
                self._alarms.end_one(alarm)
                for key in [key for key in self._detectors if key[:2] == (alarm.kind, alarm.about)]:
                    del self._detectors[key]

    def _watched(self, alarm: Alarm) -> bool:
        kind, tier = alarm.kind, alarm.about.removeprefix("tier ")
        if kind not in self._config.kinds:
            return False
        if kind in IDS:
            return self._upstreams.alarmed(kind, tier)
        if kind == "golden":
            return self._config.golden is not None
        if kind in ("price", "shutdown"):
            return True
        if alarm.demotes is not None and self._models and alarm.demotes not in self._models:
            return False
        self._restore(kind, alarm.about)
        return any(
            found.alarmed and (alarm.demotes is not None or not self._is_silent(found))
            for key, found in self._detectors.items()
            if key[:2] == (kind, alarm.about)
        )

    def _restore(self, kind: AlarmKind, about: str) -> None:
        """The detectors of an alarm that were kept, of the calibration that is in force."""
        name, tier = _name(kind, about, ""), about.removeprefix("tier ")
        ofs = [""]
        if kind in ("calibration", "confidence"):
            found = [kept.removeprefix(f"{name}, ") for kept in self._states.names(f"{name}, ")]
            ofs = [of for of in found if of == self._calibrations.get(tier, of)]
        for of in ofs:
            kept = self._restored((kind, about, of))
            if kept is not None:
                self._detectors.setdefault((kind, about, of), kept)

    def _is_silent(self, found: Detector) -> bool:
        """Whether its stream has ended: a route, or a rung, that is no more."""
        return found.at is not None and self._unix() - found.at > WEEK_S

    def _believe_new_calibrations(self) -> None:
        """A demotion is of a calibration: it ends where another one is in force."""
        for alarm in self._alarms.on:
            old = self._demotions.calibrations.get(alarm.id)
            if alarm.demotes is None or old is None:
                continue
            if self._calibrations.get(alarm.demotes, "") != old:
                self._alarms.end_one(alarm)
                del self._demotions.calibrations[alarm.id]


def _name(kind: AlarmKind, about: str, of: str) -> str:
    return f"{kind}, {about}" + (f", {of}" if of else "")
