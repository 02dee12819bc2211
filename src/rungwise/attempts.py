"""What has happened so far to one step? The mutable side of Attempt and Entry, while it climbs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rungwise.contracts import Drafting, Judgement, Tier
from rungwise.errors import TierError
from rungwise.headstart import Headstart
from rungwise.types import (
    Attempt,
    AttemptRole,
    AttemptState,
    Caller,
    Chat,
    Entry,
    Piece,
    Plan,
    Released,
    Settled,
    TierFault,
    Verdict,
)

__all__ = ["Ascent", "Clock", "Story"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time is injected: `now` counts monotonic seconds, `unix` is the wall clock."""

    now: Callable[[], float]
    unix: Callable[[], float]


class Story:
    """One step on its way: which attempts were made, and whether one was released.

    On leaving it (`async with`) nothing that was begun ahead goes on.
    """

    def __init__(self, id: str, chat: Chat, caller: Caller, plan: Plan, clock: Clock) -> None:
        self.id, self.chat, self.caller, self.plan = id, chat, caller, plan
        self.attempts: list[Attempt] = []
        self.headstart: Headstart[Ascent] = Headstart()
        self.last_fault: TierError | None = None
        self.first_byte_s: float | None = None
        self.rungs_tried = 0
        self._gone = False
        self._clock, self._at, self._start = clock, clock.unix(), clock.now()

    async def __aenter__(self) -> Story:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._gone = isinstance(error, (asyncio.CancelledError, GeneratorExit))
        self.headstart.drop()
        await self.headstart.dropped()

    def elapsed(self) -> float:
        return self._clock.now() - self._start

    def begin(
        self,
        tier: Tier,
        chat: Chat,
        *,
        role: AttemptRole = "draft",
        judgement: Judgement | None = None,
        likeliest: int | None = None,
    ) -> Ascent:
        """Ask a tier for a draft. `likeliest` as in Gate; None reads nothing."""
        read = likeliest is not None
        drafting = tier.draft(chat, read=read, likeliest=likeliest or 0)
        return Ascent(self, tier, drafting, role, judgement)

    def tried(self, ascent: Ascent) -> Ascent:
        """Count a rung whose draft is now looked at."""
        self.rungs_tried += 1
        return ascent

    def entry(self) -> Entry:
        return Entry(
            id=self.id,
            at=self._at,
            caller=self.caller.name,
            route=self.chat.route,
            step_type=self.plan.step_type,
            plan_why=self.plan.why,
            attempts=tuple(sorted(self.attempts, key=lambda a: a.started_s)),
            state=self._state(),
            first_byte_s=self.first_byte_s,
            latency_s=self.elapsed(),
            stream=self.chat.stream,
        )

    def settled(self) -> Settled:
        entry = self.entry()
        return Settled(usage=entry.usage, cost_nano=entry.cost_nano, attempts=entry.attempts)

    def _state(self) -> Literal["answered", "broken_off", "exhausted", "cancelled"]:
        drafts = [a.state for a in self.attempts if a.role == "draft" and a.state != "outrun"]
        if self._gone or not drafts:
            return "cancelled"
        match drafts[-1]:
            case "released":
                return "answered"
            case "broken_off":
                return "broken_off"
            case "left" | "cancelled":
                return "cancelled"
            case _:
                return "exhausted"


class Ascent:
    """One rung's attempt while it is being made. Until told otherwise it counts as failed.

    On leaving it (`async with`) the draft is stopped, whatever state it is in, and the attempt is
    noted with what it used. A fault of a rung that nobody has seen anything of ends there: the
    next rung may answer.
    """

    def __init__(
        self,
        story: Story,
        tier: Tier,
        drafting: Drafting,
        role: AttemptRole,
        judgement: Judgement | None,
    ) -> None:
        self.tier, self.drafting, self.judgement = tier, drafting, judgement
        self.held: list[Piece] = []
        self._story, self._role, self._started = story, role, story.elapsed()
        self._first_piece: float | None = None
        self._state: AttemptState = "failed"
        self._reason = "an error of this server; see the log"
        self._fault: TierFault | None = None
        self._released = False

    async def __aenter__(self) -> Ascent:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        over = isinstance(error, TierError) and not self._released
        match error:
            case TierError():
                self._fail(error)
            case asyncio.CancelledError() | GeneratorExit():
                self._leave()
        await self.end()
        return over

    async def first(self) -> None:
        """Keep the first piece: a rung that cannot draft at all is known before its release."""
        async for piece in self.drafting:
            self.keep(piece)
            return
        raise TierError(self.tier.name, "broken", "the draft ended before it began")

    def keep(self, piece: Piece) -> Verdict | None:
        """Hold a piece, and hear what the judgement says of the draft so far."""
        if self._first_piece is None:
            self._first_piece = self._story.elapsed()
        self.held.append(piece)
        return self.watch(piece)

    def watch(self, piece: Piece) -> Verdict | None:
        return None if self.judgement is None else self.judgement.feed(piece)

    def release(self, reason: str) -> Released:
        self._released, self._reason = True, reason
        self._story.headstart.drop()
        self._story.first_byte_s = self._story.elapsed()
        return Released(
            id=self._story.id,
            tier=self.tier.name,
            model=self.drafting.spent().model,
            rungs_tried=self._story.rungs_tried,
            step_type=self._story.plan.step_type,
        )

    def complete(self) -> None:
        self._state = "released"

    def abandon(self, reason: str) -> None:
        self._state, self._reason = "abandoned", reason

    def outrun(self) -> None:
        self._state, self._reason = "outrun", "begun ahead, and not needed"

    def answered(self) -> None:
        self._state, self._reason = "asked", "evidence on a draft"

    async def end(self) -> None:
        """Stop the draft and note the attempt. Never raises: what a tier does wrong while it
        closes must not cost an answer that is there."""
        try:
            await self.drafting.aclose()
        except Exception:
            logger.exception("%s: %s failed to stop a draft", self._story.id, self.tier.name)
        finally:
            self._story.attempts.append(self._attempt())

    def _fail(self, fault: TierError) -> None:
        self._state = "broken_off" if self._released else "failed"
        self._fault, self._reason = fault.fault, fault.message
        if self._role == "draft":
            self._story.last_fault = fault

    def _leave(self) -> None:
        self._state = "left" if self._released else "cancelled"
        self._reason = "the caller went away"

    def _attempt(self) -> Attempt:
        spent, judgement = self.drafting.spent(), self.judgement
        return Attempt(
            tier=self.tier.name,
            model=spent.model,
            state=self._state,
            reason=self._reason,
            fault=self._fault,
            usage=spent.usage,
            cost_nano=self.tier.cost_nano(spent),
            started_s=self._started,
            first_piece_s=self._first_piece,
            ended_s=self._story.elapsed(),
            readings=tuple(judgement.readings) if judgement else (),
            confidence=judgement.confidence if judgement else None,
            engine_s=spent.engine_s,
            role=self._role,
            threshold=judgement.threshold if judgement else None,
        )
