"""How is one step answered? Recall, or climb until a draft is accepted; and write it down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from rungwise.attempts import Ascent
from rungwise.contracts import (
    Cache,
    Gate,
    Ledger,
    Onlooker,
    Probe,
    Purse,
    Router,
    Tier,
    Verifier,
)
from rungwise.drafts import collect
from rungwise.errors import OverBudget, TierError
from rungwise.feasible import Feasible
from rungwise.headstart import Headstart
from rungwise.story import Clock, Story
from rungwise.types import (
    Accept,
    Caller,
    Chat,
    Draft,
    Entry,
    Escalate,
    Piece,
    Plan,
    Quote,
    Released,
    Settled,
    Verdict,
)

__all__ = ["Cascade"]


class Cascade:
    """The ladder, its gates and its ledger, behind one method.

    `gates` maps a tier's name to its gate. A tier without one is not judged, and neither is the
    last rung of a plan, a pinned one included: nothing stands above it that could do better.
    A rung whose gate could accept no draft is not asked for one, and neither is one that lacks what
    the chat needs.
    """

    def __init__(
        self,
        *,
        ladder: tuple[Tier, ...],
        router: Router,
        gates: Mapping[str, Gate],
        verifier: Verifier,
        cache: Cache,
        purse: Purse,
        ledger: Ledger,
        clock: Clock,
        onlookers: Sequence[Onlooker] = (),
        refused: Callable[[Entry], object] = lambda _: None,
    ) -> None:
        """`refused` is told of each step that a cap ends, with or without an entry of it: one of
        which nothing was begun is not written down."""
        self._tiers = {tier.name: tier for tier in ladder}
        self._router, self._gates, self._verifier = router, gates, verifier
        self._cache, self._purse, self._ledger, self._clock = cache, purse, ledger, clock
        self._feasible, self._onlookers = Feasible(self._tiers, gates), tuple(onlookers)
        self._refused = refused

    def quote(self, chat: Chat, caller: Caller) -> Quote:
        """What `answer` would do, and what it can cost. Calls nothing. Raises CallerError."""
        plan = self._plan(chat, caller)
        return Quote(
            plan=plan,
            bids=self._feasible.bids(plan, chat),
            least_nano=self._feasible.least(plan, chat),
        )

    async def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        """Answer one step: first a Released, then its Pieces, last a Settled.

        Nothing comes before a draft may reach the caller. Raises CallerError, StoreError or
        LadderExhausted before the Released, and TierError after it, when the released draft breaks
        off. Closing the generator stops the work; the ledger is written either way.
        """
        story = Story(id, chat, caller, self._plan(chat, caller), self._clock)
        try:
            known = await self._cache.recall(chat)
            async with aclosing(
                self._climb(story) if known is None else story.recount(known)
            ) as events:
                async for event in events:
                    yield event
        except OverBudget:
            self._refused(story.entry())
            raise
        finally:
            entry = await self._record(story)
        if known is None and (answer := story.memorable(entry)) is not None:
            await self._cache.remember(chat, answer)
        yield Settled(usage=entry.usage, cost_nano=entry.cost_nano, attempts=entry.attempts)

    async def _climb(self, story: Story) -> AsyncGenerator[Released | Piece, None]:
        await story.reserve(self._purse, self._feasible.bids)
        async with story:
            while (rung := story.next(self._router)) is not None:
                if story.spills(self._tiers[rung]):
                    continue
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
        raise story.exhausted()

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
        if question is None or not story.plan.shows(rung):
            return None
        if not self._feasible.covers(probe, ascent.tier.name, story.chat, question):
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
        above = story.rungs[story.rungs.index(rung) + 1 :]
        if story.plan.headstart_s is not None and above:
            story.headstart = Headstart(
                lambda: self._begin_ahead(story, above[0]), story.plan.headstart_s
            )
        return ascent

    def _begin_ahead(self, story: Story, rung: str) -> Ascent | None:
        """None for a rung that has too much to do as it is."""
        return None if self._tiers[rung].saturation() else self._begin(story, rung)

    def _begin(self, story: Story, rung: str) -> Ascent:
        """One rung's draft, with whoever reads it."""
        chat, plan, gate = story.chat, story.plan, self._gates.get(rung)
        judgement = None
        if gate is not None:
            last = rung == plan.rungs[-1]
            judgement = gate.watch(chat, plan) if last else gate.open(chat, plan)
        likeliest = gate.likeliest if gate is not None and judgement is not None else None
        return story.begin(self._tiers[rung], chat, judgement=judgement, likeliest=likeliest)

    def _plan(self, chat: Chat, caller: Caller) -> Plan:
        return self._feasible.plan(self._router.plan(chat), chat, caller)

    def _gate(self, plan: Plan, rung: str) -> Gate | None:
        return None if rung == plan.rungs[-1] else self._gates.get(rung)

    async def _record(self, story: Story) -> Entry:
        """The ledger line is written, and what was reserved is settled with it, even when the
        caller's task is being cancelled."""
        entry = story.entry()
        if story.touched:
            entry = replace(entry, baselines=self._feasible.baselines(entry))
            await asyncio.shield(asyncio.ensure_future(self._ledger.record(entry)))
            for onlooker in self._onlookers:
                onlooker.see(story.chat, story.given, entry)
        return entry
