"""Which alarms are on? Begun and ended here, written down when that is possible, never lost before.

All servers of one ledger share its alarms, and their owner ends them from outside
(`rungwise alarms end`): the table is looked at again every few seconds. What a server sees in its
own stream is its own to end: another one ends such an alarm only once that server is gone.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from rungwise.drift.alarm_rows import Looked, look, newest, write_alarms
from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.types import Alarm, AlarmKind

__all__ = ["Alarms"]

logger = logging.getLogger(__name__)

REFRESH_S = 10.0
SHARED: frozenset[AlarmKind] = frozenset({"golden", "price", "shutdown"})
"""Not of one server's stream: any server may end them."""
MOST_CHARS = 1000
"""Of a reason: what an upstream calls itself may stand in it."""


class Alarms:
    """`begin` and `end` are at once, in the event loop's thread, and never raise: a store that is
    locked or gone is written to later. Until it could be read at start, only what began since is
    on."""

    def __init__(
        self,
        store: Store,
        server_id: str,
        unix: Callable[[], float],
        *,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._store, self._server, self._unix = store, server_id, unix
        self._refresh_s = refresh_s
        self.begun: Counter[AlarmKind] = Counter()
        """How many this server began since it started, by kind."""
        self._on: dict[str, Alarm] = {}
        self._owed: dict[str, Alarm] = {}
        """What is not written down yet, as it was last."""
        self._states: dict[str, str] = {}
        """By id: what has to be known to watch it."""
        self.known = False
        """Whether the table could be read since the start."""
        self._others: frozenset[str] = frozenset()
        """Ids of those that another server began, which still runs."""
        self._by_owner: list[Callable[[Alarm], None]] = []
        self._by_server: list[Callable[[Alarm], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._news, self._over, self._fault = asyncio.Event(), False, ""
        self._refreshing = asyncio.Lock()

    async def start(self) -> None:
        """Call it once the store is open. Never raises."""
        await self.refresh()
        if self._task is None:
            self._over = False
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Write what is owed; call it before the store is closed. Never raises."""
        task, self._task = self._task, None
        self._over = True
        self._news.set()
        if task is not None:
            await task
            await self.refresh()

    @property
    def on(self) -> Sequence[Alarm]:
        """Those that are on now, oldest first."""
        return sorted(self._on.values(), key=lambda alarm: (alarm.began_at, alarm.id))

    def listen(
        self,
        by_owner: Callable[[Alarm], None],
        by_server: Callable[[Alarm], None] = lambda alarm: None,
    ) -> None:
        """They hear of each alarm that was ended elsewhere: by its owner, by another server."""
        self._by_owner.append(by_owner)
        self._by_server.append(by_server)

    def of_another(self, alarm: Alarm) -> bool:
        """Whether another server began it, which still runs."""
        return alarm.id in self._others

    def state(self, alarm: Alarm) -> str | None:
        """What was told when it began, by whichever server began it."""
        return self._states.get(alarm.id)

    def find(self, kind: AlarmKind, about: str) -> Alarm | None:
        """The one that is on."""
        about = _text(about)
        return next((a for a in self.on if a.kind == kind and a.about == about), None)

    def begin(
        self,
        kind: AlarmKind,
        about: str,
        why: str,
        demotes: str | None = None,
        state: str | None = None,
    ) -> Alarm:
        """The alarm that is on from now; where it is on already, it stays as it is, but for a rung
        that it is to demote from now on, and why. `state`: what another server has to know to go on
        watching it, should this one be gone."""
        about = _text(about)
        known = self.find(kind, about)
        if known is not None and (demotes is None or known.demotes == demotes):
            return known
        if known is None:
            id, at = f"alarm_{secrets.token_hex(6)}", self._unix()
            alarm = Alarm(
                id=id, kind=kind, about=about, why=_text(why), began_at=at, demotes=demotes
            )
            self.begun[kind] += 1
        else:
            alarm = replace(known, why=_text(why), demotes=demotes)
        told = f"; drafts of {demotes} are not believed while it lasts" if demotes else ""
        logger.warning("%s: %s, %s: %s%s", alarm.id, kind, alarm.about, alarm.why, told)
        self._on[alarm.id] = alarm
        if state is not None:
            self._states[alarm.id] = state
        self._owe(alarm)
        return alarm

    def end(self, kind: AlarmKind, about: str) -> None:
        """Nothing where none is on, or where it is another server's."""
        about = _text(about)
        for alarm in self.on:
            mine = kind in SHARED or not self.of_another(alarm)
            if alarm.kind == kind and alarm.about == about and mine:
                self.end_one(alarm)

    def end_one(self, alarm: Alarm) -> None:
        if self._on.pop(alarm.id, None) is not None:
            self._owe(replace(alarm, ended_at=max(self._unix(), alarm.began_at)))
            _tell_end(alarm)

    def believe(self, alarm: Alarm) -> None:
        """It goes on, and demotes nothing any more."""
        if alarm.id in self._on and alarm.demotes is not None:
            self._on[alarm.id] = alarm = replace(alarm, demotes=None)
            logger.info("%s: %s, %s: demotes nothing any more", alarm.id, alarm.kind, alarm.about)
            self._owe(alarm)

    def demoted(self, tier: str) -> str | None:
        """Why this rung's calibration is not believed now; None where it is. Asked for every
        step: it is cheap."""
        for alarm in self._on.values():
            if alarm.demotes == tier:
                return f"{alarm.id}, {alarm.kind}: {alarm.why}"
        return None

    async def recent(self, limit: int = 100, *, before: float | None = None) -> list[Alarm]:
        """The last that began, newest first, those that are on and those that are over; before a
        Unix time, where one is given. Raises StoreError."""
        rows = await self._store.read(lambda connection: newest(connection, limit, before))
        found = {alarm.id: alarm for alarm in rows}
        found |= {a.id: a for a in self._owed.values() if before is None or a.began_at < before}
        return sorted(found.values(), key=lambda a: (-a.began_at, a.id))[:limit]

    async def refresh(self) -> None:
        """Write down what is owed, and see what others did. Never raises: what fails is tried
        again, and the log says so once."""
        async with self._refreshing:  # what was looked up before another write is not news after it
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            await self._write()
            ids = list(self._on)
            self._merge(await self._store.read(lambda c: look(c, self._server, ids)))
            self.known = True
        except StoreError as error:
            if str(error) != self._fault:
                logger.warning("alarms are written down, and looked up, later: %s", error)
            self._fault = str(error)
        else:
            self._fault = ""

    async def _write(self) -> None:
        owed = dict(self._owed)
        if not owed:
            return
        states = {id: self._states[id] for id in owed if id in self._states}
        await self._store.write(
            lambda c: write_alarms(c, list(owed.values()), self._server, states)
        )
        for id, alarm in owed.items():
            if self._owed.get(id) == alarm:  # else it has changed meanwhile
                del self._owed[id]

    def _merge(self, looked: Looked) -> None:
        there, self._others = {alarm.id: alarm for alarm in looked.on}, looked.others
        gone = [a for id, a in self._on.items() if id not in there and id not in self._owed]
        for id, alarm in there.items():
            if id not in self._owed:
                self._on[id] = alarm
        owed = {id: told for id, told in self._states.items() if id in self._owed}
        self._states = {**looked.states, **owed}
        for alarm in gone:
            del self._on[alarm.id]
            _tell_end(alarm)
            for listener in self._by_owner if alarm.id in looked.seen_to else self._by_server:
                listener(alarm)

    def _owe(self, alarm: Alarm) -> None:
        self._owed[alarm.id] = alarm
        self._news.set()

    async def _go_on(self) -> None:
        while not self._over:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), self._refresh_s)
            self._news.clear()
            await self.refresh()
            if self._fault and not self._over:  # not at every alarm: the store has a limit, too
                await asyncio.sleep(min(1.0, self._refresh_s))


def _tell_end(alarm: Alarm) -> None:
    logger.info("%s: %s, %s: is over", alarm.id, alarm.kind, alarm.about)


def _text(told: str) -> str:
    """As any database can hold it, and no log or terminal takes for more than text."""
    return "".join(c if c.isprintable() else "?" for c in told[:MOST_CHARS])
