"""How far is an engine's start, how long has that taken, and how long did it take last time?"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rungwise.tiers.local.engine_log import EngineLog
from rungwise.tiers.local.lasted import Lasted
from rungwise.tiers.local.stages import Stage, begun_by

__all__ = ["Starting"]

logger = logging.getLogger(__name__)

LOOK_S = 0.25
"""So often the engine's log is looked at."""
TELL_S = 10.0
"""So often a stage that goes on is told of again."""


class Starting:
    """One start of one engine, as people see it.

    Stages are taken from the engine's log and never go back: of several copies, or processes, the
    one that has come furthest counts. Without a log it is only known that it starts.
    """

    def __init__(
        self,
        tier: str,
        folder: Path | None,
        *,
        compiles: bool = True,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """In `folder` the log and the seconds of the last good start are kept; None: nowhere."""
        self._tier, self._compiles, self._now = tier, compiles, now
        self._kept = None if folder is None else folder / f"{tier}.json"
        self._last = Lasted() if self._kept is None else Lasted.read(self._kept)
        self.log = None if folder is None else EngineLog.opened(folder, tier)
        self.stage = None if self.log is None else Stage.IMPORTING
        self._begun = self._stage_begun = self._told = now()
        self._seconds: dict[Stage, float] = {}

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Look and tell, until it is left."""
        self._tell()
        following = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            following.cancel()

    def look(self) -> None:
        """Read what the engine has logged meanwhile, and tell of it where it is time to."""
        for line in self.log.news() if self.log is not None else ():
            stage = begun_by(line, compiles=self._compiles)
            if stage is not None:
                self.reached(stage)
        if self._now() - self._told >= TELL_S:
            self._tell()

    def reached(self, stage: Stage) -> None:
        """No more than that goes on, where it has come that far already."""
        if self.stage is None or not stage.follows(self.stage):
            return
        self._end_stage()
        self.stage = stage
        self._tell()

    @property
    def warming_s(self) -> float:
        """For how long it has been all but up; 0 before."""
        return self._now() - self._stage_begun if self.stage is Stage.WARMING else 0.0

    def line(self) -> str:
        """What it does just now, for how long, and how long that took last time."""
        if self.stage is None:
            return f"{self._tier}: starting{_timed(self._now() - self._begun, self._last.total_s)}"
        seconds, last = self._now() - self._stage_begun, self._last.of(self.stage)
        return f"{self._tier}: starting: {self.stage}{_timed(seconds, last)}"

    def ready(self) -> None:
        """The engine is up: tell how long each stage took, and keep it for the next time."""
        self._end_stage()
        total = self._now() - self._begun
        parts = [f"{stage.short} {s:.0f}" for stage, s in self._seconds.items() if s >= 0.5]
        listed = f" ({', '.join(parts)})" if parts else ""
        last = "" if self._last.total_s is None else f", {self._last.total_s:.0f} s last time"
        logger.info("%s: ready after %.0f s%s%s", self._tier, total, listed, last)
        if self._kept is not None:
            Lasted(total_s=total, stages=self._seconds).write(self._kept)

    def _end_stage(self) -> None:
        if self.stage is not None:
            self._seconds[self.stage] = self._now() - self._stage_begun
        self._stage_begun = self._now()

    def _tell(self) -> None:
        self._told = self._now()
        logger.info("%s", self.line())

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()


def _timed(seconds: float, last: float | None) -> str:
    told = [f", {seconds:.0f} s so far"] if seconds >= 1 else []
    return "".join([*told, f" ({last:.0f} s last time)" if last is not None else ""])
