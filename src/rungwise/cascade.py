"""How is one step answered? Plan, climb until a draft is accepted, release it, write it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping

from rungwise.attempts import Ascent, Clock, Story
from rungwise.contracts import Gate, Ledger, Router, Tier, Verifier
from rungwise.drafts import collect
from rungwise.errors import LadderExhausted, TierError
from rungwise.types import (
    Accept,
    Caller,
    Chat,
    Draft,
    Entry,
    Piece,
    Plan,
    Released,
    Settled,
    Verdict,
)

__all__ = ["Cascade"]


class Cascade:
    """The ladder, its gates and its ledger, behind one method.

    `gates` maps a tier's name to its gate. A tier without one is not judged, and neither is the
    last rung of a plan, a pinned one included: nothing stands above it that could do better.
    """

    def __init__(
        self,
        *,
        ladder: tuple[Tier, ...],
        router: Router,
        gates: Mapping[str, Gate],
        verifier: Verifier,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self.ladder = ladder
        self._tiers = {tier.name: tier for tier in ladder}
        self._router, self._gates, self._verifier = router, gates, verifier
        self._ledger, self._clock = ledger, clock

    async def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        """Answer one step: first a Released, then its Pieces, last a Settled.

        Nothing comes before a draft may reach the caller. Raises CallerError, LadderExhausted or
        StoreError before the Released, and TierError after it, when the released draft breaks
        off. Closing the generator stops the work; the ledger is written either way.
        """
        story = Story(id, chat, caller, self._router.plan(chat), self._clock)
        try:
            climb = self._climb(story)
            try:
                async for event in climb:
                    yield event
            finally:
                await climb.aclose()
        finally:
            await self._record(story.entry())
        yield story.settled()

    async def _climb(self, story: Story) -> AsyncGenerator[Released | Piece, None]:
        last_fault: TierError | None = None
        for rung in story.plan.rungs:
            gate = self._gate(story.plan, rung)
            ascent = story.begin(self._tiers[rung], read=gate is not None and gate.reads)
            try:
                verdict = await self._hold(ascent, gate, story)
                if isinstance(verdict, Accept):
                    yield ascent.release(verdict.reason)
                    for piece in ascent.held:
                        yield piece
                    async for piece in ascent.drafting:
                        yield piece
                    ascent.complete()
                    return
                ascent.abandon(verdict.reason)
            except TierError as fault:
                ascent.fail(fault)
                if ascent.released:
                    raise
                last_fault = fault
            finally:
                await ascent.end()
        assert last_fault is not None, "the last rung is not judged, so only a fault ends here"
        raise LadderExhausted(tuple(story.attempts), last_fault)

    async def _hold(self, ascent: Ascent, gate: Gate | None, story: Story) -> Verdict:
        """Keep the draft back until it is known whether it may leave."""
        if gate is None:
            ascent.held.append(await ascent.first())
            return Accept(reason="not judged: " + _why_unjudged(story.plan, ascent.tier.name))
        ascent.judgement = judgement = gate.open(story.chat, story.plan)
        async for piece in ascent.drafting:
            ascent.keep(piece)
            verdict = judgement.feed(piece)
            if verdict is not None:
                return verdict
        pieces = tuple(ascent.held)
        draft = Draft(tier=ascent.tier.name, pieces=pieces, choices=collect(pieces))
        verdict = judgement.close(draft)
        if isinstance(verdict, Accept):
            doubt = self._verifier.check(story.chat, draft)
            return verdict if isinstance(doubt, Accept) else doubt
        return verdict

    def _gate(self, plan: Plan, rung: str) -> Gate | None:
        return None if rung == plan.rungs[-1] else self._gates.get(rung)

    async def _record(self, entry: Entry) -> None:
        """The ledger line is written even when the caller's task is being cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._ledger.record(entry)))


def _why_unjudged(plan: Plan, rung: str) -> str:
    return "the last rung of its plan" if rung == plan.rungs[-1] else "no gate for this rung"
