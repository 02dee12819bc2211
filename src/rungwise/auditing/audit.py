"""What does one audit ask whom, and what does it find? The mutable side of its Entry."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Literal

from rungwise.auditing.comparing import same
from rungwise.auditing.counts import Found
from rungwise.auditing.judging import Preference, is_worse, preference, question
from rungwise.contracts import Tier, Verifier
from rungwise.drafts import collect
from rungwise.errors import TierError
from rungwise.story import Clock, Story
from rungwise.types import (
    Accept,
    Bid,
    Caller,
    Chat,
    Choice,
    Draft,
    Entry,
    Piece,
    Plan,
)

__all__ = ["Audit", "Finding", "Panel"]

CHARS_PER_TOKEN, LONGEST = 8, 16_384
"""How long a higher rung's answer can get that a judge is paid for: see Feasible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Who looks at a draft."""

    tier: Tier
    judge: Tier
    verifier: Verifier
    deadline_s: float
    """For all of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    what: Found
    why: str
    """Without a word of the answers."""


class Audit:
    """One accepted draft, and whoever looks at it. `chat` and `entry` are as they were answered;
    the higher rung is asked what an ordinary step would ask it."""

    def __init__(
        self, panel: Panel, chat: Chat, draft: Choice, entry: Entry, *, id: str, clock: Clock
    ) -> None:
        self._panel, self._draft, self._entry = panel, draft, entry
        wish = replace(
            chat.wish,
            pin=panel.tier.name,
            floor=None,
            ceiling=None,
            hurry=False,
            deadline_s=panel.deadline_s,
            most_nano=None,
            once=None,
        )
        self._chat = replace(chat, wish=wish, stream=False)
        plan = Plan(rungs=(panel.tier.name,), step_type=entry.step_type, why="")
        self._story = Story(id, self._chat, Caller(name=entry.caller), plan, clock)

    @property
    def id(self) -> str:
        return self._story.id

    def bid(self) -> Bid:
        """The worst case of all that may be asked."""
        costs = self._panel.tier.most_nano(self._chat), self._most_for_one_question()
        nano = None if costs[0] is None or costs[1] is None else costs[0] + 2 * costs[1]
        return Bid(tier=self._panel.tier.name, nano=nano, escalation=False)

    async def run(self) -> Finding:
        """Ask, and compare. What was asked is in `entry()` however this ends."""
        answer = await self._ask(self._panel.tier, self._chat, "audit")
        if answer is None:
            return Finding(what="failed", why=f"{self._panel.tier.name} gave no answer")
        (higher, *_) = collect(answer) or (Choice(),)
        if (void := self._void(higher)) is not None:
            return Finding(what="undecided", why=void)
        return self._computed(higher) or await self._judged(higher)

    def entry(self, finding: Finding) -> Entry:
        """Its own line: whose step it was about, and what was paid."""
        return replace(
            self._story.entry(),
            state="audited",
            audits=self._entry.id,
            route=self._entry.route,
            plan_why=f"{finding.what}: {finding.why}",
            rungs=(),
            usual=None,
            task=None,
        )

    def _void(self, higher: Choice) -> str | None:
        """Why these two answers cannot be compared at all."""
        if self._draft.declined or higher.declined:
            return "one of the two declined"
        if not _says_something(self._draft) or not _says_something(higher):
            return "one of the two says nothing"
        if higher.finish == "length":
            return f"{self._panel.tier.name}'s answer was cut off at its limit"
        return None

    def _computed(self, higher: Choice) -> Finding | None:
        """What a program finds; None where it cannot tell."""
        lower_fits, higher_fits = self._fits(self._draft), self._fits(higher)
        if higher_fits and not lower_fits:
            return Finding(what="disagreed", why="only the draft fails a check")
        if lower_fits and not higher_fits:
            return Finding(what="agreed", why="only the higher rung's answer fails a check")
        if not lower_fits:
            return Finding(what="undecided", why="both fail a check")
        match same(self._chat, self._entry.step_type, self._draft, higher):
            case True:
                return Finding(what="agreed", why="both say the same")
            case False:
                return Finding(what="disagreed", why="they differ, and one of them is wrong")
            case None:
                return None

    def _fits(self, choice: Choice) -> bool:
        """Whether no exact check speaks against it."""
        verdict = self._panel.verifier.check(self._chat, Draft(choices=(choice,)))
        return isinstance(verdict, Accept)

    async def _judged(self, higher: Choice) -> Finding:
        pairs = (self._draft, higher), (higher, self._draft)
        asked = [question(self._chat, *pair, wish=self._chat.wish) for pair in pairs]
        if not all(one is not None and self._covers(one) for one in asked):
            return Finding(what="undecided", why="the answers are too long to be judged")
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(self._prefers(one)) for one in asked if one is not None]
        told = [one.result() for one in asking]
        worse, judge = is_worse(*told), self._panel.judge.name
        if None in told:
            return Finding(what="failed", why=f"{judge} gave no judgement")
        if worse is None:
            return Finding(what="undecided", why=f"{judge} takes the {told[0]} in both orders")
        if worse:
            return Finding(what="disagreed", why=f"{judge} finds the draft worse in both orders")
        return Finding(what="agreed", why=f"{judge} does not find the draft worse in both orders")

    async def _prefers(self, asked: Chat) -> Preference | None:
        """None where the judge fails, or says something else."""
        answer = await self._ask(self._panel.judge, asked, "comparison")
        return None if answer is None else preference(answer)

    async def _ask(
        self, tier: Tier, chat: Chat, role: Literal["audit", "comparison"]
    ) -> list[Piece] | None:
        """What it wrote; None where it failed. It is noted with its cost either way."""
        whole = False
        async with self._story.begin(tier, chat, role=role) as asking:
            async for piece in asking.drafting:
                asking.keep(piece)
            if role == "comparison" and preference(asking.held) is None:
                raise TierError(tier.name, "broken", "its answer could not be read")
            asking.answered()
            whole = True
        return asking.held if whole else None

    def _covers(self, asked: Chat) -> bool:
        """Whether the question costs no more, at worst, than was set aside for it."""
        aside, most = self._most_for_one_question(), self._panel.judge.most_nano(asked)
        return aside is not None and most is not None and most <= aside

    def _most_for_one_question(self) -> int | None:
        tokens = self._chat.sampling.max_tokens or LONGEST
        longest = Choice(text="x" * min(tokens * CHARS_PER_TOKEN, LONGEST))
        asked = question(self._chat, self._draft, longest, wish=self._chat.wish)
        return 0 if asked is None else self._panel.judge.most_nano(asked)


def _says_something(choice: Choice) -> bool:
    return bool(choice.text.strip() or choice.tool_calls)
