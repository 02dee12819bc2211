"""What if several servers share a Redis for their answers? It forgets by itself, in time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rungwise.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from redis.asyncio import Redis

__all__ = ["RedisShelf", "check_installed"]

PREFIX = "rungwise:answer:"
PATIENCE_S = 0.25
"""For a connection, and for each answer: one that is slower than this saves no time."""


def check_installed() -> None:
    """Raises ConfigError."""
    if find_spec("redis") is None:
        raise ConfigError(
            "answer_cache.store: redis needs a package that is not installed; "
            "pip install 'rungwise[redis]', or set another store"
        )


class RedisShelf:
    """See keeping.Shelf. How much it holds is its own `maxmemory`."""

    def __init__(self, url: str, *, ttl_s: float) -> None:
        self._url, self._ttl_ms = url, max(1, round(ttl_s * 1000))
        self._client: Redis | None = None

    async def start(self) -> None:
        """Connects to nothing yet: one that is down now may be there later. Raises ConfigError."""
        check_installed()
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        try:
            self._client = Redis.from_url(
                self._url,
                socket_timeout=PATIENCE_S,
                socket_connect_timeout=PATIENCE_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            raise ConfigError(
                "answer_cache.redis_url_env: the variable holds no address of a Redis; it looks "
                "like redis://user:password@host:6379/0"
            ) from None

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def get(self, key: str) -> str | None:
        async with self._asked() as client:
            found = await client.get(PREFIX + key)
        return found.decode("ascii", "replace") if isinstance(found, bytes) else found

    async def put(self, key: str, tenant: str, text: str) -> None:
        async with self._asked() as client:
            await client.set(PREFIX + key, text, px=self._ttl_ms)

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[Redis]:
        from redis.exceptions import RedisError

        if self._client is None:
            raise StoreError("Redis: not started")
        try:
            yield self._client
        except (RedisError, OSError) as error:
            # its message may hold the address, and so a password
            raise StoreError(f"Redis: {type(error).__name__}") from None
