"""Which servers are alive? Each says so every few seconds; one that is silent has died.

What a dead server had set aside, or begun, is then for another to put in order.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import Connection, delete, exists, insert, select, update

from rungwise.store.sql import Store
from rungwise.store.tables import reservation, server

__all__ = ["RENEW_S", "SILENT_S", "Lease", "server_id"]

RENEW_S = 3.0
SILENT_S = 15.0
OLD_S = 5.0
"""So old a sign of one's own is shown anew before anything is set aside: it was missed already."""


def server_id() -> str:
    """`place:pid:birth:token`. A place is a kernel's run and a space of process ids in it: only
    there does it mean something that the process of that id, and that birth, is gone."""
    return f"{_place()}:{os.getpid()}:{_birth(os.getpid())}:{secrets.token_hex(6)}"


class Lease:
    """This server's sign of life, and what it sees of others'.

    A server is dead when its sign has stood still for `SILENT_S` of this server's own time, so
    that clocks need not agree; or at once when it ran in this very place, and its process is gone.
    """

    def __init__(
        self,
        store: Store,
        id: str,
        *,
        unix: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
        silent_s: float = SILENT_S,
    ) -> None:
        self.id = id
        self._store, self._unix, self._now, self._silent_s = store, unix, now, silent_s
        self._seen: dict[str, tuple[float, float]] = {}
        """What sign was seen last of a server, and since when, by this server's own time."""
        self._shown: tuple[float, float] | None = None
        """When the last sign was given, on both clocks: one of them stops with a machine that is
        suspended, the other may be set back."""

    async def renew(self) -> tuple[str, ...]:
        """Show that this server lives; the ids of those that died. Raises StoreError."""
        at, began = self._unix(), self._now()
        signs = await self._store.write(lambda connection: self._sign(connection, at))
        self._shown, now = (at, began), self._now()
        seen = {id: self._seen.get(id, (sign, now)) for id, sign in signs.items()}
        self._seen = {
            id: was if was[0] == signs[id] else (signs[id], now) for id, was in seen.items()
        }
        return tuple(id for id, (_, since) in self._seen.items() if self._is_dead(id, now - since))

    def show(self, connection: Connection) -> None:
        """Show it within a transaction of somebody else's, where the last sign is old: others may
        have struck out this server meanwhile, and with it all that it sets aside."""
        at, now = self._unix(), self._now()
        if self._shown is None or max(at - self._shown[0], now - self._shown[1]) > OLD_S:
            self._show(connection, at)

    def silent(self, connection: Connection, dead: Sequence[str]) -> list[str]:
        """Those of the dead that have not come back since."""
        if not dead:
            return []
        signs = connection.execute(select(server).where(server.c.id.in_(dead)))
        seen = self._seen
        return [row.id for row in signs if row.id in seen and seen[row.id][0] == row.seen_at]

    async def end(self) -> None:
        """Leave in good order: what this server still has set aside keeps its name, and the next
        one puts it in order. Raises StoreError."""
        held = exists().where(reservation.c.server == self.id)
        leave = delete(server).where(server.c.id == self.id, ~held)
        await self._store.write(lambda connection: connection.execute(leave).close())

    def forget(self, connection: Connection, dead: Sequence[str]) -> None:
        """Strike out servers once what they left is in order."""
        connection.execute(delete(server).where(server.c.id.in_(dead)))

    def _sign(self, connection: Connection, at: float) -> dict[str, float]:
        self._show(connection, at)
        signs = connection.execute(select(server.c.id, server.c.seen_at))
        return {row.id: row.seen_at for row in signs}

    def _show(self, connection: Connection, at: float) -> None:
        mine = server.c.id == self.id
        if connection.execute(update(server).where(mine).values(seen_at=at)).rowcount == 0:
            connection.execute(insert(server).values(id=self.id, seen_at=at))

    def _is_dead(self, id: str, silent_for: float) -> bool:
        return id != self.id and (silent_for >= self._silent_s or _is_gone(id))


def _is_gone(id: str) -> bool:
    """Whether a server ran in this place, and its process is no more."""
    place, pid, birth, _ = [*id.split(":"), "", "", ""][:4]
    return place == _place() and pid.isdecimal() and _birth(int(pid)) != birth


def _birth(pid: int) -> str:
    """When a living process began, as its kernel counts; "" where there is none of that id."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = told.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]  # field 22 of proc(5)


def _place() -> str:
    """Two containers can share a host's name, and then have process ids of their own."""
    told = socket.gethostname()
    try:
        told += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        told += os.readlink("/proc/self/ns/pid")
    except OSError:
        told += secrets.token_hex(8)  # no Linux: no place is known again
    return hashlib.sha256(told.encode()).hexdigest()[:12]
