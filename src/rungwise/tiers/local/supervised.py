"""What if an engine dies, or does not start? A tier that starts it again, and one beside it."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from rungwise.config import RestartConfig
from rungwise.contracts import Tier
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.drafting import Drafting
from rungwise.tiers.local.backoff import Backoff
from rungwise.tiers.wrapping import Relay, Wrapping
from rungwise.types import Chat, Done, Piece, Usage

__all__ = ["Leaning", "Supervised"]

logger = logging.getLogger(__name__)

LOOK_S = 1.0
"""So often it is looked whether the engine lives, where no draft tells of its death."""
START_S = 20.0
"""How long a start is thought to take before there was one that succeeded."""

State: TypeAlias = Literal[
    "waiting",  # for its turn
    "starting",
    "up",
    "resting",  # until it is started again
    "down",  # for good
]
Fault: TypeAlias = TierError | ConfigError


class Engine(Tier, Protocol):
    """A rung that has an engine of its own."""

    async def close(self) -> None:
        """End its drafts and take no more, at once: before `stop`, which may have to wait."""


@dataclass(slots=True, kw_only=True)
class _Relay(Relay):
    """One that was not passed on has used nothing, and no engine's time either."""

    def done(self) -> Done:
        if self.asked is None:
            return Done(model=self.model, usage=Usage(), engine_s=0.0)
        return self.asked.spent()


class _OnEngine(Wrapping):
    """Drafts only while the engine is up; what else it is asked costs nothing."""

    engine: Supervised

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        relay = _Relay(model=self.model, chat=chat, read=read, likeliest=likeliest)
        return Drafting(self._write(relay), relay)

    async def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]:
        if not self.engine.up:
            raise await self.engine.away(self.name)
        try:
            async with relay.ask(self.inner) as pieces:
                async for piece in pieces:
                    yield piece
        except TierError as fault:
            if fault.fault == "unavailable":
                self.engine.look()
                if fault.retry_after_s is None:
                    fault.retry_after_s = self.engine.soon_s()
            raise


