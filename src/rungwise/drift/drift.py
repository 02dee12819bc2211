"""What is no longer as it was? Every step and every outcome goes through the detectors it is about.

A tenant's steps and outcomes are only weighed where they count: see voices.py. What the owner's own
steps came to (golden.py) is compared there, and moves nothing here.
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
from rungwise.drift.calibrated import Calibrated
from rungwise.drift.detector import Detector, DetectorState, Statistic
from rungwise.drift.evidence import RISK
from rungwise.drift.facts import Ask, Facts, Known
from rungwise.drift.models import Models
from rungwise.drift.saying import SAYING
from rungwise.drift.share import Share
from rungwise.drift.slower import Slower
from rungwise.drift.spread import Spread
from rungwise.drift.states import States
from rungwise.drift.voices import Voices
from rungwise.store.sql import Store
from rungwise.types import Alarm, AlarmKind, Attempt, Entry

__all__ = ["GOLDEN", "Drift"]

logger = logging.getLogger(__name__)

GOLDEN = "golden"
"""The caller of the owner's own steps."""
MOST_DETECTORS, MOST_HEARD = 1000, 10_000
KEEP_S, PACE_S = 60.0, 0.05
_SEEN = ("released", "left", "broken_off")


@dataclass(slots=True, kw_only=True)
class Demotions:
    """By alarm: the calibration that is not believed while it lasts."""

    calibrations: dict[str, str] = field(default_factory=dict)


