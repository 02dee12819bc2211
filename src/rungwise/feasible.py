"""Which rungs of a plan can be asked, and what can they cost? Abilities, rights, hope, prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rungwise.contracts import Gate, Probe, Tier
from rungwise.errors import CallerError, NotAllowed
from rungwise.types import (
    SHORT_CONTEXT,
    Baseline,
    Bid,
    Caller,
    Chat,
    Choice,
    Done,
    Draft,
    Entry,
    Plan,
    Shadow,
    Usage,
)

__all__ = ["Feasible"]

MOST_CHARS_PER_TOKEN = 6
"""Of usual text: for the least that a prompt can be."""

CHARS_PER_TOKEN, LONG_DRAFT, MOST_CHARS = 8, 4096, 128 * 1024
"""How long a draft can get that evidence is paid for: tokens where the caller names no limit."""


class Feasible:
    def __init__(self, tiers: Mapping[str, Tier], gates: Mapping[str, Gate]) -> None:
        self._tiers, self._gates = tiers, gates
        self._order = {name: place for place, name in enumerate(tiers)}

    def plan(self, plan: Plan, chat: Chat, caller: Caller) -> Plan:
        """The plan without the rungs that the caller may not use, that cannot do what the chat
        needs, or that would draft in vain, and why. Raises CallerError when none is left.

        A plan may have passed rungs over because others would do better; where one of those cannot
        be asked, the ones that it passed over can. The same goes for its shadow.
        """
        rungs, why = self._narrowed(plan, chat, caller)
        reach = tuple(rung for rung in plan.reach if self._may(chat, caller, rung))
        return replace(
            plan,
            rungs=rungs,
            reach=reach,
            otherwise=self._otherwise(plan, chat, reach, rungs),
            shadow=None if plan.shadow is None else self._shadow(plan, plan.shadow, chat, caller),
            why=why,
        )

    def _shadow(self, plan: Plan, shadow: Shadow, chat: Chat, caller: Caller) -> Shadow:
        """What the shadow's plan would have become, had it been done; no rungs where it would have
        been refused."""
        if not shadow.rungs:
            return shadow
        done = replace(
            plan,
            rungs=shadow.rungs,
            bars=shadow.bars,
            why=shadow.why,
            otherwise=plan.otherwise or plan.rungs,
        )
        try:
            rungs, why = self._narrowed(done, chat, caller)
        except CallerError as error:
            return replace(shadow, rungs=(), why=f"{shadow.why}; {error}")
        return replace(shadow, rungs=rungs, why=why)

    def _narrowed(self, plan: Plan, chat: Chat, caller: Caller) -> tuple[tuple[str, ...], str]:
        """The rungs that are left, and why these."""
        allowed = [rung for rung in plan.rungs if self._may(chat, caller, rung)]
        lacks = {rung: self._tiers[rung].lacks(chat) for rung in allowed}
        able = [rung for rung, lack in lacks.items() if lack is None]
        instead: list[str] = []
        if len(able) < len(plan.rungs):
            instead = self._instead(plan, chat, caller, lower=not able)
        if not allowed and not instead:
            raise NotAllowed(
                f"this key may use {', '.join(sorted(caller.tiers or ())) or 'no tier'}, and the "
                f"request leads to {', '.join(plan.rungs)}",
                param="model",
                code="tier_not_allowed",
            )
        why = [plan.why]
        why += [f"{rung} is not this key's" for rung in plan.rungs if rung not in allowed]
        why += [f"{rung} {lack}" for rung, lack in lacks.items() if lack is not None]
        why += [f"so {', '.join(instead)} too"] if instead else []
        if not able and not instead:
            raise _none_can(lacks)
        rungs = self._hopeful(sorted((*able, *instead), key=self._place), plan, why)
        return rungs, "; ".join(why)

    def _instead(self, plan: Plan, chat: Chat, caller: Caller, *, lower: bool) -> list[str]:
        """The rungs that the plan passed over above its first; and where none of them nor of its
        own can be asked (`lower`), those of the owner's table."""
        first = self._place(plan.rungs[0])
        above = [rung for rung in plan.reach if self._place(rung) > first]
        for rungs in (above, plan.otherwise if lower else ()):
            found = [
                rung
                for rung in rungs
                if rung not in plan.rungs
                and self._may(chat, caller, rung)
                and self._tiers[rung].lacks(chat) is None
            ]
            if found:
                return found
        return []

    def _otherwise(
        self, plan: Plan, chat: Chat, reach: Sequence[str], rungs: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The rungs of the owner's table that can be asked; none where they begin no differently.
        For them no bar holds but the table's own: one that a text has raised so high that no draft
        reaches it moves the start, too."""
        if not plan.otherwise and rungs[0] == plan.rungs[0]:
            return ()
        first = self._place(plan.rungs[0])
        table = plan.otherwise or [rung for rung in reach if self._place(rung) >= first]
        able = [r for r in table if r in reach and self._tiers[r].lacks(chat) is None]
        found = self._hopeful(able, replace(plan, bars=plan.usual_bars), []) if able else ()
        return found if found and found[0] != rungs[0] else ()

    def _may(self, chat: Chat, caller: Caller, rung: str) -> bool:
        """What is local only stays so, whatever a router says."""
        mine = caller.tiers is None or rung in caller.tiers
        return mine and (self._tiers[rung].local or not chat.wish.local_only)

    def _place(self, rung: str) -> int:
        return self._order[rung]

    def _hopeful(self, rungs: Sequence[str], plan: Plan, why: list[str]) -> tuple[str, ...]:
        """The last rung is not judged, so there is always hope for it."""
        kept = []
        for rung in rungs:
            gate = self._gates.get(rung) if rung != rungs[-1] else None
            hopeless = gate.hopeless(plan) if gate else None
            if hopeless is None:
                kept.append(rung)
            else:
                why.append(f"{rung} is passed over, {hopeless}")
        return tuple(kept)

    def bids(self, plan: Plan, chat: Chat) -> tuple[Bid, ...]:
        """Each rung's worst case, with the evidence that may be asked for on its draft."""
        usual = self._place(plan.usual)
        return tuple(
            Bid(
                tier=rung,
                nano=self._worst(rung, plan, chat),
                escalation=self._place(rung) > usual,
            )
            for rung in plan.rungs
        )

    def _worst(self, rung: str, plan: Plan, chat: Chat) -> int | None:
        costs = [self._tiers[rung].most_nano(chat)]
        gate = self._gates.get(rung) if rung != plan.rungs[-1] else None
        costs += [
            self._evidence(probe, rung, chat)
            for probe in (gate.probes(plan.step_type) if gate else ())
            if plan.shows(probe.tier or rung)
        ]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    def _evidence(self, probe: Probe, rung: str, chat: Chat) -> int | None:
        """What asking about a draft can cost that is no longer than drafts usually get."""
        tokens = chat.sampling.max_tokens or LONG_DRAFT
        longest = min(tokens * chat.sampling.n * CHARS_PER_TOKEN, MOST_CHARS)
        question = probe.question(chat, Draft(choices=(Choice(text="x" * longest),)))
        return 0 if question is None else self._tiers[probe.tier or rung].most_nano(question)

    def covers(self, probe: Probe, rung: str, chat: Chat, question: Chat) -> bool:
        """Whether the question costs no more, at worst, than its rung's bid has for it. A longer
        draft is not asked about: no evidence is a doubt, and no cap is passed."""
        aside = self._evidence(probe, rung, chat)
        most = self._tiers[probe.tier or rung].most_nano(question)
        return aside is None or (most is not None and most <= aside)

    def least(self, plan: Plan, chat: Chat) -> int | None:
        """See types.Quote."""
        first = self._tiers[plan.rungs[0]]
        prompt = sum(len(message.text) for message in chat.messages) // MOST_CHARS_PER_TOKEN
        usage = Usage(cache_read=prompt, output=1)
        return 0 if first.local else first.cost_nano(Done(model=first.model, usage=usage))

    def baselines(self, entry: Entry) -> tuple[Baseline, ...]:
        """What each hosted rung alone would have cost for the answer that was given: see
        types.Baseline. What was written to a cache counts as uncached input."""
        seen = entry.seen
        if entry.state != "answered" or seen is None or seen.state == "recalled":
            return ()
        usage = replace(
            seen.usage.uncached,
            input=seen.usage.prompt_tokens - seen.usage.cache_read,
            cache_read=seen.usage.cache_read,
        )
        return tuple(
            Baseline(tier=name, nano=tier.cost_nano(Done(model=tier.model, usage=usage)))
            for name, tier in self._tiers.items()
            if not tier.local
        )


def _none_can(lacks: Mapping[str, str | None]) -> CallerError:
    told = {rung: lack for rung, lack in lacks.items() if lack is not None}
    long = all(lack.startswith(SHORT_CONTEXT) for lack in told.values())
    return CallerError(
        f"no rung can answer this: {'; '.join(f'{rung} {lack}' for rung, lack in told.items())}",
        param="messages" if long else None,
        code="context_length_exceeded" if long else "no_rung_can",
    )
