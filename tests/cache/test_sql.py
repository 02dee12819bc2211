"""Answers in a database: SQLite, and a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import Connection, func, select

from rungwise.cache.sql import EACH, SWEEP_S, SqlShelf
from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.store.tables import remembered
from tests.cache.test_memory import Hand

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def started(url: str) -> AsyncIterator[Store]:
    store = Store(url)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def count(connection: Connection) -> tuple[int, int]:
    rows, size = remembered.c.fingerprint, remembered.c.bytes
    told = connection.execute(select(func.count(rows), func.coalesce(func.sum(size), 0))).one()
    return int(told[0]), int(told[1])


async def test_what_was_put_is_got_by_another_server(store_url: str) -> None:
    async with started(store_url) as one, started(store_url) as two:
        a, b = (SqlShelf(store, ttl_s=60, most_bytes=10**6) for store in (one, two))
        assert await a.get("k") is None
        await a.put("k", "me", "first")
        assert await b.get("k") == "first"
        await b.put("k", "me", "second")
        assert await a.get("k") == "second" and await one.read(count) == (1, EACH + 6)


async def test_two_servers_may_keep_the_same_at_once(store_url: str) -> None:
    async with started(store_url) as one, started(store_url) as two:
        a, b = (SqlShelf(store, ttl_s=60, most_bytes=10**6) for store in (one, two))
        await asyncio.gather(*(s.put("k", "me", f"{i}") for i in range(20) for s in (a, b)))
        assert await a.get("k") == await b.get("k") is not None


async def test_an_old_one_is_forgotten_and_then_swept_away(store_url: str) -> None:
    async with started(store_url) as store:
        unix = Hand()
        shelf = SqlShelf(store, ttl_s=10, most_bytes=10**6, unix=unix)
        await shelf.put("old", "me", "text")
        unix.at = 9.0
        assert await shelf.get("old") == "text"
        unix.at = 10.0
        assert await shelf.get("old") is None
        assert await store.read(count) == (1, EACH + 4)
        unix.at = SWEEP_S + 1
        await shelf.put("new", "me", "text")
        assert await store.read(count) == (1, EACH + 4)
        assert await shelf.get("new") == "text"


async def test_the_oldest_go_where_there_are_too_many(store_url: str) -> None:
    async with started(store_url) as store:
        unix, each = Hand(), EACH + 100
        shelf = SqlShelf(store, ttl_s=10**6, most_bytes=10 * each, unix=unix)
        for i in range(40):
            unix.at += 1
            await shelf.put(f"k{i}", "me", "x" * 100)
            rows, size = await store.read(count)
            assert size <= 10 * each
        assert rows == 10
        assert [await shelf.get(f"k{i}") is not None for i in (29, 30, 39)] == [False, True, True]


async def test_a_database_that_is_gone_is_a_store_error(store_url: str) -> None:
    async with started(store_url) as store:
        shelf = SqlShelf(store, ttl_s=60, most_bytes=10**6)
        await store.write(lambda connection: remembered.drop(connection))
        with pytest.raises(StoreError):
            await shelf.get("k")
        with pytest.raises(StoreError):
            await shelf.put("k", "me", "text")
