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

    def plan(self, plan: Plan, chat: Chat, caller: Caller) -> Plan:
        """The plan without the rungs that the caller may not use, that cannot do what the chat
        needs, or that would draft in vain, and why. Raises CallerError when none is left."""
        allowed = [r for r in plan.rungs if caller.tiers is None or r in caller.tiers]
        if not allowed:
            raise NotAllowed(
                f"this key may use {', '.join(sorted(caller.tiers or ())) or 'no tier'}, and the "
                f"request leads to {', '.join(plan.rungs)}",
                param="model",
                code="tier_not_allowed",
            )
        why = [plan.why]
        why += [f"{rung} is not this key's" for rung in plan.rungs if rung not in allowed]
        able = self._able(allowed, chat, why)
        rungs = self._hopeful(able, plan, why)
        reach = tuple(r for r in plan.reach if caller.tiers is None or r in caller.tiers)
        return replace(plan, rungs=rungs, reach=reach, why="; ".join(why))

    def _able(self, rungs: Sequence[str], chat: Chat, why: list[str]) -> list[str]:
        lacks = {rung: self._tiers[rung].lacks(chat) for rung in rungs}
        able = [rung for rung, lack in lacks.items() if lack is None]
        told = [f"{rung} {lack}" for rung, lack in lacks.items() if lack is not None]
        if not able:
            long = all(
                lack is not None and lack.startswith(SHORT_CONTEXT) for lack in lacks.values()
            )
            raise CallerError(
                f"no rung can answer this: {'; '.join(told)}",
                param="messages" if long else None,
                code="context_length_exceeded" if long else "no_rung_can",
            )
        why += told
        return able

    def _hopeful(self, rungs: Sequence[str], plan: Plan, why: list[str]) -> tuple[str, ...]:
        """The last rung is not judged, so there is always hope for it."""
        kept = []
        for rung in rungs:
            gate = self._gates.get(rung) if rung != rungs[-1] else None
            hopeless = gate.hopeless(plan.step_type) if gate else None
            if hopeless is None:
                kept.append(rung)
            else:
                why.append(f"{rung} is passed over, {hopeless}")
        return tuple(kept)

    def bids(self, plan: Plan, chat: Chat) -> tuple[Bid, ...]:
        """Each rung's worst case, with the evidence that may be asked for on its draft."""
        return tuple(
            Bid(tier=rung, nano=self._worst(rung, plan, chat), escalation=place > 0)
            for place, rung in enumerate(plan.rungs)
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
