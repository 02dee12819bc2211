"""What did the box cost while nobody asked? Each local rung's standing, into the ledger."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from rungwise.days import DAY_S, day_of
from rungwise.errors import StoreError
from rungwise.tiers.local.standing import Standing

__all__ = ["IdleBook", "IdleNotes", "Stands"]

logger = logging.getLogger(__name__)


class Stands(Protocol):
    """A local rung, as far as it is asked here."""

    @property
    def name(self) -> str: ...

    def standing(self) -> Standing:
        """Since its first start; every number only grows."""
        ...


class IdleBook(Protocol):
    """Where it is written down."""

    async def note_idle(
        self,
        day: int,
        tier: str,
        *,
        up_s: float,
        busy_s: float,
        idle_joules: float,
        idle_nano: int | None,
    ) -> None:
        """Add to what is noted of this tier and day. Raises StoreError."""
        ...


@dataclass(slots=True)
class _Owed:
    """What has not been written down yet of one day and tier."""

    up_s: float = 0.0
    busy_s: float = 0.0
    idle_joules: float = 0.0
    idle_nano: int | None = 0

    def add(self, grown: Standing, begin: float, end: float) -> None:
        """The part of it from `begin` to `end`, of 1; parts that follow each other sum exactly."""
        self.up_s += grown.up_s * (end - begin)
        self.busy_s += grown.busy_s * (end - begin)
        self.idle_joules += grown.idle_joules * (end - begin)
        if self.idle_nano is None or grown.idle_nano is None:
            self.idle_nano = None
        else:
            self.idle_nano += round(grown.idle_nano * end) - round(grown.idle_nano * begin)


class IdleNotes:
    """Notes how the rungs' standing grows, every minute and at the end. What cannot be written
    is owed until it can; what grew over midnight UTC falls to both days by their time."""

    def __init__(
        self,
        tiers: Sequence[Stands],
        ledger: IdleBook,
        unix: Callable[[], float],
        *,
        every_s: float = 60.0,
    ) -> None:
        self._tiers, self._ledger, self._unix, self._every_s = tiers, ledger, unix, every_s
        self._noted: dict[str, tuple[float, Standing]] = {}
        self._owed: dict[tuple[int, str], _Owed] = {}
        self._task: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def start(self) -> None:
        """From now on; call it before the rungs start, so that nothing of them is missed."""
        for tier in self._tiers:
            self._noted.setdefault(tier.name, (self._unix(), tier.standing()))
        if self._task is None and self._tiers:
            self._over.clear()
            self._task = asyncio.create_task(self._go_on())

    async def stop(self) -> None:
        """Note the rest. Never raises; call it after the rungs stopped, and before the ledger."""
        task, self._task = self._task, None
        self._over.set()
        if task is not None:
            await task

    async def note(self) -> None:
        """Write down what has grown since the last time. Never raises."""
        for tier in self._tiers:
            self._grow(tier)
        try:
            for (day, name), owed in list(self._owed.items()):
                await self._ledger.note_idle(
                    day,
                    name,
                    up_s=owed.up_s,
                    busy_s=owed.busy_s,
                    idle_joules=owed.idle_joules,
                    idle_nano=owed.idle_nano,
                )
                del self._owed[day, name]
        except StoreError as error:
            logger.warning("idle time is noted later: %s", error)

    async def _go_on(self) -> None:
        over = False
        while not over:
            with suppress(TimeoutError):
                over = await asyncio.wait_for(self._over.wait(), self._every_s)
            await self.note()

    def _grow(self, tier: Stands) -> None:
        (then, before), now, found = self._noted[tier.name], self._unix(), tier.standing()
        self._noted[tier.name] = now, found
        if found == before:
            return
        grown = Standing(
            up_s=found.up_s - before.up_s,
            busy_s=found.busy_s - before.busy_s,
            idle_joules=found.idle_joules - before.idle_joules,
            idle_nano=None
            if found.idle_nano is None or before.idle_nano is None
            else found.idle_nano - before.idle_nano,
        )
        for day, begin, end in _days(then, now):
            self._owed.setdefault((day, tier.name), _Owed()).add(grown, begin, end)


def _days(then: float, now: float) -> list[tuple[int, float, float]]:
    """The days in UTC from `then` to `now`, and where in that time, of 1, each begins and ends;
    one where the clock was turned back."""
    first, last = day_of(then), day_of(now)
    if last <= first:
        return [(last, 0.0, 1.0)]
    midnights = [(day * DAY_S - then) / (now - then) for day in range(first + 1, last + 1)]
    return list(zip(range(first, last + 1), [0.0, *midnights], [*midnights, 1.0], strict=True))
