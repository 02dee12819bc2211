"""Which servers are alive?"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from rungwise.access.lease import OLD_S, SILENT_S, Lease, server_id
from rungwise.store.sql import Store
from rungwise.store.tables import server

pytestmark = pytest.mark.anyio


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = Store(store_url)
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
def child() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and the id it would have as a server."""
    code = "from rungwise.access.lease import server_id; print(server_id(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_every_server_has_an_id_of_its_own() -> None:
    assert server_id() != server_id()
    assert f":{os.getpid()}:" in server_id()


async def test_a_silent_server_is_dead_after_a_while_of_the_observer_s_own_time(
    store: Store,
) -> None:
    time = Time()
    silent = Lease(store, "elsewhere:1:1:x", unix=lambda: 5e9)  # its clock is far ahead
    seeing = Lease(store, "here:1:1:y", unix=lambda: 1e9, now=time)
    await silent.renew()
    assert await seeing.renew() == ()
    time.now += SILENT_S - 0.1
    assert await seeing.renew() == ()
    time.now += 0.1
    assert await seeing.renew() == ("elsewhere:1:1:x",)


async def test_a_server_that_shows_itself_lives_however_its_clock_runs(store: Store) -> None:
    time, clock = Time(), iter([9.0, 3.0, 4.0, 2.0])
    other = Lease(store, "elsewhere:1:1:x", unix=lambda: next(clock))
    seeing = Lease(store, "here:1:1:y", unix=time, now=time)
    for _ in range(4):
        await other.renew()
        assert await seeing.renew() == ()
        time.now += SILENT_S - 1


async def test_a_process_of_this_place_that_is_gone_is_dead_at_once(
    store: Store, child: tuple[subprocess.Popen[str], str]
) -> None:
    process, id = child
    await Lease(store, id).renew()
    seeing = Lease(store, server_id())
    assert await seeing.renew() == ()
    process.kill()
    await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert await seeing.renew() == (id,), "dead, and not yet buried"
    await asyncio.to_thread(process.wait)
    assert await seeing.renew() == (id,)


async def test_another_process_under_the_same_number_does_not_stand_for_it(store: Store) -> None:
    place, pid, birth, token = server_id().split(":")
    earlier = f"{place}:{pid}:{int(birth) - 1}:{token}"
    await Lease(store, earlier).renew()
    assert await Lease(store, server_id()).renew() == (earlier,)


async def test_a_number_means_nothing_in_another_place(store: Store) -> None:
    _, _, birth, token = server_id().split(":")
    await Lease(store, f"elsewhere:999999999:{birth}:{token}").renew()
    assert await Lease(store, server_id()).renew() == ()


async def test_who_ends_is_not_there_any_more(store: Store, tmp_path: Path) -> None:
    lease = Lease(store, "a:1:1:x")
    await lease.renew()
    await lease.end()
    assert await store.read(lambda c: list(c.scalars(select(server.c.id)))) == []


async def test_a_server_that_shows_itself_at_the_last_moment_is_not_dead(store: Store) -> None:
    time = Time()
    silent, late = (Lease(store, id, unix=time, now=time) for id in ("silent", "late"))
    heir = Lease(store, "heir", unix=time, now=time)
    for lease in (silent, late, heir):
        await lease.renew()
    time.now += SILENT_S
    dead = await heir.renew()
    assert set(dead) == {"silent", "late"}
    await store.write(late.show)
    assert await store.read(lambda c: heir.silent(c, dead)) == ["silent"]
    assert await store.read(lambda c: heir.silent(c, ())) == []


async def test_a_young_sign_is_not_shown_anew(store: Store) -> None:
    time = Time()
    lease = Lease(store, "a", unix=time, now=time)
    await lease.renew()
    for age, sign in ((OLD_S, 0.0), (OLD_S + 1, OLD_S + 1)):
        time.now = age
        await store.write(lease.show)
        assert await store.read(lambda c: c.scalar(select(server.c.seen_at))) == sign