class Supervised(_OnEngine):
    """A rung whose engine is started again when it died or did not start (see Backoff).

    `start` ends with the first try; where that failed with a TierError, others follow by
    themselves. What no other start mends, a ConfigError, is not tried again. `turn` is one for all
    the engines of the box: such as measure a GPU at the same time mis-size each other.
    """

    def __init__(
        self,
        inner: Engine,
        restart: RestartConfig,
        *,
        turn: asyncio.Lock,
        look_s: float = LOOK_S,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(inner)
        self.engine, self._restart, self._turn = self, restart, turn
        self._close = inner.close
        self._look_s, self._now, self._sleep = look_s, now, sleep
        self._state: State = "waiting"
        self._why = ""
        """What is told of an engine that rests, or is down."""
        self._at = now()
        """Since when it starts, or is up; of one that rests, until when."""
        self._start_s = START_S
        self._lost_at: float | None = None
        """Since when it has not been there, though it was to be."""
        self._doubted = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._tried: asyncio.Future[Fault | None] | None = None
        self.restarts = 0
        """How often it was started again."""

    # ---- what others see ----

    @property
    def up(self) -> bool:
        return self._state == "up"

    def look(self) -> None:
        """Somebody has reason to think that it is dead."""
        self._doubted.set()

    async def health(self) -> str | None:
        match self._state:
            case "waiting":
                return f"{self.name}: starting: waits for its turn"
            case "starting":
                return await self.inner.health() or f"{self.name}: starting"
            case "resting":
                left = math.ceil(self._at - self._now())
                when = f"in {left} s" if left > 0 else "once the last one has ended"
                return f"{self.name}: down: {self._why} {when}"
            case "down":
                return f"{self.name}: down: {self._why}"
            case "up":
                said = await self.inner.health()
                if said is not None:
                    self.look()
                return said

    async def away(self, tier: str) -> TierError:
        """Why a draft of this rung cannot be had just now, and when one might be."""
        said = _words(await self.health() or "has just come up", self.name)
        return TierError(tier, "unavailable", said, retry_after_s=self.soon_s())

    def soon_s(self) -> float | None:
        """Seconds until it may be up, where it is not; None: it will not be."""
        match self._state:
            case "down":
                return None
            case "starting":
                return max(1.0, self._at + self._start_s - self._now())
            case "resting":
                return max(0.0, self._at - self._now()) + self._start_s
            case _:
                return self._start_s

    # ---- life ----

    async def start(self) -> None:
        if self._life is None:
            self._tried, self._lost_at = asyncio.get_running_loop().create_future(), None
            self._life = asyncio.create_task(self._live())
        assert self._tried is not None, "made with its life"
        if (fault := await asyncio.shield(self._tried)) is not None:
            raise fault

    async def stop(self) -> None:
        life, self._life = self._life, None
        if life is not None:
            life.cancel()
            await asyncio.wait((life,))
        self._state = "waiting"
        await self.inner.stop()

    async def _live(self) -> None:
        try:
            await self._go_on()
        finally:
            self._tell(TierError(self.name, "unavailable", "it was stopped while it started"))

    async def _go_on(self) -> None:
        """Until it is stopped, or down for good."""
        backoff = Backoff(self._restart)
        while True:
            fault = await self._rise()
            if isinstance(fault, ConfigError):
                self._state, self._why = "down", _words(str(fault), f"tier {self.name!r}")
                await self._say(fault)
                return
            if fault is None:
                self._tell(None)
                cause = await self._death()
                ran_s = self._now() - self._at
                backoff.died(ran_s)
                why = f"{cause}, {ran_s:.0f} s after it was up"
            else:
                backoff.start_failed()
                why = fault.message
            if self._lost_at is None:
                self._lost_at = self._now()
            if (wait_s := backoff.wait_s()) is None:
                self._state, self._why = "down", backoff.over(why)
                await self._say()
                await self._clear()
                return
            await self._rest(f"{why}; {backoff.next_start}", wait_s)

    async def _rise(self) -> Fault | None:
        """One start, in its turn; what went wrong with it."""
        self._state = "waiting"
        async with self._turn:
            self._state, self._at = "starting", self._now()
            try:
                await self.inner.start()
            except (TierError, ConfigError) as fault:
                return fault
            except Exception as error:
                logger.exception("%s: an error of this server while it started", self.name)
                return TierError(self.name, "unavailable", f"{type(error).__name__}: {error}")
        up_at = self._now()
        self._state, self._start_s, self._at = "up", max(1.0, up_at - self._at), up_at
        if self._lost_at is not None:
            logger.info("%s: back after %.0f s", self.name, up_at - self._lost_at)
            self._lost_at = None
        return None

    async def _death(self) -> str:
        """Wait for it; what its health says then."""
        self._doubted.clear()
        while (said := await self.inner.health()) is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await self._doubted.wait()
            self._doubted.clear()
        return _words(said, self.name)

    async def _rest(self, why: str, wait_s: float) -> None:
        self._state, self._why, self._at = "resting", why, self._now() + wait_s
        await self._say()
        began = self._now()
        await self._clear()
        await self._sleep(max(0.0, wait_s - (self._now() - began)))
        self.restarts += 1

    async def _clear(self) -> None:
        """Stop what is left. Its drafts end at once, the rest in its turn too: memory that is given
        back while another engine measures the GPU fails that one's start."""
        await self._done(self._close)
        async with self._turn:
            await self._done(self.inner.stop)

    async def _done(self, ending: Callable[[], Awaitable[None]]) -> None:
        try:
            await ending()
        except Exception:
            logger.exception("%s: an error of this server while it stopped", self.name)

    async def _say(self, fault: Fault | None = None) -> None:
        """Why it is not up: by `start`, while somebody waits for it, else in the log."""
        line = await self.health()
        words = _words(line or "", f"{self.name}: down")
        if not self._tell(fault or TierError(self.name, "unavailable", words)):
            logger.error("%s", line)

    def _tell(self, fault: Fault | None) -> bool:
        """Let `start` end; whether it had not."""
        if self._tried is None or self._tried.done():
            return False
        self._tried.set_result(fault)
        return True


class Leaning(_OnEngine):
    """A rung that drafts with the engine of another, as an adapter does: up when that one is, and
    started, stopped and started again with it."""

    def __init__(self, inner: Tier, engine: Supervised) -> None:
        super().__init__(inner)
        self.engine = engine

    async def start(self) -> None:
        await self.engine.start()

    async def stop(self) -> None: ...

    async def health(self) -> str | None:
        said = await self.engine.health()
        if said is None:
            return await self.inner.health()
        return f"{self.name}: {_words(said, self.engine.name)}"


def _words(line: str, head: str) -> str:
    return line.removeprefix(f"{head}: ")
