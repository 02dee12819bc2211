"""How is one step answered? Plan, climb until a draft is accepted, release it, write it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from rungwise.attempts import Ascent, Clock, Story
from rungwise.contracts import Gate, Ledger, Probe, Router, Tier, Verifier
from rungwise.drafts import collect
from rungwise.errors import LadderExhausted, TierError
from rungwise.headstart import Headstart
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
        async with story:
            for rung in story.plan.rungs:
                async with self._ascend(story, rung) as ascent:
                    verdict = await self._hold(ascent, story)
                    if isinstance(verdict, Escalate):
                        ascent.abandon(verdict.reason)
                        continue
                    yield ascent.release(verdict.reason)
                    for piece in ascent.held:
                        yield piece
                    async for piece in ascent.drafting:
                        ascent.watch(piece)
                        yield piece
                    ascent.complete()
                    return
        assert story.last_fault is not None, "the last rung is not judged: only a fault ends here"
        raise LadderExhausted(story.entry().attempts, story.last_fault)

    async def _hold(self, ascent: Ascent, story: Story) -> Verdict:
        """Keep the draft back until it is known whether it may leave."""
        gate, judgement = self._gate(story.plan, ascent.tier.name), ascent.judgement
        if gate is None or judgement is None:
            await ascent.first()
            return Accept(reason="not judged")
        async for piece in ascent.drafting:
            early = ascent.keep(piece)
            if early is not None:
                return early
        draft = Draft(choices=collect(ascent.held))
        verdict = judgement.close(draft)
        if isinstance(verdict, Accept):
            checked = self._verifier.check(story.chat, draft)
            verdict = checked if isinstance(checked, Escalate) else verdict
        for probe in gate.probes(story.plan.step_type):
            if isinstance(verdict, Escalate) or judgement.settled:
                break
            verdict = judgement.weigh(probe.name, await self._ask(probe, ascent, draft, story))
        return verdict

    async def _ask(self, probe: Probe, ascent: Ascent, draft: Draft, story: Story) -> float | None:
        """One probe's reading; None where it fails, is late, or may not be shown the request."""
        rung, value = probe.tier or ascent.tier.name, None
        question = probe.question(story.chat, draft)
        if question is None or rung not in (*story.plan.rungs, *story.plan.reach):
            return None
        async with story.begin(self._tiers[rung], question, role=probe.name) as asking:
            try:
                async with asyncio.timeout(probe.deadline_s):
                    async for piece in asking.drafting:
                        asking.keep(piece)
            except TimeoutError:
                late = f"no answer within {probe.deadline_s:g} s"
                raise TierError(rung, "timeout", late) from None
            value = probe.read(story.chat, draft, asking.held)
            if value is None:
                raise TierError(rung, "broken", "its answer could not be read")
            asking.answered()
        return value

    def _ascend(self, story: Story, rung: str) -> Ascent:
        """This rung's draft, begun now or ahead; and in time the next one's beside it."""
        ascent = story.tried(story.headstart.take() or self._begin(story, rung))
        plan = story.plan
        above = plan.rungs[plan.rungs.index(rung) + 1 :]
        if plan.headstart_s is not None and above:
            story.headstart = Headstart(lambda: self._begin(story, above[0]), plan.headstart_s)
        return ascent

    def _begin(self, story: Story, rung: str) -> Ascent:
        """One rung's draft, with whoever reads it."""
        chat, plan, gate = story.chat, story.plan, self._gates.get(rung)
        judgement = None
        if gate is not None:
            last = rung == plan.rungs[-1]
            judgement = gate.watch(chat, plan) if last else gate.open(chat, plan)
        likeliest = gate.likeliest if gate is not None and judgement is not None else None
        return story.begin(self._tiers[rung], chat, judgement=judgement, likeliest=likeliest)

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
