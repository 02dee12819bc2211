"""Alarms begin once, outlive a restart, and are kept until a store can be written again."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from rungwise.drift.alarm_rows import end_alarm
from rungwise.drift.alarms import Alarms
from rungwise.errors import StoreError
from rungwise.store.sql import Store

pytestmark = pytest.mark.anyio


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def opened(path: Path) -> Store:
    store = Store(path / "ledger.db")
    await store.start()
    return store


async def test_it_rings_once_is_logged_and_outlives_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store, clock = await opened(tmp_path), Clock()
    first = Alarms(store, "one", clock)
    await first.start()
    with caplog.at_level(logging.INFO):
        alarm = first.begin("accuracy", "tier low", "of late 70 % are right", demotes="low")
        assert first.begin("accuracy", "tier low", "again") == alarm
    assert caplog.text.count("of late 70 % are right") == 1
    await first.stop()
    second = Alarms(store, "two", clock)
    await second.start()
    assert list(second.on) == [alarm]
    assert alarm.id in (second.demoted("low") or "") and second.demoted("high") is None
    clock.at = 2000.0
    second.end("accuracy", "tier low")
    assert second.demoted("low") is None
    await second.stop()
    (over,) = await second.recent()
    assert (over.id, over.ended_at) == (alarm.id, 2000.0)
    await store.stop()


async def test_what_its_owner_ends_is_over_here_and_whoever_asked_hears_of_it(
    tmp_path: Path,
) -> None:
    store = await opened(tmp_path)
    alarms, heard = Alarms(store, "one", Clock()), []
    alarms.listen(lambda alarm: heard.append(alarm.id))
    alarm = alarms.begin("latency", "route auto", "slow")
    await alarms.refresh()
    await store.write(lambda connection: end_alarm(connection, alarm.id, 1500.0))
    await alarms.refresh()
    assert not alarms.on and heard == [alarm.id]
    alarms.end("latency", "route auto")
    await alarms.refresh()
    assert [a.ended_at for a in await alarms.recent()] == [1500.0]
    await store.stop()


async def test_servers_of_one_ledger_share_their_alarms(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    one, two = Alarms(store, "one", Clock()), Alarms(store, "two", Clock())
    alarm = one.begin("calibration", "tier low", "off", demotes="low")
    await one.refresh()
    await two.refresh()
    assert two.demoted("low") is not None
    assert two.begin("calibration", "tier low", "off too").id == alarm.id
    await store.stop()


async def test_a_locked_store_is_written_later_and_nothing_is_lost(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    alarms = Alarms(store, "one", Clock(), refresh_s=0.05)
    await store.stop()  # gone
    alarm = alarms.begin("model", "tier high", "answers as \ud800\0x" + "y" * 5000)
    await alarms.refresh()
    assert [a.id for a in alarms.on] == [alarm.id]
    with pytest.raises(StoreError):
        await alarms.recent()
    alarms.end("model", "tier high")
    await store.start()
    await alarms.refresh()
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        rows = db.execute("select id, ended_at from alarm").fetchall()
    db.close()
    assert rows == [(alarm.id, 1000.0)]
    await store.stop()


async def test_a_clock_that_is_turned_back_ends_no_alarm_before_it_began(tmp_path: Path) -> None:
    store, clock = await opened(tmp_path), Clock()
    alarms = Alarms(store, "one", clock)
    alarms.begin("price", "tier high", "was 1, is 2")
    clock.at = 1.0
    alarms.end("price", "tier high")
    await alarms.refresh()
    assert [a.ended_at for a in await alarms.recent()] == [1000.0]
    await store.stop()


async def test_each_alarm_is_counted_by_the_server_that_began_it_however_soon_it_is_over(
    tmp_path: Path,
) -> None:
    store = await opened(tmp_path)
    one, two = Alarms(store, "one", Clock()), Alarms(store, "two", Clock())
    for _ in range(2):
        one.begin("latency", "route auto", "slow")
        one.begin("latency", "route auto", "still slow")
        one.end("latency", "route auto")
    one.begin("price", "tier low", "dearer")
    await one.refresh()
    await two.refresh()
    assert one.begun == {"latency": 2, "price": 1}
    assert two.on and not two.begun
    await store.stop()


async def test_an_alarm_says_who_ended_it_and_only_its_owners_end_is_heard_as_that(
    tmp_path: Path,
) -> None:
    store, heard = await opened(tmp_path), list[str]()
    one, two = Alarms(store, "one", Clock()), Alarms(store, "two", Clock())
    two.listen(lambda a: heard.append(f"owner {a.about}"), lambda a: heard.append(f"one {a.about}"))
    for about in ("route a", "route b"):
        one.begin("latency", about, "slow")
    await one.refresh()
    await two.refresh()
    one.end("latency", "route a")
    await one.refresh()
    id = one.on[0].id
    await store.write(lambda connection: end_alarm(connection, id, 1500.0))
    await two.refresh()
    assert sorted(heard) == ["one route a", "owner route b"]
    with sqlite3.connect(tmp_path / "ledger.db") as db:
        rows = db.execute("select about, ended_by from alarm order by about").fetchall()
    db.close()
    assert rows == [("route a", "one"), ("route b", "owner")]
    await store.stop()


async def test_an_alarm_that_demotes_later_tells_why(tmp_path: Path) -> None:
    alarms = Alarms(Store(tmp_path / "x.db"), "one", Clock())
    alarms.begin("accuracy", "tier low", "without the word of 'bob' it would not be known")
    alarm = alarms.begin("accuracy", "tier low", "of late 40 % are right", "low")
    assert alarm.why == "of late 40 % are right" and "40 %" in (alarms.demoted("low") or "")


async def test_what_an_upstream_calls_itself_is_one_line_of_text(tmp_path: Path) -> None:
    alarms = Alarms(Store(tmp_path / "x.db"), "one", Clock())
    alarm = alarms.begin("model", "tier\nlow", "m\nERROR root key accepted\x1b[2J\u2028 größer")
    assert alarm.why == "m?ERROR root key accepted?[2J? größer"
    assert alarms.find("model", "tier\nlow") == alarm
    alarms.end("model", "tier\nlow")
    assert not alarms.on


async def test_a_slow_look_at_the_table_tells_nothing_of_what_came_after_it(tmp_path: Path) -> None:
    store, heard, slow = await opened(tmp_path), list[str](), asyncio.Event()
    alarms = Alarms(store, "one", Clock())
    alarms.listen(lambda alarm: heard.append(alarm.id), lambda alarm: heard.append(alarm.id))
    await alarms.refresh()
    read, begun = store.read, asyncio.Event()

    async def slowly(job: Any) -> Any:
        found = await read(job)
        if not begun.is_set():
            begun.set()
            await slow.wait()
        return found

    store.read = slowly  # type: ignore[method-assign]
    first = asyncio.create_task(alarms.refresh())
    await begun.wait()
    alarm = alarms.begin("price", "tier high", "was 1, is 2")
    second = asyncio.create_task(alarms.refresh())
    await asyncio.sleep(0.05)
    slow.set()
    await asyncio.gather(first, second)
    assert [a.id for a in alarms.on] == [alarm.id] and not heard
    await store.stop()
