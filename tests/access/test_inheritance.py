"""Who is told of what a dead server lost? Whoever watches the server that wrote it down, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.types import Entry
from tests.access.accounts import Account, capped, ended, tried
from tests.access.test_purse import gone, reserve

pytestmark = pytest.mark.anyio


async def test_of_two_heirs_the_one_that_writes_what_was_lost_shows_it_once(
    store_url: str,
) -> None:
    store, beside = Store(store_url), Store(store_url)
    await store.start()
    await beside.start()
    dead = Account(store, id=gone())
    await dead.lease.renew()
    for id in ("a", "b"):
        await reserve(dead, id, capped(1000), 0, 60)
    await reserve(dead, "c", capped(1000), 0, 60)
    await dead.ledger.record(ended("c", [tried("tier1", 25)]))
    heirs = Account(store), Account(beside)
    await asyncio.gather(*(heir.purse.put_in_order() for heir in heirs))
    await asyncio.gather(*(heir.purse.put_in_order() for heir in heirs))
    shown = [entry for heir in heirs for entry in heir.shown]
    assert sorted(entry.id for entry in shown) == ["a", "b"]
    assert [await heirs[0].ledger.find(entry.id) for entry in shown] == shown
    assert {entry.state for entry in shown} == {"lost"}
    await beside.stop()
    await store.stop()


async def test_what_was_lost_is_not_shown_before_it_is_written(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    dead, heir = Account(store, id=gone()), Account(store)
    await dead.lease.renew()
    await reserve(dead, "a", capped(100), 0, 60)
    record = heir.purse._record

    def fails(connection: Connection, entries: Sequence[Entry]) -> None:
        record(connection, entries)
        raise StoreError("full")

    heir.purse._record = fails
    with pytest.raises(StoreError, match="full"):
        await heir.purse.put_in_order()
    assert heir.shown == [] and await heir.entries() == []
    heir.purse._record = record
    await heir.purse.put_in_order()
    assert [entry.id for entry in heir.shown] == ["a"]
    await store.stop()
