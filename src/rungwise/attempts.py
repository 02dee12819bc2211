"""What became of one rung's part in a step? The mutable side of an Attempt, while it is made."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from rungwise.contracts import Drafting, Judgement, Tier
from rungwise.errors import TierError
from rungwise.types import (
    Attempt,
    AttemptRole,
    AttemptState,
    Piece,
    Released,
    TierFault,
    Verdict,
)

if TYPE_CHECKING:
    from rungwise.story import Story

__all__ = ["Ascent"]

logger = logging.getLogger(__name__)


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
        if self._released:
            self._story.given.append(piece)
        return None if self.judgement is None else self.judgement.feed(piece)

    def release(self, reason: str) -> Released:
        self._released, self._reason = True, reason
        self._story.given = list(self.held)
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
            self._story.faults.append(fault)

    def _leave(self) -> None:
        self._state = "left" if self._released else "cancelled"
        self._reason = "the caller went away, or the server stopped"

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
            uncached_nano=None
            if self.tier.local
            else self.tier.cost_nano(replace(spent, usage=spent.usage.uncached)),
            started_s=self._started,
            first_piece_s=self._first_piece,
            ended_s=self._story.elapsed(),
            readings=tuple(judgement.readings) if judgement else (),
            confidence=judgement.confidence if judgement else None,
            engine_s=spent.engine_s,
            joules=spent.joules,
            billed_as=spent.billed_as,
            fingerprint=spent.fingerprint,
            role=self._role,
            threshold=judgement.threshold if judgement else None,
        )
