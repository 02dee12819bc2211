"""What was acknowledged is there after a kill, once; a full disk is told until there is room."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from rungwise.days import DAY_S
from rungwise.errors import StoreError
from rungwise.ledger.buckets import SLOT_S
from rungwise.ledger.sql import SqlLedger, read_entries
from rungwise.store import tables
from rungwise.store.sql import Store
from tests.ledger.steps import Kept, kept, sums
from tests.ledger.test_sql import ENTRY

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


def recorder(address: str, prefix: str, *, at: float = 0.0, room: int = 0) -> list[str]:
    return [sys.executable, "-m", "tests.store.recorder", address, prefix, str(at), str(room)]


def killed(address: str, prefix: str, *, at: float, after_s: float) -> list[str]:
    """What the recorder had acknowledged when it was killed, so long after its first word."""
    with subprocess.Popen(recorder(address, prefix, at=at), cwd=ROOT, stdout=-1) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        try:
            child.wait(after_s)
        except subprocess.TimeoutExpired:
            child.kill()
        said = (first + child.stdout.read()).decode().splitlines(keepends=True)
    assert child.returncode == -9, "it records until it is killed"
    return [line.strip() for line in said if line.endswith("\n")]


async def of_day(address: str, day: int) -> Kept:
    store = Store(address)
    await store.start()  # as the next server would
    found = await store.read(kept)
    await store.stop()
    of = dict.fromkeys(("slot_tally", "slot_latency"), DAY_S // SLOT_S)
    return {
        name: frozenset(row for row in rows if int(str(row[0])) // of.get(name, 1) == day)
        for name, rows in found.items()
    }


async def test_no_acknowledged_row_is_lost_or_doubled_by_a_kill(
    store_url: str, thorough: bool
) -> None:
    kills = (200 if "sqlite" in store_url else 50) if thorough else 5
    chance = random.Random(20261125)
    for day in range(kills):
        prefix = f"run{day}"
        told = killed(store_url, prefix, at=day * DAY_S, after_s=chance.uniform(0, 0.05))
        found = list(read_entries(store_url, since=day * DAY_S))
        ids = [entry.id for entry in found]
        assert len(ids) == len(set(ids)), "none twice"
        assert set(told) <= set(ids), "none lost"
        assert all(entry.attempts == ENTRY.attempts for entry in found), "none by half"
        assert await of_day(store_url, day) == sums(found)
    entries = list(read_entries(store_url))
    store = Store(store_url)
    await store.start()
    assert await store.read(kept) == sums(entries)
    await store.stop()


# ---- a full disk -----------------------------------------------------------------------------


def test_a_file_that_may_not_grow_is_a_fault_until_it_may(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    command = recorder(str(path), "x", room=2**21)
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    *written, full, after = ended.stdout.splitlines()
    assert full.startswith(f"full {path}: disk I/O error") and after == "x-after"
    assert [entry.id for entry in read_entries(path)] == sorted([*written, after])
    assert len(written) > 10


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of one MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "rungwise-test", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no small disk: only root may mount one, where mounting is allowed")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_a_full_disk_is_a_fault_until_there_is_room(small_disk: Path) -> None:
    path = small_disk / "s.db"
    store = Store(path)
    await store.start()
    ledger, written = SqlLedger(store), 0
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2**18))
    for turn in range(2):
        with pytest.raises(StoreError, match=r"s\.db: database or disk is full"):
            while True:
                await ledger.record(replace(ENTRY, id=f"{written:06}"))
                written += 1
        assert store.fault is not None and "disk is full" in store.fault
        ends = await asyncio.gather(
            *(ledger.record(replace(ENTRY, id=f"x{n}")) for n in range(9)), return_exceptions=True
        )
        assert {type(end).__mro__[1] for end in ends} <= {StoreError, object}
        assert await store.read(count) >= written, "what is there is still read"
        if turn == 0:
            ballast.write_bytes(bytes(2**17))
            await store.write(forget)
            assert store.fault is None
    await store.stop()


def count(connection: Connection) -> int:
    return len(connection.scalars(select(tables.entry.c.id)).all())


def forget(connection: Connection) -> None:
    connection.execute(tables.entry.delete().where(tables.entry.c.id.like("x%")))
