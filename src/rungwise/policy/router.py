"""Which rungs may draft for this chat, and why? Table and wish, then evidence, then a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rungwise.errors import CallerError
from rungwise.policy.choosing import Chooser, Step
from rungwise.policy.memory import Memory, Past, conversation_of, goes_on
from rungwise.policy.rejection import rejection, unsettled
from rungwise.policy.sketch import sketch_of
from rungwise.policy.step_types import Typed, Typer
from rungwise.policy.table import Table
from rungwise.policy.window import Window
from rungwise.types import Attempt, Bar, Chat, Onward, Plan, Wish

__all__ = ["PolicyRouter"]


class PolicyRouter:
    """See contracts.Router. Everything that it weighs has a file of its own beside this one."""

    def __init__(
        self,
        *,
        typer: Typer,
        table: Table,
        memory: Memory,
        chooser: Chooser,
        keep_sketches: bool = False,
        private_tags: frozenset[str] = frozenset(),
        may_hurry: bool = False,
    ) -> None:
        self._typer, self._table = typer, table
        self._memory, self._chooser = memory, chooser
        self._keeps_sketches = keep_sketches
        self._private, self._may_hurry = private_tags, may_hurry

    def plan(self, chat: Chat) -> Plan:
        private = not self._private.isdisjoint(chat.tags)
        if private:
            chat = replace(chat, wish=replace(chat.wish, local_only=True))
        typed = self._typer.type_of(chat)
        sketch = typed.sketch or (sketch_of(chat) if self._keeps_sketches else None)
        kept = sketch.to_bytes() if sketch is not None and self._keeps_sketches else None
        conversation = conversation_of(chat)
        if chat.wish.pin is not None:
            window = self._table.pinned(chat.wish.pin, chat.wish)
            return Plan(
                rungs=window.rungs,
                reach=window.reach,
                step_type=typed.step_type,
                why="; ".join(window.why),
                conversation=conversation,
                sketch=kept,
            )
        window = self._table.window(typed.step_type, chat.wish)
        past = self._memory.past(conversation) if goes_on(chat) else None
        start, raised = self._start(window, chat, past)
        choice = self._chooser.choose(
            Step(
                chat=chat,
                step_type=typed.step_type,
                window=window,
                start=start,
                past=past,
                sketch=sketch,
            )
        )
        row = self._table.row(typed.step_type)
        hurry, hurried = self._hurry(chat)
        why = [window.why[0] + typed.why, *window.why[1:], *raised, choice.why, *hurried]
        if private:
            why.append("its tag is private")
        usual = self._usual(typed, window, chat.wish)
        return Plan(
            rungs=choice.rungs,
            reach=window.reach,
            step_type=typed.step_type,
            why="; ".join(filter(None, why)),
            headstart_s=0.0 if hurry else row.headstart_s,
            otherwise=usual if choice.rungs[0] != usual[0] else (),
            bars=_least(choice.bars, window.rungs, row.least_confidence),
            forecasts=choice.forecasts,
            conversation=conversation,
            sketch=kept,
        )

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        past = self._memory.past(plan.conversation) if goes_on(chat) else None
        onward = self._chooser.onward(plan, chat, refused, past)
        least = self._table.row(plan.step_type).least_confidence
        return replace(onward, bars=_least(onward.bars, onward.rungs, least))

    def _start(self, window: Window, chat: Chat, past: Past | None) -> tuple[str, list[str]]:
        """The rung to begin at, and the evidence that raised it: nothing here ever lowers it."""
        start, why = window.start, list[str]()
        if not self._memory.heeds_rejections:
            return start, why
        last = past.tier if past is not None and past.tier in window.rungs else None
        if (told := rejection(chat)) is not None:
            start = max(start, window.raised(last or start), key=window.rungs.index)
            why.append(f"{told}: it starts at {start}")
        elif last in window.above(start)[1:] and (told := unsettled(chat)) is not None:
            start = last
            why.append(f"{told}: it stays at {start}")
        return start, why

    def _usual(self, typed: Typed, window: Window, wish: Wish) -> tuple[str, ...]:
        """The rungs that the step would have without evidence: what a text looks like is some."""
        if typed.otherwise is None or typed.otherwise is typed.step_type:
            return window.usual
        try:
            start = self._table.window(typed.otherwise, wish).start
        except CallerError:  # that type's own ceiling is under the caller's floor
            return window.usual
        return window.above(start) if start in window.rungs else window.usual

    def _hurry(self, chat: Chat) -> tuple[bool, list[str]]:
        if not chat.wish.hurry:
            return False, []
        told = "the caller is in a hurry"
        return self._may_hurry, [told if self._may_hurry else f"{told}, which is not allowed"]


def _least(bars: Sequence[Bar], rungs: Sequence[str], confidence: float | None) -> tuple[Bar, ...]:
    """The bars, none lower than the owner's row of the table asks."""
    if confidence is None:
        return tuple(bars)
    found = {bar.tier: bar for bar in bars}
    for rung in rungs:
        bar = found.get(rung, Bar(tier=rung, confidence=confidence))
        found[rung] = replace(bar, confidence=max(bar.confidence, confidence), least=confidence)
    return tuple(found.values())
