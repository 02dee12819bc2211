"""A file that an older release wrote is read, and brought up to date where it is."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.errors import StoreError
from rungwise.ledger.sql import SqliteLedger, read_entries
from tests.ledger.test_sql import BARE, ENTRY, JUDGED, opened

pytestmark = pytest.mark.anyio

OLD = replace(ENTRY, attempts=(replace(BARE, role="draft", threshold=None),))


async def old_file(path: Path) -> Path:
    """A ledger of the first release, which had neither roles nor thresholds, with one entry."""
    ledger = await opened(path)
    await ledger.record(OLD)
    await ledger.stop()
    with closing(sqlite3.connect(path)) as db:
        db.execute("alter table attempt drop column role")
        db.execute("alter table attempt drop column threshold")
        db.execute("pragma user_version = 0")
    return path


def columns(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {row[1] for row in db.execute("pragma table_info(attempt)")}


async def test_an_older_file_is_brought_up_to_date_at_start(tmp_path: Path) -> None:
    path = await old_file(tmp_path / "ledger.db")
    for _ in range(2):  # and the second start finds nothing to do
        ledger = await opened(path)
        assert await ledger.find(OLD.id) == OLD
        await ledger.stop()
    ledger = await opened(path)
    new = replace(ENTRY, id="req_2", attempts=(replace(BARE, threshold=0.9), JUDGED))
    await ledger.record(new)
    await ledger.stop()
    assert list(read_entries(path)) == [OLD, new]


async def test_an_older_file_that_is_only_read_stays_as_it_is(tmp_path: Path) -> None:
    path = await old_file(tmp_path / "ledger.db")
    before = columns(path)
    assert list(read_entries(path)) == [OLD]
    assert columns(path) == before and "role" not in before


async def test_two_processes_may_open_an_older_file_at_once(tmp_path: Path) -> None:
    path = await old_file(tmp_path / "ledger.db")
    ledgers = [SqliteLedger(path) for _ in range(4)]
    await asyncio.gather(*(ledger.start() for ledger in ledgers))
    assert [await ledger.find(OLD.id) for ledger in ledgers] == [OLD] * 4
    for ledger in ledgers:
        await ledger.stop()


async def test_a_file_of_a_later_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = await old_file(tmp_path / "ledger.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")
    ledger = SqliteLedger(path)
    with pytest.raises(StoreError, match=r"ledger\.db.*version 99.*ledger\.path"):
        await ledger.start()
    await ledger.stop()
    assert "role" not in columns(path)
