"""What is no longer as it was? Every step and every outcome goes through the detectors it is about.

A tenant's steps and outcomes are only weighed where they count: see voices.py. What the owner's own
steps came to (golden.py) is compared there, and moves nothing here but what upstreams tell of
themselves.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rungwise.config import DriftConfig
from rungwise.days import DAY_S
from rungwise.drift.alarms import Alarms
from rungwise.drift.detector import Detector, DetectorState
from rungwise.drift.detectors import Detectors, Stream
from rungwise.drift.facts import WEEK_S, Ask, Facts
from rungwise.drift.ringing import Ringing
from rungwise.drift.saying import SAYING
from rungwise.drift.states import States, parsed, written
from rungwise.drift.upstreams import IDS, Upstreams
from rungwise.drift.voices import Voices
from rungwise.store.sql import Store
from rungwise.types import Alarm, AlarmKind, Attempt, Entry

__all__ = ["GOLDEN", "Drift"]

GOLDEN = "golden"
"""The caller of the owner's own steps."""
KEEP_S, PACE_S, CALM_S = 60.0, 0.05, DAY_S
_SEEN = ("released", "left", "broken_off")


class Drift:
    """A reader of the ledger in one event loop, and a Part. What comes in numbers (latencies,
    confidences, doubts) is looked at every `pace_s` seconds of each stream at most; models and
    outcomes always. Of the numbers, what is usual is learned over `calm_s` seconds at least: a
    night does not stand for the day. Several servers of one ledger each watch their own answers;
    where one is gone, the others go on watching what it rang for."""

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
        self._facts = Facts(alarms, self._states, config.kinds, prices=prices, endings=endings)
        self._detectors = Detectors(config, alarms, self._states, unix)
        self._upstreams = Upstreams(alarms, self._states, config.calm, self._models)
        self._voices: dict[str, Voices] = {}
        """By what an outcome is about."""
        self._rungs: dict[tuple[AlarmKind, str], str] = {}
        """Which rung an alarm is to demote."""
        self._paced: dict[tuple[str, str], float] = {}
        self._looked: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._news, self._over = asyncio.Event(), False
        alarms.listen(self._seen_to, self._ended_there)

    # ---- its life ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Call it once the store is open and the alarms are started. Never raises."""
        await self._take_up()
        if self._task is None:
            self._over = False
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Write down what is usual; call it before the store is closed. Never raises."""
        task, self._task = self._task, None
        self._over = True
        self._news.set()
        if task is not None:
            await task

    async def keep(self) -> None:
        """Write down what has changed since the last time. Never raises."""
        if not self._states.known:
            return
        changed = self._detectors.changed()
        states: Mapping[str, Any] = {
            **changed,
            **self._upstreams.states(),
            **self._facts.states(),
        }
        if not await self._states.keep(states, self._unix()):
            self._detectors.not_written(changed)

    def standing(self) -> list[DetectorState]:
        """What each detector makes of its stream now."""
        return self._detectors.standing()

    async def _go_on(self) -> None:
        over = False
        while not over:
            if not self._states.known:
                await self._take_up()
            await self._look()
            with suppress(TimeoutError):  # an alarm that begins or ends is written down at once
                await asyncio.wait_for(self._news.wait(), KEEP_S)
            over = self._over
            self._news.clear()
            self._end_the_lost()
            await self.keep()

    async def _take_up(self) -> None:
        """Begin with what was kept. Until that can be read, what is learned is for the time being,
        and no alarm is over for want of it."""
        if await self._states.read():
            self._detectors.start_anew()
            self._upstreams.start_anew()
            self._facts.take_up()
            self._catch_up()

    async def _look(self) -> None:
        """Once a day; first at what other servers, and their owner, have seen of it."""
        at = self._unix()
        looked = self._looked is not None and 0 <= at - self._looked < DAY_S
        if looked or not self._states.known:
            return
        self._looked = at
        await self._alarms.refresh()
        if not self._facts.states() and await self._states.read():
            self._facts.take_up()
        self._facts.look(at)
        self._news.set()

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
            if id is None or kind not in self._config.kinds:
                continue
            if self._upstreams.take(kind, attempt.tier, id):
                self._news.set()

    def read_outcome(self, entry: Entry) -> None:
        """One step with the first word of it that counts, which alone is told: see ledger/tee.py.
        It is weighed if it comes within a week of the answer. Never raises."""
        said, seen = entry.outcome, entry.seen
        if said is None or not said.counted or said.source == GOLDEN or entry.caller == GOLDEN:
            return
        late = self._unix() - entry.at > WEEK_S  # of another time: an import, most likely
        if seen is None or seen.state == "recalled" or late:
            return
        voice = None if said.source == "audit" else entry.caller  # else it is no tenant's word
        right, tier = float(said.right), f"tier {seen.tier}"
        for about in (f"route {entry.route}", f"{tier}, {entry.step_type.value}"):
            self._take("accuracy", about, right, voice=voice, even=self._even(about, voice))
        even = self._even(tier, voice)
        self._take("accuracy", tier, right, voice=voice, even=even, rung=seen.tier)
        self._confident(seen, right, voice, even)

    def _even(self, about: str, voice: str | None) -> bool:
        """Whether it counts where no key is louder than its share."""
        if voice is None:
            return True
        voices = self._voices.setdefault(about, Voices())
        return voices.lets_in(voice, self._most_share, self._draw)

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

    # ---- detectors ---------------------------------------------------------------------------

    def _paced_take(self, kind: AlarmKind, about: str, x: float, of: str = "") -> None:
        now, key = self._unix(), (kind, about)
        since = now - self._paced.get(key, -math.inf)
        if kind not in self._config.kinds or 0 <= since < self._pace_s:
            return  # a time before it: the clock was turned back
        found = self._detectors.of((kind, about, of))
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
        found = self._detectors.of(stream := (kind, about, of))
        if found is None:
            return
        self._detectors.touch(stream)
        if rung is not None:
            self._rungs[kind, about] = rung
        found.at = self._unix()
        was_alone = found.alone if found.alarmed else None
        match found.take(x, said, voice, even=even):
            case "began":
                self._detectors.rang(stream)
                self._ring(stream, found)
            case "ended":
                self._detectors.calm_down(stream)
                self._alarms.end(kind, about)
                self._news.set()
            case _ if was_alone is not None and found.alone is None:
                self._ring(stream, found)

    def _ring(self, stream: Stream, found: Detector) -> None:
        kind, about, of = stream
        why = SAYING[kind](found)
        if (alone := found.alone) is not None:
            why += f"; without the word of {alone!r:.80} it would not be known"
        told, rung = found.told, self._rungs.get((kind, about))
        worse = (told.now or 0.0) < (told.usual or 0.0)
        demotes = rung if self._config.demote and rung and worse and alone is None else None
        disbelieves = self._calibrations.get(demotes, "") if demotes else ""
        ringing = Ringing(detector=found, of=of, disbelieves=disbelieves)
        self._alarms.begin(kind, about, why, demotes, written(ringing))
        self._news.set()

    # ---- alarms that end ---------------------------------------------------------------------

    def _seen_to(self, alarm: Alarm) -> None:
        """Its owner says that what is now is usual: what it was about is learned anew."""
        self._detectors.relearn(alarm.kind, alarm.about)
        tier = alarm.about.removeprefix("tier ")
        if alarm.kind in IDS:
            self._upstreams.accept(alarm.kind, tier)
        if alarm.kind == "price":
            self._facts.accept(alarm.about)
        self._news.set()

    def _ended_there(self, alarm: Alarm) -> None:
        """At another server all is as usual again. What this one saw itself, and is not so here,
        rings on, as an alarm of this one's."""
        for stream, found in self._detectors.alarmed(alarm.kind, alarm.about):
            if self._detectors.rang_here(stream):
                self._ring(stream, found)
            else:
                self._detectors.calm_down(stream)
        if alarm.kind in IDS:
            self._upstreams.go_on(alarm.kind, alarm.about.removeprefix("tier "))

    def _catch_up(self) -> None:
        """What has changed while this server did not run: settings, calibrations, alarms."""
        for alarm in self._alarms.on:
            if not self._config.demote and not self._alarms.of_another(alarm):
                self._alarms.believe(alarm)
        if self._alarms.known:
            self._facts.catch_up()
        self._end_the_lost()

    def _end_the_lost(self) -> None:
        """Alarms that nothing here could ever end, and that no other server watches."""
        if not (self._alarms.known and self._states.known):
            return
        for alarm in self._alarms.on:
            if not self._alarms.of_another(alarm) and not self._watched(alarm):
                self._alarms.end_one(alarm)
                self._detectors.forget(alarm.kind, alarm.about)

    def _watched(self, alarm: Alarm) -> bool:
        kind, tier = alarm.kind, alarm.about.removeprefix("tier ")
        if kind not in self._config.kinds:
            return False
        if kind in IDS:
            return self._upstreams.alarmed(kind, tier) or self._upstreams.take_over(alarm)
        if kind == "golden":
            return self._config.golden is not None
        if kind in ("price", "shutdown"):
            return True
        if alarm.demotes is not None and self._models and alarm.demotes not in self._models:
            return False
        found = self._detectors.alarmed(kind, alarm.about) or self._taken_over(alarm)
        return any(alarm.demotes is not None or not self._detectors.silent(d) for _, d in found)

    def _taken_over(self, alarm: Alarm) -> Sequence[tuple[Stream, Detector]]:
        """Its detectors, from a server that is gone; none where another calibration is in force."""
        kind, about, demotes = alarm.kind, alarm.about, alarm.demotes
        ringing = parsed(alarm.id, self._alarms.state(alarm), Ringing)
        if ringing is None:
            return ()
        of = self._calibrations.get(about.removeprefix("tier "), ringing.of)
        if ringing.of and ringing.of != of:
            return ()
        if demotes and ringing.disbelieves != self._calibrations.get(demotes, ""):
            return ()  # a demotion is of a calibration
        taken = self._detectors.take_over(kind, about, ringing)
        return self._detectors.alarmed(kind, about) if taken else ()
