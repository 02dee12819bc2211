"""Several servers of one ledger: who watches what, when one recovers, stops, or is killed?"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert

from rungwise.days import DAY_S
from rungwise.drift import states
from rungwise.drift.alarm_rows import end_alarm
from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.store.tables import server as sign
from tests.drift.test_drift import CONFIG, DEMOTING, World

pytestmark = pytest.mark.anyio

LOW = ("accuracy", "tier low")


@dataclass
class Servers:
    """Those of one ledger: their clocks go alike, and their minutes come when a test says so."""

    store: Store
    count: int = 0

    async def start(self, id: str, **more: Any) -> World:
        self.count += 1
        made = World(self.store, more.pop("config", DEMOTING), id=id, **more)
        made.count = self.count * 1_000_000
        await self.store.write(
            lambda c: c.execute(insert(sign), [{"id": id, "seen_at": 0}]).close()
        )
        await made.alarms.start()
        await made.drift.start()
        return made

    async def stop(self, world: World, *, killed: bool = False) -> None:
        """In good order it keeps what it knows; killed, it only kept its alarms."""
        if killed:
            for part in (world.drift, world.alarms):
                assert part._task is not None
                part._task.cancel()
        else:
            await world.drift.stop()
            await world.alarms.stop()
        mine = delete(sign).where(sign.c.id == world.id)
        await self.store.write(lambda c: c.execute(mine).close())

    async def minute(self, *worlds: World, later_s: float = 60.0) -> None:
        for world in worlds:
            world.at += later_s
        for world in (*worlds, *worlds):
            await world.alarms.refresh()
            await world.drift._look()
            world.drift._end_the_lost()
            await world.drift.keep()
            await world.alarms.refresh()


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    store = Store(tmp_path / "ledger.db")
    await store.start()
    made = Servers(store)
    yield made
    await store.stop()


async def test_one_servers_recovery_teaches_no_fault_to_the_other(servers: Servers) -> None:
    one, two = [await servers.start(id, config=CONFIG) for id in ("one", "two")]
    for w in (one, two):
        for _ in range(200):
            w.step(0.9)
    for w in (one, two):
        for _ in range(200):
            w.step(0.3)
        await w.alarms.refresh()
    await one.alarms.refresh()
    usual = {s.name: s.usual for s in two.drift.standing()}
    for _ in range(300):
        one.step(0.95)
    await one.alarms.refresh()
    await two.alarms.refresh()
    assert ("accuracy", "tier low") in two.on(), "it rings on there"
    await one.alarms.refresh()
    for _ in range(300):
        one.step(0.95)
    await one.alarms.refresh()
    assert ("accuracy", "tier low") in one.on(), "and is not this one's to end"
    for _ in range(500):
        two.step(0.3)
    assert ("accuracy", "tier low") in two.on()
    assert {s.name: s.usual for s in two.drift.standing()} == usual
    for _ in range(300):
        two.step(0.95)
    await two.alarms.refresh()
    await one.alarms.refresh()
    assert "accuracy" not in {kind for kind, _ in (*one.on(), *two.on())}
    for w in (one, two):
        await servers.stop(w)


async def learned(servers: Servers, **more: Any) -> tuple[World, World]:
    """Two that know what is usual."""
    one, two = [await servers.start(id, **more) for id in ("one", "two")]
    for w in (one, two):
        for _ in range(300):
            w.step(0.9)
    return one, two


async def fallen(servers: Servers, **more: Any) -> tuple[World, World]:
    """The first saw a fall, and demotes; the second is all right, and has heard of it."""
    one, two = await learned(servers, **more)
    for _ in range(400):
        one.step(0.4)
    assert LOW in one.on() and one.alarms.demoted("low")
    await one.alarms.refresh()
    await servers.minute(two)
    assert two.alarms.demoted("low")
    return one, two


@pytest.mark.parametrize("killed", [False, True])
async def test_a_restart_neither_ends_the_alarm_nor_learns_the_fault(
    servers: Servers, killed: bool
) -> None:
    one, two = await fallen(servers)
    on = one.on()
    usual = {s.name: s.usual for s in one.drift.standing() if s.kind == "accuracy"}
    await servers.stop(one, killed=killed)
    await servers.minute(two)
    assert two.on() == on and two.alarms.demoted("low"), "the other goes on with it"
    again = await servers.start("one again")
    for _ in range(300):
        again.step(0.4)
    await servers.minute(two, again)
    assert again.on() == on and again.alarms.demoted("low")
    found = {s.name: s.usual for s in again.drift.standing() if s.kind == "accuracy"}
    assert found == usual
    for w in (two, again):
        await servers.stop(w)


async def test_a_server_alone_that_is_killed_at_once_goes_on_with_its_alarm(
    servers: Servers,
) -> None:
    one = await servers.start("one")
    for place in range(700):
        one.step(0.9 if place < 300 else 0.4)
    await one.alarms.refresh()
    on = one.on()
    await servers.stop(one, killed=True)
    again = await servers.start("one again")
    assert LOW in on and again.on() == on and again.alarms.demoted("low")
    await servers.stop(again)


async def test_who_took_it_over_ends_it_for_all_who_saw_nothing_themselves(
    servers: Servers,
) -> None:
    config = DEMOTING.model_copy(update={"demote": False})
    one, two = await learned(servers, config=config)
    for _ in range(400):
        one.step(0.4)
    await one.alarms.refresh()
    await servers.stop(one)
    await servers.minute(two)
    again = await servers.start("one again", config=config)
    assert LOW in again.on() and LOW in two.on()
    for _ in range(200):
        again.step(0.95)
    await servers.minute(again, two)
    await servers.minute(again, two)
    assert not {a for a in (*again.on(), *two.on()) if a[0] == "accuracy"}
    for _ in range(400):
        two.step(0.4)
    assert LOW in two.on(), "what was usual is not forgotten"
    for w in (two, again):
        await servers.stop(w)


async def test_a_demotion_is_over_when_all_start_with_another_calibration(
    servers: Servers,
) -> None:
    one, two = await fallen(servers, calibrations={"low": "first"})
    await servers.stop(one)
    await servers.minute(two)
    await servers.stop(two)
    same = await servers.start("same", calibrations={"low": "first"})
    assert same.alarms.demoted("low")
    await servers.stop(same)
    new = await servers.start("new", calibrations={"low": "second"})
    assert new.alarms.demoted("low") is None
    await servers.stop(new)


async def test_an_end_that_the_owner_has_seen_is_not_told_by_the_other_server(
    servers: Servers,
) -> None:
    ending: dict[str, str] = {}
    one = await servers.start("one", endings=lambda: ending)
    await servers.minute(one)
    two = await servers.start("two", endings=lambda: ending)
    two.at += DAY_S / 2
    await servers.minute(two)
    ending["high"] = "will be shut down on 2026-12-01"
    await servers.minute(one, later_s=DAY_S)
    (alarm,) = one.alarms.on
    await servers.store.write(lambda c: end_alarm(c, alarm.id, one.at))
    await servers.minute(one, two)
    assert not one.on() and not two.on()
    for w in (two, one, two):
        await servers.minute(w, later_s=DAY_S)
        assert not w.on()
    for w in (one, two):
        await servers.stop(w)


async def test_a_model_that_another_server_saw_change_stays_an_alarm_without_it(
    servers: Servers,
) -> None:
    one, two = [await servers.start(id, config=CONFIG) for id in ("one", "two")]
    for w in (one, two):
        for _ in range(100):
            w.step(billed_as="m-1")
    await servers.minute(one, two)
    for _ in range(5):
        one.step(billed_as="m-2")
    on = {("model", "tier low")}
    await one.alarms.refresh()
    await servers.stop(one, killed=True)
    await servers.minute(two)
    again = await servers.start("one again", config=CONFIG)
    assert one.on() == two.on() == again.on() == on
    for _ in range(60):
        again.step(billed_as="m-2")
    await servers.minute(two, again)
    await servers.minute(two, again)
    assert not two.on() and not again.on()
    two.step(billed_as="m-2")
    assert not two.on(), "it is a known one there, too"
    for w in (two, again):
        await servers.stop(w)


async def test_what_was_learned_otherwise_is_not_taken_over(servers: Servers) -> None:
    one = await servers.start("one", config=CONFIG)
    two = await servers.start("two", config=CONFIG.model_copy(update={"calm": 100}))
    for w in (one, two):
        for _ in range(100):
            w.step(billed_as="m-1")
    one.step(billed_as="m-2")
    await one.alarms.refresh()
    await servers.stop(one)
    await servers.minute(two)
    assert not two.on()
    two.step(billed_as="m-3")
    assert two.on() == {("model", "tier low")}
    await servers.stop(two)


async def test_what_its_owner_ended_is_no_more_what_was_seen_here(servers: Servers) -> None:
    one = await servers.start("one", config=CONFIG)
    for place in range(500):
        one.step(0.9 if place < 200 else 0.3)
    await one.alarms.refresh()
    for alarm in one.alarms.on:
        await servers.store.write(lambda c, id=alarm.id: end_alarm(c, id, one.at))
    await servers.minute(one)
    for _ in range(300):
        one.step(0.9)
    two = await servers.start("two", config=CONFIG)
    for place in range(500):
        two.step(0.95 if place < 200 else 0.3)
    await two.alarms.refresh()
    await servers.stop(two)
    await servers.minute(one)
    three = await servers.start("three", config=CONFIG)
    assert LOW in one.on() and LOW in three.on()
    for _ in range(300):
        three.step(0.95)
    for _ in range(2):
        await servers.minute(three, one)
    assert not {about for kind, about in (*one.on(), *three.on()) if kind == "accuracy"}
    for w in (one, three):
        await servers.stop(w)


async def test_what_cannot_be_read_at_the_start_is_read_later_and_not_written_over(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    prices, endings = {"high": "$1"}, dict[str, str]()
    told: dict[str, Any] = {"prices": lambda: prices, "endings": lambda: endings, "config": CONFIG}
    one = await servers.start("one", **told)
    for _ in range(300):
        one.step(0.9, billed_as="m-1")
    await servers.minute(one)
    prices["high"], endings["low"] = "$2", "will be shut down on 2026-12-01"
    await servers.minute(one, later_s=DAY_S)
    (seen,) = [alarm for alarm in one.alarms.on if alarm.kind == "shutdown"]
    await servers.store.write(lambda c: end_alarm(c, seen.id, one.at))
    one.step(billed_as="m-2")
    await servers.minute(one)
    on = one.on()
    usual = {s.name: s.usual for s in one.drift.standing() if s.kind == "accuracy"}
    await servers.stop(one)
    read, broken = servers.store.read, True

    async def unread(job: Any) -> Any:
        if broken and job is states._all:
            raise StoreError("locked")
        return await read(job)

    monkeypatch.setattr(servers.store, "read", unread)
    two = await servers.start("two", **told)
    two.at = one.at
    await asyncio.sleep(0.01)
    two.step(0.9, billed_as="m-2")
    await servers.minute(two)
    assert on == {("model", "tier low"), ("price", "tier high")} == two.on()
    broken = False
    await two.drift._take_up()
    await servers.minute(two)
    two.step(0.9, billed_as="m-2")
    assert two.on() == on
    assert {s.name: s.usual for s in two.drift.standing() if s.kind == "accuracy"} == usual
    await servers.stop(two)


async def test_the_alarms_of_the_release_before_go_on(servers: Servers, tmp_path: Path) -> None:
    one = await servers.start("one", calibrations={"low": "first"})
    for place in range(700):
        one.step(0.9 if place < 300 else 0.4, billed_as="m-1" if place < 690 else "m-2")
    on, demotes = one.on(), [alarm.id for alarm in one.alarms.on if alarm.demotes]
    usual = {s.name: s.usual for s in one.drift.standing() if s.kind == "accuracy"}
    assert demotes and ("model", "tier low") in on
    await servers.stop(one)
    await servers.store.stop()
    demoted = json.dumps([1, {"calibrations": dict.fromkeys(demotes, "first")}])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db, db:
        db.execute("alter table alarm drop column state")
        db.execute("update alembic_version set version_num = '0006'")
        db.execute("insert into drift_state values ('demotions', 0, ?)", (demoted,))
    await servers.store.start()
    again = await servers.start("again", calibrations={"low": "first"})
    again.step(0.4, billed_as="m-2")
    assert again.on() == on and again.alarms.demoted("low")
    assert {s.name: s.usual for s in again.drift.standing() if s.kind == "accuracy"} == usual
    await servers.stop(again)
    new = await servers.start("new", calibrations={"low": "second"})
    assert new.alarms.demoted("low") is None
    await servers.stop(new)
