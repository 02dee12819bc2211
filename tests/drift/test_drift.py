"""Which detectors a step and an outcome go through, what rings, what is kept, what is demoted."""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rungwise.config import DriftConfig
from rungwise.days import DAY_S
from rungwise.drift.alarm_rows import end_alarm
from rungwise.drift.alarms import Alarms
from rungwise.drift.both import Both
from rungwise.drift.drift import Drift
from rungwise.drift.share import Share
from rungwise.store.sql import Store
from rungwise.types import Attempt, Confidence, Entry, Outcome, StepType, Usage

pytestmark = pytest.mark.anyio

CONFIG = DriftConfig(calm=50, false_alarm_every=200)


class World:
    """A ledger's database, its alarms, and what is fed to the detectors."""

    def __init__(self, store: Store, config: DriftConfig, **more: Any) -> None:
        self.at, self.count, self.drawn = 1e6, 0, random.Random(0)
        self.store, self.id = store, more.pop("id", "one")
        self.alarms = Alarms(store, self.id, lambda: self.at)
        share = more.pop("most_share", 0.5)
        more.setdefault("calm_s", 0.0)
        self.drift = Drift(
            config, share, self.alarms, store, lambda: self.at, draw=self.drawn.random, **more
        )

    def step(self, right: float | None = None, *, caller: str = "a", **changed: Any) -> Entry:
        """One answered step; `right` is how likely it was right, None: nobody says."""
        self.count, self.at = self.count + 1, self.at + 1
        p = changed.pop("p", 0.9)
        low = Attempt(
            tier="low",
            model="small",
            state="released",
            reason="",
            usage=Usage(),
            cost_nano=0,
            started_s=0,
            first_piece_s=0.1,
            ended_s=1,
            threshold=0.8,
            confidence=Confidence(probability=p, calibration="first"),
            billed_as=changed.pop("billed_as", None),
            fingerprint=changed.pop("fingerprint", None),
        )
        attempts = (low,)
        if changed.pop("refused", False):
            above = replace(low, tier="high", threshold=None, confidence=None)
            attempts = (replace(low, state="abandoned"), above)
        entry = Entry(
            id=f"req_{self.count}",
            at=self.at,
            caller=caller,
            route="auto",
            step_type=changed.pop("step_type", StepType.OPEN_CHAT),
            plan_why="",
            attempts=attempts,
            state="answered",
            first_byte_s=0.1,
            latency_s=changed.pop("latency_s", 1.0),
            rungs=("low", "high"),
        )
        self.drift.read(entry)
        if right is None:
            return entry
        said = Outcome(right=self.drawn.random() < right, **changed)
        entry = replace(entry, outcome=said)
        self.drift.read_outcome(entry)
        return entry

    def on(self) -> set[tuple[str, str]]:
        return {(alarm.kind, alarm.about) for alarm in self.alarms.on}


@asynccontextmanager
async def world(path: Path, config: DriftConfig = CONFIG, **more: Any) -> AsyncIterator[World]:
    store = Store(path / "ledger.db")
    await store.start()
    made = World(store, config, **more)
    await made.alarms.start()
    await made.drift.start()
    try:
        yield made
    finally:
        await made.drift.stop()
        await made.alarms.stop()
        await store.stop()