class Drift:
    """A reader of the ledger in one event loop, and a Part. What comes in numbers (latencies,
    confidences, doubts) is looked at every `pace_s` seconds of each stream at most; models and
    outcomes always. Several servers of one ledger each watch their own answers."""

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
    ) -> None:
        """`calibrations` has the name of the one in force for each rung that has one; `models` what
        each rung is asked for; `prices` and `endings` as in facts.py."""
        self._config, self._most_share, self._alarms = config, most_share, alarms
        self._unix, self._draw, self._pace_s = unix, draw, pace_s
        self._calibrations, self._models = calibrations or {}, models or {}
        self._states = States(store)
        self._facts = Facts(alarms, config.kinds, prices=prices, endings=endings)
        self._detectors: dict[tuple[AlarmKind, str, str], Detector] = {}
        self._upstreams: dict[str, Models] = {}
        self._voices: dict[str, Voices] = {}
        self._demotions = Demotions()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._paced: dict[tuple[str, str], float] = {}
        self._looked: float | None = None
        self._dirty: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        alarms.listen(self._ended_elsewhere)

    # ---- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Call it once the store is open and the alarms are started. Never raises."""
        await self._states.read()
        self._facts.known = self._states.of("facts", Known) or Known()
        self._demotions = self._states.of("demotions", Demotions) or Demotions()
        self._believe_new_calibrations()
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
        states |= {_upstream(t, self._models): m for t, m in self._upstreams.items()}
        states |= {"facts": self._facts.known, "demotions": self._demotions}
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
            if attempt.billed_as is not None and attempt.state != "recalled":
                self._model(attempt.tier, attempt.billed_as)
        if entry.caller == GOLDEN:
            return
        seen = entry.seen
        if entry.state == "answered" and seen is not None and seen.state != "recalled":
            self._paced_take("latency", f"route {entry.route}", entry.latency_s)
        for attempt in entry.attempts:
            self._draft(attempt, entry.rungs)

    def read_outcome(self, entry: Entry) -> None:
        """One step with what is believed of it now. The first word counts. Never raises."""
        said, seen = entry.outcome, entry.seen
        if said is None or not said.counted or said.source == GOLDEN or entry.caller == GOLDEN:
            return
        if seen is None or seen.state == "recalled" or self._knows(entry.id):
            return
        stream = f"tier {seen.tier}"
        voices = self._voices.setdefault(stream, Voices())
        own = said.source == "audit"  # no tenant's word
        if not own and not voices.lets_in(entry.caller, self._most_share, self._draw):
            return
        voice = None if own else entry.caller
        right = float(said.right)
        for about in (f"route {entry.route}", stream, f"{stream}, {entry.step_type.value}"):
            rung = seen.tier if about == stream else None
            self._take("accuracy", about, right, voice=voice, rung=rung)
        self._confident(seen, right, voice)

    def _confident(self, seen: Attempt, right: float, voice: str | None) -> None:
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

    def _model(self, tier: str, id: str) -> None:
        if "model" not in self._config.kinds:
            return
        found = self._upstreams.get(tier)
        if found is None:
            kept = self._states.of(_upstream(tier, self._models), Models)
            fresh = Models(calm=self._config.calm)
            found = kept if kept is not None and kept.calm == fresh.calm else fresh
            self._upstreams[tier] = found
        known = ", ".join(found.known)
        match found.take(id):
            case "began":
                self._alarms.begin(
                    "model", f"tier {tier}", f"answers as {id[:200]}, until now as {known}"
                )
            case "ended":
                self._alarms.end("model", f"tier {tier}")

    # ---- detectors ---------------------------------------------------------------------------

    def _paced_take(self, kind: AlarmKind, about: str, x: float, of: str = "") -> None:
        now, key = self._unix(), (kind, about)
        since = now - self._paced.get(key, -math.inf)
        if not 0 <= since < self._pace_s:  # before it: the clock was turned back
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
        rung: str | None = None,
    ) -> None:
        if kind not in self._config.kinds or not (math.isfinite(x) and 0 <= x < 1e9):
            return
        found = self._detector(kind, about, of)
        if found is None:
            return
        self._dirty.add(_name(kind, about, of))
        was_alone = found.alone if found.alarmed else None
        match found.take(x, said, voice):
            case "began":
                self._ring(kind, about, found, rung)
            case "ended":
                self._alarms.end(kind, about)
            case _ if was_alone is not None and found.alone is None:
                self._ring(kind, about, found, rung)

    def _ring(self, kind: AlarmKind, about: str, found: Detector, rung: str | None) -> None:
        why = SAYING[kind](found)
        if (alone := found.alone) is not None:
            why += f"; without the word of {alone!r:.80} it would not be known"
        worse = (found.now or 0.0) < (found.stat.usual or 0.0)
        demotes = rung if self._config.demote and rung and worse and alone is None else None
        alarm = self._alarms.begin(kind, about, why, demotes)
        if demotes is not None:
            self._demotions.calibrations[alarm.id] = self._calibrations.get(demotes, "")

    def _detector(self, kind: AlarmKind, about: str, of: str) -> Detector | None:
        key = (kind, about, of)
        found = self._detectors.get(key)
        if found is None and len(self._detectors) < MOST_DETECTORS:
            found = self._detectors[key] = self._restored(key) or self._fresh(kind)
            if len(self._detectors) == MOST_DETECTORS:
                logger.warning("drift: no more than %d streams are watched", MOST_DETECTORS)
        return found

    def _restored(self, key: tuple[AlarmKind, str, str]) -> Detector | None:
        """The one that was kept, as long as it was made as one would be now, and its alarm was not
        ended meanwhile."""
        kept = self._states.of(_name(*key), Detector)
        if kept is None or _terms(kept) != _terms(self._fresh(key[0])):
            return None
        ended = kept.alarmed and self._alarms.find(key[0], key[1]) is None
        return None if ended else kept

    def _fresh(self, kind: AlarmKind) -> Detector:
        c = self._config
        stat: Statistic
        match kind:
            case "latency":
                stat = Slower(calm=c.calm, fall=c.fall, slower=c.slower)
            case "confidence":
                stat = Spread(calm=c.calm, fall=c.fall, risk=RISK)
            case "calibration":
                stat = Calibrated(fall=c.fall)
            case "escalation":
                stat = Share(side="both", calm=c.calm, fall=c.fall, risk=RISK)
            case _:
                stat = Share(side="fall", calm=c.calm, fall=c.fall, risk=RISK)
        return Detector(stat=stat, every=c.false_alarm_every, calm=c.calm)

    # ---- alarms that end ---------------------------------------------------------------------

    def _ended_elsewhere(self, alarm: Alarm) -> None:
        """Its owner says that what is now is usual: what it was about is learned anew."""
        for key in [key for key in self._detectors if key[:2] == (alarm.kind, alarm.about)]:
            self._detectors[key] = self._fresh(key[0])
            self._dirty.add(_name(*key))
        self._demotions.calibrations.pop(alarm.id, None)
        tier = alarm.about.removeprefix("tier ")
        if alarm.kind == "model" and tier in self._upstreams:
            self._upstreams[tier].accept()
        if alarm.kind == "price":
            self._facts.accept(alarm.about)

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


def _upstream(tier: str, models: Mapping[str, str]) -> str:
    return f"model, tier {tier}, {models.get(tier, '')}"


def _terms(detector: Detector) -> tuple[object, ...]:
    stat = detector.stat
    names = ("form", "side", "calm", "fall", "slower")
    return (detector.every, detector.calm, *(getattr(stat, name, None) for name in names))
