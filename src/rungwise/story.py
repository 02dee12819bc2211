"""What has happened so far to one step? The mutable side of an Entry, while it climbs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, replace

from rungwise.attempts import Ascent
from rungwise.contracts import Judgement, Purse, Router, Tier
from rungwise.deadline import InTime
from rungwise.errors import LadderExhausted, OverBudget, RungwiseError, StoreError, TierError
from rungwise.headstart import Headstart
from rungwise.types import (
    Attempt,
    AttemptRole,
    AttemptState,
    Bid,
    Caller,
    Chat,
    Entry,
    EntryState,
    Grant,
    Piece,
    Plan,
    Released,
    Remembered,
    Usage,
)

__all__ = ["Clock", "Story"]

UNASKED: tuple[AttemptState, ...] = ("outrun", "spilled")
"""What became of rungs whose draft nobody looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time is injected: `now` counts monotonic seconds, `unix` is the wall clock."""

    now: Callable[[], float]
    unix: Callable[[], float]


class Story:
    """One step on its way: which attempts were made, and whether one was released.

    `rungs` are those of the plan that may be paid for. On leaving it (`async with`) nothing that
    was begun ahead goes on.
    """

    def __init__(self, id: str, chat: Chat, caller: Caller, plan: Plan, clock: Clock) -> None:
        self.id, self.chat, self.caller, self.plan = id, chat, caller, plan
        self.attempts: list[Attempt] = []
        self.headstart: Headstart[Ascent] = Headstart()
        self.faults: list[TierError] = []
        self.first_byte_s: float | None = None
        self.rungs_tried = 0
        self.rungs: tuple[str, ...] = ()
        self._asked = 0
        self.given: list[Piece] = []
        """What the caller saw."""
        self._grant: Grant | None = None
        self._reserving = self._gone = False
        self._clock, self._at, self._start = clock, clock.unix(), clock.now()

    async def __aenter__(self) -> Story:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._gone = isinstance(error, (asyncio.CancelledError, GeneratorExit))
        self.headstart.drop()
        await self.headstart.dropped()

    def elapsed(self) -> float:
        return self._clock.now() - self._start

    async def reserve(self, purse: Purse, bids: Callable[[Plan, Chat], Sequence[Bid]]) -> None:
        """Set the worst case aside; where evidence raised the start and there is no money for
        that, of the usual rungs. Raises OverBudget or StoreError when not one rung remains."""
        self._reserving = True
        grant = await self._granted(purse, bids)
        if not grant.rungs and not grant.lost and self.plan.otherwise:
            self.plan = _as_usual(self.plan, grant.short)
            grant = await self._granted(purse, bids)
        self.rungs = self.plan.rungs[: grant.rungs]
        if not self.rungs:
            self._reserving = False
            raise self.exhausted()

    async def _granted(self, purse: Purse, bids: Callable[[Plan, Chat], Sequence[Bid]]) -> Grant:
        told, most = bids(self.plan, self.chat), self.chat.wish.most_nano
        self._grant = await purse.reserve(self.id, self.caller, told, most_nano=most)
        return self._grant

    def next(self, router: Router) -> str | None:
        """The rung to ask now; None when all have been. After a refused draft the router may pass
        rungs over; what was begun ahead is taken as it is."""
        left = len(self.rungs) - self._asked
        refused = self._refused()
        if left > 1 and refused and not self.headstart.begun:
            self._redirect(router, refused)
        if self._asked == len(self.rungs):
            return None
        self._asked += 1
        return self.rungs[self._asked - 1]

    def _refused(self) -> list[Attempt]:
        """The drafts that were refused, where the last rung's was."""
        drafts = [attempt for attempt in self.attempts if attempt.doubted]
        last = self.rungs[self._asked - 1] if self._asked else None
        return drafts if drafts and drafts[-1].tier == last else []

    def _redirect(self, router: Router, refused: Sequence[Attempt]) -> None:
        asked, left = self.rungs[: self._asked], self.rungs[self._asked :]
        beyond = self.plan.rungs[len(self.rungs) :]
        onward = router.onward(self.plan, self.chat, refused)
        # whatever a router says: of those that are paid for, at least one, and where the plan ends
        # with them, no other becomes its last: that one is not judged
        on = tuple(rung for rung in left if rung in onward.rungs) or left
        kept = on if beyond or on[-1] == left[-1] else (*on, left[-1])
        self.rungs = (*asked, *kept)
        bars = self.plan.bars if onward.bars is None else onward.bars
        why = f"{self.plan.why}; {onward.why}" if onward.why else self.plan.why
        self.plan = replace(self.plan, rungs=(*self.rungs, *beyond), bars=bars, why=why)

    def exhausted(self) -> RungwiseError:
        """Why no rung has answered: what they did, or that there was no money for more."""
        short = len(self.rungs) < len(self.plan.rungs)
        if self._grant is not None and short and not self._fell:
            if self._grant.lost:
                return StoreError(self._grant.short)
            return OverBudget(self._grant.short, code="budget_exceeded")
        assert self.faults, "the last rung is not judged: only a fault ends here"
        return LadderExhausted(self.entry().attempts, *self.faults)

    @property
    def _fell(self) -> bool:
        """Whether the last rung that was asked failed: then money is not what was missing."""
        drafts = [a for a in self.attempts if a.role == "draft" and a.state not in UNASKED]
        return bool(drafts) and drafts[-1].state == "failed"

    @property
    def touched(self) -> bool:
        """Whether anything was begun or set aside: then it is written down."""
        return self._reserving or bool(self.attempts)

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
        if (deadline_s := self.chat.wish.deadline_s) is not None:
            until = asyncio.get_running_loop().time() + deadline_s - self.elapsed()
            late = "the request's deadline has passed"
            drafting = InTime(drafting, tier.name, until=until, late=late)
        return Ascent(self, tier, drafting, role, judgement)

    def spills(self, tier: Tier) -> bool:
        """Whether a rung has too much to do, and another one above it can take the step. One that
        was begun ahead is at it already."""
        last = tier.name == self.rungs[-1]
        busy = None if last or self.headstart.begun else tier.saturation()
        if busy is not None:
            self.attempts.append(self._unasked(tier.name, tier.model, "spilled", busy))
        return busy is not None

    async def recount(self, known: Remembered) -> AsyncGenerator[Released | Piece, None]:
        """Give a remembered answer again."""
        self.first_byte_s = self.elapsed()
        reason = f"the answer of {known.id}"
        self.attempts.append(self._unasked(known.tier, known.model, "recalled", reason))
        yield Released(
            id=self.id,
            tier=known.tier,
            model=known.model,
            rungs_tried=0,
            step_type=self.plan.step_type,
            recalled=True,
        )
        for piece in known.pieces:
            yield piece

    def memorable(self, entry: Entry) -> Remembered | None:
        """The answer, where it is whole and nobody declined: fit to be given again."""
        seen = entry.seen
        cut = any(piece.finish in ("length", "content_filter") for piece in self.given)
        if seen is None or seen.state != "released" or cut:
            return None
        return Remembered(
            id=self.id,
            tier=seen.tier,
            model=seen.model,
            step_type=self.plan.step_type,
            pieces=tuple(self.given),
        )

    def tried(self, ascent: Ascent) -> Ascent:
        """Count a rung whose draft is now looked at."""
        self.rungs_tried += 1
        return ascent

    def entry(self) -> Entry:
        return Entry(
            id=self.id,
            at=self._at,
            caller=self.caller.name,
            route=self.caller.booked or self.chat.route,
            step_type=self.plan.step_type,
            plan_why=self.plan.why,
            attempts=tuple(sorted(self.attempts, key=lambda a: a.started_s)),
            state=self._state(),
            first_byte_s=self.first_byte_s,
            latency_s=self.elapsed(),
            stream=self.chat.stream,
            rungs=self.plan.rungs,
            usual=self.plan.usual,
            forecasts=self.plan.forecasts,
            shadow=self.plan.shadow,
            conversation=self.plan.conversation,
            sketch=self.plan.sketch,
            task=self.chat.task,
        )

    def _unasked(self, tier: str, model: str, state: AttemptState, reason: str) -> Attempt:
        """A rung's part that cost nothing, because it was not asked to draft."""
        now = self.elapsed()
        return Attempt(
            tier=tier,
            model=model,
            state=state,
            reason=reason,
            usage=Usage(),
            cost_nano=0,
            uncached_nano=0,
            started_s=now,
            first_piece_s=None,
            ended_s=now,
        )

    def _state(self) -> EntryState:
        drafts = [a.state for a in self.attempts if a.role == "draft" and a.state not in UNASKED]
        if self._gone or not drafts:
            return "cancelled"
        match drafts[-1]:
            case "released" | "recalled":
                return "answered"
            case "broken_off":
                return "broken_off"
            case "left" | "cancelled":
                return "cancelled"
            case _:
                return "exhausted"


def _as_usual(plan: Plan, short: str) -> Plan:
    """The plan without what evidence made of it, the bars included."""
    return replace(
        plan,
        rungs=plan.otherwise,
        otherwise=(),
        bars=plan.usual_bars,
        why=f"{plan.why}; but {short}, so it starts at {plan.otherwise[0]}",
    )