async def test_a_fall_in_accuracy_rings_for_route_rung_and_step_type(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(200):
            w.step(0.9)
        assert not w.on()
        for _ in range(300):
            w.step(0.5)
        assert {a for k, a in w.on() if k == "accuracy"} == {
            "route auto",
            "tier low",
            "tier low, open_chat",
        }
        assert ("calibration", "tier low") in w.on()
        (told,) = [a.why for a in w.alarms.on if a.about == "route auto"]
        assert "usually 86.0%" in told and "in 200 on average" in told


@pytest.mark.parametrize(
    ("then", "rings"),
    [
        ({"latency_s": 3.0}, ("latency", "route auto")),
        ({"refused": True}, ("escalation", "tier low")),
        ({"p": 0.6}, ("confidence", "tier low")),
    ],
)
async def test_what_every_step_tells_rings_without_any_outcome(
    tmp_path: Path, then: dict[str, Any], rings: tuple[str, str]
) -> None:
    async with world(tmp_path) as w:
        for _ in range(150):
            w.step(latency_s=w.drawn.uniform(0.5, 1), p=w.drawn.uniform(0.8, 1))
        assert not w.on()
        for _ in range(150):
            w.step(**{"latency_s": 0.7, "p": w.drawn.uniform(0.8, 1)} | then)
        assert w.on() == {rings}


@pytest.mark.parametrize(
    "kind", ["accuracy", "escalation", "latency", "confidence", "model", "fingerprint"]
)
async def test_kinds_names_the_alarms_that_there_are(tmp_path: Path, kind: Any) -> None:
    others = tuple(k for k in DriftConfig().kinds if k != kind)
    async with world(tmp_path, CONFIG.model_copy(update={"kinds": others})) as w:
        for place in range(300):
            late = place > 150
            w.step(
                0.3 if late else 0.9,
                latency_s=5 if late else w.drawn.random(),
                refused=place % 2 == 0 if late else False,
                p=0.3 if late else w.drawn.uniform(0.8, 1),
                billed_as="new" if late else "old",
                fingerprint="fp_2" if late else "fp_1",
            )
        assert w.on() and kind not in {k for k, _ in w.on()}


async def test_a_new_model_rings_at_once_and_is_the_usual_one_in_time(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(60):
            w.step(billed_as="big-1")
        w.step(billed_as="big-2")
        assert w.on() == {("model", "tier low")}
        assert "big-2, until now as big-1" in w.alarms.on[0].why
        for _ in range(50):
            w.step(billed_as="big-2")
        assert not w.on()


async def test_a_new_fingerprint_is_an_alarm_of_its_own(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(60):
            w.step(billed_as="big-1", fingerprint="fp_1")
        w.step(billed_as="big-1", fingerprint="fp_2")
        assert w.on() == {("fingerprint", "tier low")}
        assert "fp_2, until now as fp_1" in w.alarms.on[0].why
        for _ in range(20):
            w.step(billed_as="big-1")  # an answer that tells none is no news
        assert w.on()
        for _ in range(50):
            w.step(billed_as="big-1", fingerprint="fp_2")
        assert not w.on()


async def test_state_outlives_a_restart(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(100):
            w.step(0.9)
        before = {s.name: s for s in w.drift.standing()}
    async with world(tmp_path) as w:
        w.count = 1000
        w.step(0.9)
        after = {s.name: s for s in w.drift.standing()}
        assert after["accuracy, tier low"].seen == before["accuracy, tier low"].seen + 1
        assert after["accuracy, tier low"].usual == before["accuracy, tier low"].usual
        for _ in range(200):
            w.step(0.4)
        assert ("accuracy", "tier low") in w.on(), "nothing had to be learned again"


@pytest.mark.parametrize(
    "state", ["", "{", "[2, {}]", "[1, {}]", "[1, null]", '[1, {"stat": 1e999}]', "NaN", "[" * 9999]
)
async def test_a_state_that_cannot_be_read_is_forgotten_and_said(
    tmp_path: Path, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with world(tmp_path) as w:
        w.step(0.9)
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        db.execute("update drift_state set state = ?", (state,))
    db.close()
    async with world(tmp_path) as w:
        w.step(0.9)
        assert {s.seen for s in w.drift.standing()} == {1}
    assert "accuracy, tier low had learned is forgotten" in caplog.text


async def test_other_settings_learn_anew(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(60):
            w.step(0.9)
    async with world(tmp_path, CONFIG.model_copy(update={"calm": 70})) as w:
        w.count = 1000
        w.step(0.9)
        assert {s.seen for s in w.drift.standing() if s.kind == "accuracy"} == {1}


async def test_an_alarm_ended_by_its_owner_takes_what_is_now_for_usual(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for place in range(300):
            w.step(0.9 if place < 150 else 0.5)
        (alarm,) = [a for a in w.alarms.on if (a.kind, a.about) == ("accuracy", "tier low")]
        await w.alarms.refresh()
        await w.store.write(lambda connection: end_alarm(connection, alarm.id, w.at))
        await w.alarms.refresh()
        for _ in range(120):
            w.step(0.5)
        assert ("accuracy", "tier low") not in w.on()
        (state,) = [s for s in w.drift.standing() if s.name == "accuracy, tier low"]
        assert state.usual is not None and state.usual < 0.7


# ---- settings -----------------------------------------------------------------------------------


async def test_false_alarm_every_is_the_evidence_that_it_takes(tmp_path: Path) -> None:
    async with world(tmp_path, CONFIG.model_copy(update={"false_alarm_every": 950})) as w:
        w.step(0.9)
        (bound,) = {s.bound for s in w.drift.standing() if s.kind == "confidence"}
        (twice,) = {s.bound for s in w.drift.standing() if s.kind == "accuracy"}
        assert twice == pytest.approx(950 / 0.9), "two usual shares are learned"
        assert bound == pytest.approx(1000)


async def test_calm_is_how_many_say_what_is_usual(tmp_path: Path) -> None:
    async with world(tmp_path, CONFIG.model_copy(update={"calm": 60})) as w:
        for count in range(1, 62):
            w.step(0.9)
            known = {s.usual is not None for s in w.drift.standing() if s.kind == "accuracy"}
            assert known == {count >= 60}


@pytest.mark.parametrize(("fall", "rings"), [(0.05, True), (0.6, False)])
async def test_fall_is_what_is_worth_an_alarm(tmp_path: Path, fall: float, rings: bool) -> None:
    async with world(tmp_path, CONFIG.model_copy(update={"fall": fall})) as w:
        for place in range(600):
            w.step(1.0 if place < 200 else 0.75)
        assert (("accuracy", "tier low") in w.on()) is rings


@pytest.mark.parametrize(("slower", "rings"), [(1.5, True), (4.0, False)])
async def test_slower_is_what_is_worth_an_alarm(tmp_path: Path, slower: float, rings: bool) -> None:
    async with world(tmp_path, CONFIG.model_copy(update={"slower": slower})) as w:
        for place in range(400):
            w.step(latency_s=1.0 if place < 200 else 2.0)
        assert (("latency", "route auto") in w.on()) is rings


# ---- demotion -----------------------------------------------------------------------------------

DEMOTING = CONFIG.model_copy(update={"demote": True})


async def test_with_demote_a_rungs_fall_demotes_it_until_the_alarm_is_over(tmp_path: Path) -> None:
    async with world(tmp_path, DEMOTING) as w:
        for place in range(400):
            w.step(0.9 if place < 150 else 0.4)
        assert w.alarms.demoted("low") is not None and w.alarms.demoted("high") is None
        for alarm in list(w.alarms.on):
            w.alarms.end_one(alarm)
        assert w.alarms.demoted("low") is None


async def test_without_demote_nothing_is(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for place in range(400):
            w.step(0.9 if place < 150 else 0.4)
        assert w.on() and w.alarms.demoted("low") is None


async def test_a_tenant_that_lies_can_neither_demote_nor_hide(tmp_path: Path) -> None:
    rare = DEMOTING.model_copy(update={"false_alarm_every": 10_000})  # at 200, chance would demote
    async with world(tmp_path, rare) as w:
        for _ in range(300):
            w.step(0.9, caller="honest")
        for _ in range(600):
            w.step(0.9, caller="honest")
            for _ in range(4):
                w.step(0.0, caller="liar")
        assert w.alarms.demoted("low") is None
        told = [a.why for a in w.alarms.on if a.about == "tier low" and a.kind == "accuracy"]
        assert all("'liar'" in why for why in told)


async def test_a_new_calibration_is_believed_again_after_the_restart(tmp_path: Path) -> None:
    async with world(tmp_path, DEMOTING, calibrations={"low": "first"}) as w:
        for place in range(400):
            w.step(0.9 if place < 150 else 0.4)
        assert w.alarms.demoted("low")
    async with world(tmp_path, DEMOTING, calibrations={"low": "first"}) as w:
        assert w.alarms.demoted("low")
    async with world(tmp_path, DEMOTING, calibrations={"low": "second"}) as w:
        assert w.alarms.demoted("low") is None


# ---- what must move nothing ---------------------------------------------------------------------


async def test_outcomes_that_do_not_count_move_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(60):
            w.step(0.9)
        seen = w.drift.standing()
        w.step(0.0, counted=False)
        w.step(0.0, source="golden")
        w.step(0.0, caller="golden")
        now = {s.name: s.seen for s in w.drift.standing() if s.kind in ("accuracy", "calibration")}
        assert now == {s.name: s.seen for s in seen if s.name in now}


async def test_most_share_bounds_what_one_key_says(tmp_path: Path) -> None:
    heard = {}
    for share in (0.5, 1.0):
        folder = tmp_path / str(share)
        folder.mkdir()
        async with world(folder, most_share=share) as w:
            for place in range(600):
                w.step(0.9, caller="loud" if place % 10 else "quiet")
            stat = w.drift._detectors._found["accuracy", "tier low", ""].stat
            assert isinstance(stat, Both) and isinstance(stat.even, Share)
            heard[share] = stat.even.learned + stat.even.since
    assert heard[1.0] == 600 and heard[0.5] < 250


async def test_a_key_that_is_loud_in_one_step_type_is_thinned_there(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for place in range(1200):
            kind = StepType.EXTRACTION if place % 2 else StepType.OPEN_CHAT
            few = "y" if place % 40 == 1 else "x"
            w.step(0.9, caller=few if place % 2 else "z", step_type=kind)
        stat = w.drift._detectors._found["accuracy", "tier low, extraction", ""].stat
        assert isinstance(stat, Both) and isinstance(stat.even, Share)
        assert stat.even.learned + stat.even.since < 150, "30 of y, and about as many of x"


async def test_odd_numbers_and_a_clock_that_jumps_neither_ring_nor_raise(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(150):
            w.step(0.9)
        for odd in (math.nan, math.inf, -1.0, 1e300):
            for _ in range(100):
                w.step(latency_s=odd, p=odd)
        for jump in (-1e6, 1e9, -1e9, 1e5):
            w.at += jump
            for _ in range(20):
                w.step(0.9)
        await w.drift.keep()
        assert not w.on()


async def test_a_store_that_is_gone_loses_nothing_that_was_learned(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(100):
            w.step(0.9)
        await w.store.stop()
        await w.drift.keep()
        await w.store.start()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        names = {name for (name,) in db.execute("select detector from drift_state")}
    db.close()
    assert "accuracy, tier low" in names


async def test_ten_thousand_outcomes_at_once_are_weighed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for _ in range(10_000):
            w.step(0.97)
        await asyncio.sleep(0)
        (state,) = [s for s in w.drift.standing() if s.name == "accuracy, tier low"]
        assert state.seen == 10_000


async def test_a_stream_is_looked_at_no_oftener_than_its_pace(tmp_path: Path) -> None:
    async with world(tmp_path, pace_s=10.0) as w:
        for _ in range(100):
            w.step()
        (state,) = [s for s in w.drift.standing() if s.kind == "latency"]
        assert state.seen == 10


# ---- what was changed while it did not run ------------------------------------------------------


async def test_an_alarm_of_a_calibration_that_was_replaced_is_over(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"kinds": ("calibration",)})
    async with world(tmp_path, config, calibrations={"low": "first"}) as w:
        for _ in range(300):
            w.step(0.4)
        assert w.on() == {("calibration", "tier low")}
    async with world(tmp_path, config, calibrations={"low": "first"}) as w:
        assert w.on() == {("calibration", "tier low")}
    async with world(tmp_path, config, calibrations={"low": "second"}) as w:
        assert not w.on()


@pytest.mark.parametrize("change", [{"slower": 3.0}, {"calm": 60}, {"kinds": ("price",)}])
async def test_an_alarm_of_other_settings_is_over(tmp_path: Path, change: dict[str, Any]) -> None:
    async with world(tmp_path) as w:
        for place in range(300):
            w.step(latency_s=1.0 if place < 150 else 9.0)
        assert w.on() == {("latency", "route auto")}
    async with world(tmp_path) as w:
        assert w.on() == {("latency", "route auto")}
    async with world(tmp_path, CONFIG.model_copy(update=change)) as w:
        assert not w.on()


async def test_an_alarm_whose_stream_is_silent_for_a_week_is_over(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        for place in range(300):
            w.step(latency_s=1.0 if place < 150 else 9.0)
        w.at += 8 * DAY_S
        w.drift._end_the_lost()
        assert not w.on()
        for place in range(300):
            w.step(latency_s=1.0 if place < 150 else 9.0)
        assert w.on() == {("latency", "route auto")}


async def test_a_model_alarm_is_over_once_the_rung_is_asked_for_another(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"kinds": ("model",)})
    async with world(tmp_path, config, models={"low": "a"}) as w:
        for place in range(70):
            w.step(billed_as="a-1" if place < 60 else "a-2")
        assert w.on() == {("model", "tier low")}
    async with world(tmp_path, config, models={"low": "a"}) as w:
        assert w.on() == {("model", "tier low")}
    async with world(tmp_path, config, models={"low": "b"}) as w:
        assert not w.on()


async def test_demote_switched_off_believes_the_rung_again_and_the_alarm_goes_on(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, DEMOTING, calibrations={"low": "first"}) as w:
        for place in range(400):
            w.step(0.9 if place < 150 else 0.4)
        assert w.alarms.demoted("low")
    async with world(tmp_path, calibrations={"low": "first"}) as w:
        assert w.alarms.demoted("low") is None and ("accuracy", "tier low") in w.on()


async def test_a_price_alarm_ended_while_no_server_ran_rings_no_more(tmp_path: Path) -> None:
    for price in ("1 USD", "2 USD"):
        async with world(tmp_path, prices=lambda told=price: {"low": told}) as w:
            await asyncio.sleep(0.01)
            on = [alarm.id for alarm in w.alarms.on]
    store = Store(tmp_path / "ledger.db")
    await store.start()
    await store.write(lambda connection: end_alarm(connection, on[0], 2e6))
    await store.stop()
    async with world(tmp_path, prices=lambda: {"low": "2 USD"}) as w:
        await asyncio.sleep(0.01)
        assert on and not w.on()


# ---- whose word, and of when --------------------------------------------------------------------


async def test_audits_that_find_a_fall_demote_whatever_two_keys_say(tmp_path: Path) -> None:
    async with world(tmp_path, DEMOTING) as w:
        for place in range(2000):
            w.step(0.9, caller="ab"[place % 2])
            w.step(0.9 if place < 150 else 0.3, caller="ab"[place % 2], source="audit")
        assert w.alarms.demoted("low") is not None


@pytest.mark.parametrize("few", [1, 2])
async def test_a_key_with_few_outcomes_does_not_silence_the_others(
    tmp_path: Path, few: int
) -> None:
    async with world(tmp_path) as w:
        for place in range(600):
            w.step(1.0, caller="b") if place % 100 < few else w.step(0.9, caller="a")
        for place in range(300):
            w.step(1.0, caller="b") if place % 100 < few else w.step(0.5, caller="a")
        assert ("accuracy", "tier low") in w.on()


async def test_outcomes_of_answers_older_than_a_week_move_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        entry = replace(w.step(), outcome=Outcome(right=False))
        w.at += 8 * DAY_S
        w.drift.read_outcome(entry)
        assert not [s for s in w.drift.standing() if s.kind == "accuracy"]


async def test_numbers_are_learned_over_a_day_at_least_and_bursts_catch_up(tmp_path: Path) -> None:
    async with world(tmp_path, calm_s=DAY_S) as w:

        def seen() -> tuple[int, bool]:
            (state,) = [s for s in w.drift.standing() if s.kind == "latency"]
            return state.seen, state.usual is not None

        for _ in range(200):
            w.step()
        assert seen() == (1, False)
        w.at += DAY_S / 2
        for _ in range(200):
            w.step()
        assert seen() == (26, False)
        w.at += DAY_S
        for _ in range(200):
            w.step()
        assert seen() == (26 + 200, True)
