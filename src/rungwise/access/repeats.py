"""What was asked under an Idempotency-Key before? Kept for a day in the database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from rungwise.errors import RepeatDiffers, RepeatOpen, RepeatSpent, StoreError
from rungwise.store.answers import pieces_from_json, pieces_to_json
from rungwise.store.database import Fault
from rungwise.store.sql import Store
from rungwise.store.tables import attempt, repeat, reservation, server
from rungwise.types import Chat, Remembered

__all__ = ["StoredRepeats"]

logger = logging.getLogger(__name__)

KEPT_S = 24 * 3600.0
MOST_CHARS = 2**22
"""Of a kept answer: one that is longer is given once."""
MANY = 256
"""Ends of answers that could not be written, to be written later."""
PARAM = "idempotency-key"


class StoredRepeats:
    """See contracts.Repeats; a chat without `wish.once` does not come here. `begin` raises
    StoreError, too: what cannot be claimed is not answered.

    Whether an answer that did not come about was billed is read in the ledger: it was not where
    every attempt of it cost nothing, and nothing is set aside for it any more. So a claim of a
    server that died is spent or free, too. What cannot be written at an answer's end is written as
    soon as the database takes it.
    """

    def __init__(
        self,
        store: Store,
        *,
        server: str,
        local: frozenset[str],
        fingerprint: Callable[[Chat], str],
        unix: Callable[[], float] = time.time,
        every_s: float = 3.0,
    ) -> None:
        """`server` is the id of this server's lease, `local` are the rungs of this machine; equal
        fingerprints are the same request."""
        self._store, self._server, self._local = store, server, local
        self._fingerprint, self._unix, self._every_s = fingerprint, unix, every_s
        self._owed: list[_End] = []
        self._trying: asyncio.Task[None] | None = None

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Write what is still owed, where that can be. Never raises."""
        trying, self._trying = self._trying, None
        if trying is not None:
            trying.cancel()
            await asyncio.wait((trying,))
            await self._write_owed()

    async def begin(self, chat: Chat, id: str) -> Remembered | None:
        told, at = self._fingerprint(chat), self._unix()
        claim = {
            "caller": chat.tenant,
            "key": chat.wish.once,
            "fingerprint": told,
            "entry_id": id,
            "server": self._server,
            "at": at,
            "state": "open",
        }
        before = await self._store.write(lambda connection: self._claim(connection, claim))
        return None if before is None else _answer(before, told)

    async def end(self, chat: Chat, answer: Remembered | None, *, billed: bool) -> None:
        """`billed` says whether it can have been."""
        text = None if answer is None else pieces_to_json(answer)
        if text is not None and len(text) > MOST_CHARS:
            logger.warning("an answer is too long to be kept for its Idempotency-Key")
            text = None
        end = _End(caller=chat.tenant, key=chat.wish.once or "", text=text, billed=billed)
        try:
            await self._store.write(partial(self._close, end=end, late=False))
        except StoreError as error:
            logger.error("an answer is kept for its Idempotency-Key later: %s", error)
            self._owe(end)

    def _close(self, connection: Connection, end: _End, late: bool) -> None:
        """Late it is not asked whether it was billed: its entry may not have been written either,
        and what was billed is not billed again."""
        key = _is(end.caller, end.key) & (repeat.c.server == self._server)
        open = key & (repeat.c.state == "open")
        claim = connection.execute(select(repeat.c.entry_id).where(open)).first()
        if claim is None:
            return
        if end.text is not None:
            connection.execute(update(repeat).where(key).values(state="answered", answer=end.text))
        elif end.billed and (late or self._was_billed(connection, claim.entry_id)):
            connection.execute(update(repeat).where(key).values(state="spent"))
        else:
            connection.execute(delete(repeat).where(key))

    def _owe(self, end: _End) -> None:
        if len(self._owed) < MANY:
            self._owed.append(end)
        if self._trying is None:
            self._trying = asyncio.create_task(self._try_again())

    async def _try_again(self) -> None:
        while self._owed:
            await asyncio.sleep(self._every_s)
            await self._write_owed()
        self._trying = None

    async def _write_owed(self) -> None:
        """In their order, until the database fails; what is wrong with one alone loses that one."""
        while self._owed:
            try:
                await self._store.write(partial(self._close, end=self._owed[0], late=True))
            except Fault:
                return
            except StoreError as error:
                logger.error("an answer cannot be kept for its Idempotency-Key: %s", error)
            self._owed.pop(0)

    def _claim(self, connection: Connection, claim: dict[str, Any]) -> Row[Any] | None:
        """None where the key is now this answer's; else what stands under it, and whether the
        server that wrote it is alive."""
        connection.execute(delete(repeat).where(repeat.c.at < claim["at"] - KEPT_S))
        key = _is(claim["caller"], claim["key"])
        alive = select(server.c.id).where(server.c.id == repeat.c.server).exists()
        before = connection.execute(select(repeat, alive.label("alive")).where(key)).first()
        if before is not None and before.state == "open" and not before.alive:
            if self._was_billed(connection, before.entry_id):
                return before
            connection.execute(delete(repeat).where(key))
            before = None
        if before is None:
            connection.execute(insert(repeat).values(claim))
        return before

    def _was_billed(self, connection: Connection, id: str) -> bool:
        bills = attempt.c.tier.not_in(self._local) | (attempt.c.state == "lost")
        cost = attempt.c.cost_nano.is_(None) | (attempt.c.cost_nano != 0)
        paid = select(attempt.c.entry_id).where(attempt.c.entry_id == id, bills, cost)
        held = select(reservation.c.id).where(reservation.c.id == id)
        return connection.execute(paid.union_all(held)).first() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """How an answer ended: with its text, or without."""

    caller: str
    key: str
    text: str | None
    billed: bool


def _is(caller: str, key: str) -> ColumnElement[bool]:
    return (repeat.c.caller == caller) & (repeat.c.key == key)


def _answer(before: Row[Any], fingerprint: str) -> Remembered:
    if before.fingerprint != fingerprint:
        raise RepeatDiffers(
            "another request was made under this Idempotency-Key; take a new one for each request",
            param=PARAM,
            code="idempotency_key_reused",
        )
    if before.state == "answered":
        try:
            return pieces_from_json(before.answer)
        except ValueError as error:
            logger.error("%s: what was kept of it: %s", before.entry_id, error)
    elif before.state == "open" and before.alive:
        raise RepeatOpen(
            f"the first request under this Idempotency-Key ({before.entry_id}) is still being "
            "answered; ask again in a moment",
            param=PARAM,
            code="idempotency_key_in_use",
        )
    raise RepeatSpent(
        f"the first request under this Idempotency-Key ({before.entry_id}) may have been billed, "
        "and its answer is not there; take a new key to ask, and pay, again",
        param=PARAM,
        code="idempotency_key_spent",
    )
