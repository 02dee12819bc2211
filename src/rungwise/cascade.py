"""How is one step answered? Plan, climb until a draft is accepted, release it, write it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

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
    Escalate,
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
    A rung whose gate could accept no draft is not asked for one.
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
        self._tiers = {tier.name: tier for tier in ladder}
        self._router, self._gates, self._verifier = router, gates, verifier
        self._ledger, self._clock = ledger, clock

    async def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        """Answer one step: first a Released, then its Pieces, last a Settled.

        Nothing comes before a draft may reach the caller. Raises CallerError or LadderExhausted
        before the Released, and TierError after it, when the released draft breaks off. Closing
        the generator stops the work; the ledger is written either way.
        """
        plan = self._worth_drafting(self._router.plan(chat))
        story = Story(id, chat, caller, plan, self._clock)
        try:
            async with aclosing(self._climb(story)) as climb:
                async for event in climb:
                    yield event
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
                if isinstance(verdict, Escalate):
                    ascent.abandon(verdict.reason)
                    continue
                yield ascent.release(verdict.reason)
                for piece in ascent.held:
                    yield piece
                async for piece in ascent.drafting:
                    yield piece
                ascent.complete()
                return
            except TierError as fault:
                ascent.fail(fault)
                if ascent.released:
                    raise
                last_fault = fault
            except (asyncio.CancelledError, GeneratorExit):
                ascent.leave()
                raise
            finally:
                await ascent.end()
        assert last_fault is not None, "the last rung is not judged, so only a fault ends here"
        raise LadderExhausted(tuple(story.attempts), last_fault)

    async def _hold(self, ascent: Ascent, gate: Gate | None, story: Story) -> Verdict:
        """Keep the draft back until it is known whether it may leave."""
        if gate is None:
            await ascent.first()
            return Accept(reason="not judged")
        judgement = ascent.judged_by(gate.open(story.chat, story.plan))
        async for piece in ascent.drafting:
            ascent.keep(piece)
            early = judgement.feed(piece)
            if early is not None:
                return early
        draft = Draft(choices=collect(ascent.held))
        verdict = judgement.close(draft)
        if isinstance(verdict, Escalate):
            return verdict
        checked = self._verifier.check(story.chat, draft)
        return checked if isinstance(checked, Escalate) else verdict

    def _gate(self, plan: Plan, rung: str) -> Gate | None:
        return None if rung == plan.rungs[-1] else self._gates.get(rung)

    def _worth_drafting(self, plan: Plan) -> Plan:
        """The plan without the rungs that would draft in vain, and why."""
        rungs, why = [], [plan.why]
        for rung in plan.rungs:
            gate = self._gate(plan, rung)
            hopeless = gate.hopeless(plan.step_type) if gate else None
            if hopeless is None:
                rungs.append(rung)
            else:
                why.append(f"{rung} is passed over, {hopeless}")
        return replace(plan, rungs=tuple(rungs), why="; ".join(why))

    async def _record(self, entry: Entry) -> None:
        """The ledger line is written even when the caller's task is being cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._ledger.record(entry)))
