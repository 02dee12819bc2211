"""Whose key is this, of those that the database holds? Told from a snapshot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from rungwise.access.rights import caller_of, limited
from rungwise.access.secret import digest_of
from rungwise.access.static import StaticKeyring
from rungwise.config import LimitsConfig
from rungwise.errors import NotAuthorised, StoreError
from rungwise.store.sql import Store
from rungwise.store.tables import api_key
from rungwise.types import Caller

__all__ = ["StoredKeyring"]

logger = logging.getLogger(__name__)


class StoredKeyring:
    """See contracts.Keyring. A key that was revoked is refused, and a new one known, at the latest
    after `refresh_s`; where the database does not answer, the last snapshot holds.

    Beside the stored keys those of the environment hold (`others`), which are named by place.
    Keys are found by their digest: see `secret.digest_of` for why that tells nothing.
    """

    def __init__(
        self,
        store: Store,
        *,
        refresh_s: float,
        limits: LimitsConfig,
        others: Sequence[str] = (),
    ) -> None:
        self._store, self._refresh_s, self._limits = store, refresh_s, limits
        self._others = StaticKeyring(others, limits)
        self._callers: Mapping[str, Caller] = {}
        self._fault: str | None = None
        self._refreshing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises StoreError where the keys cannot be read: nobody could come in."""
        self._callers = await self._store.read(self._read)
        self._refreshing = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.wait((self._refreshing,))
            self._refreshing = None

    def identify(self, secret: str | None) -> Caller:
        if secret is None:
            raise NotAuthorised("no API key was sent", code="missing_api_key")
        found = self._callers.get(digest_of(secret)) or self._others.find(secret)
        if found is None:
            raise NotAuthorised("unknown API key", code="invalid_api_key")
        return found

    async def _refresh(self) -> None:
        while True:
            # half the time, so that reading has the other half: `refresh_s` is a promise
            await asyncio.sleep(self._refresh_s / 2)
            try:
                self._callers = await self._store.read(self._read)
                self._fault = None
            except StoreError as error:
                if self._fault is None:  # once, until it is well again
                    logger.error("API keys cannot be read, the last known ones hold: %s", error)
                self._fault = str(error)

    def _read(self, connection: Connection) -> Mapping[str, Caller]:
        rows = connection.execute(select(api_key).where(api_key.c.revoked_at.is_(None)))
        found = {}
        for row in rows:
            try:
                found[row.digest] = limited(caller_of(row.name, row.rights), self._limits)
            except ValueError as error:
                logger.error("%s; it is refused", error)
        return found
