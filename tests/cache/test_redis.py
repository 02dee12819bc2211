"""Answers in a real Redis, and in one that is down."""

import asyncio
import socket
import sys
import time

import pytest

from rungwise.cache.redis import PATIENCE_S, RedisShelf
from rungwise.errors import ConfigError, StoreError

pytestmark = pytest.mark.anyio


async def test_what_was_put_is_got_by_another_server(redis_url: str) -> None:
    one, other = RedisShelf(redis_url, ttl_s=60), RedisShelf(redis_url, ttl_s=60)
    for kept in (one, other):
        await kept.start()
    assert await one.get("k") is None
    await one.put("k", "me", "first")
    await one.put("k", "me", "second")
    assert await other.get("k") == "second"
    for kept in (one, other):
        await kept.stop()


async def test_it_forgets_in_time(redis_url: str) -> None:
    kept = RedisShelf(redis_url, ttl_s=0.05)
    await kept.start()
    await kept.put("k", "me", "text")
    async with asyncio.timeout(5):
        while await kept.get("k") is not None:
            await asyncio.sleep(0.02)
    await kept.stop()


async def test_one_that_is_down_is_a_store_error_that_names_no_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    kept = RedisShelf(f"redis://me:secret@127.0.0.1:{port}/0", ttl_s=60)
    await kept.start()
    with pytest.raises(StoreError, match="Redis: ConnectionError"):
        await kept.get("k")
    with pytest.raises(StoreError):
        await kept.put("k", "me", "text")
    await kept.stop()


async def test_one_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept = RedisShelf(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", ttl_s=60)
        await kept.start()
        start = time.monotonic()
        with pytest.raises(StoreError, match="Redis: TimeoutError"):
            await kept.get("k")
        assert time.monotonic() - start < 20 * PATIENCE_S
        await kept.stop()


async def test_it_is_there_again_when_redis_is(redis_url: str) -> None:
    kept = RedisShelf(redis_url, ttl_s=60)
    with pytest.raises(StoreError, match="not started"):
        await kept.get("k")
    await kept.start()
    await kept.put("k", "me", "text")
    assert await kept.get("k") == "text"
    await kept.stop()


async def test_without_its_package_it_is_told_before_serving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigError, match=r"answer_cache.store: .*rungwise\[redis\]"):
        await RedisShelf("redis://127.0.0.1", ttl_s=60).start()


async def test_an_address_of_something_else_is_told_before_serving() -> None:
    with pytest.raises(ConfigError, match="redis://") as told:
        await RedisShelf("https://me:secret@example.com", ttl_s=60).start()
    assert "secret" not in str(told.value)
