"""How does a command write in the ledger's database? Opened for one job, and closed again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from rungwise.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["on_store"]

T = TypeVar("T")


def on_store(config: Config, job: Callable[[Connection], T]) -> T:
    """What the job returns, once it is committed. The database is made where it is not there yet,
    and an older one brought up to date. Raises StoreError."""
    from rungwise.store.sql import Store

    async def once() -> T:
        store = Store(config.ledger.place)
        await store.start()
        try:
            return await store.write(job)
        finally:
            await store.stop()

    return asyncio.run(once())
