"""Which rungs may draft for this chat, and why? Table and wish, then evidence, then a choice."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from rungwise.errors import CallerError
from rungwise.policy.choosing import Chooser, Step, rungs_above
from rungwise.policy.memory import Memory, Past, conversation_of, goes_on
from rungwise.policy.rejection import rejection, unsettled
from rungwise.policy.sketch import sketch_of
from rungwise.policy.step_types import Typed, Typer
from rungwise.policy.table import Table
from rungwise.policy.window import Window
from rungwise.types import Attempt, Chat, Onward, Plan, StepType, Wish

__all__ = ["PolicyRouter"]

logger = logging.getLogger(__name__)


class PolicyRouter:
    """See contracts.Router. Everything that it weighs has a file of its own beside this one."""

    def __init__(
        self,
        *,
        typer: Typer,
        table: Table,
        memory: Memory,
        chooser: Chooser,
        default: StepType = StepType.OPEN_CHAT,
        keep_sketches: bool = False,
        private_tags: frozenset[str] = frozenset(),
        may_hurry: bool = False,
    ) -> None:
        self._typer, self._table = typer, table
        self._memory, self._chooser = memory, chooser
        self._default, self._keeps_sketches = default, keep_sketches
        self._private, self._may_hurry = private_tags, may_hurry

    def plan(self, chat: Chat) -> Plan:
        told: tuple[str, ...] = ()
        if not self._private.isdisjoint(chat.tags):
            chat = replace(chat, wish=replace(chat.wish, local_only=True))
            told = ("its tag is private",)
        try:
            plan = self._planned(chat)
        except CallerError:
            raise
        except Exception:
            logger.exception("planning failed; the table decides")
            plan = self._by_the_table(chat)
        return replace(plan, why="; ".join((plan.why, *told))) if told else plan

    def _by_the_table(self, chat: Chat) -> Plan:
        """Where what weighs evidence is broken: none is weighed."""
        step_type, pin = chat.wish.step_type or self._default, chat.wish.pin
        if pin is not None:
            window = self._table.pinned(pin, chat.wish)
        else:
            window = self._table.window(step_type, chat.wish)
        return Plan(
            rungs=window.usual,
            reach=window.reach,
            step_type=step_type,
            why="; ".join((*window.why, "planning failed: see the log")),
            bars=self._table.asked(step_type, (), window.rungs),
        )

    def _planned(self, chat: Chat) -> Plan:
        """Raises CallerError."""
        typed = self._typer.type_of(chat)
        sketch = typed.sketch or (sketch_of(chat) if self._keeps_sketches else None)
        kept = None
        if sketch is not None and self._keeps_sketches and not chat.wish.local_only:
            kept = sketch.to_bytes()
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
        start, floor, raised = self._start(window, chat, past)
        choice = self._chooser.choose(
            Step(
                chat=chat,
                step_type=typed.step_type,
                window=window,
                start=start,
                floor=floor,
                past=past,
                sketch=sketch,
            )
        )
        row = self._table.row(typed.step_type)
        hurry, hurried = self._hurry(chat)
        why = [window.why[0] + typed.why, *window.why[1:], *raised, choice.why, *hurried]
        usual = self._usual(typed, window, chat.wish)
        return Plan(
            rungs=choice.rungs,
            reach=window.reach,
            step_type=typed.step_type,
            why="; ".join(filter(None, why)),
            headstart_s=0.0 if hurry else row.headstart_s,
            otherwise=usual if choice.rungs[0] != usual[0] else (),
            bars=self._table.asked(typed.step_type, choice.bars, window.rungs),
            forecasts=choice.forecasts,
            conversation=conversation,
            sketch=kept,
        )

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        past = self._memory.past(plan.conversation) if goes_on(chat) else None
        try:
            onward = self._chooser.onward(plan, chat, refused, past)
        except Exception:
            logger.exception("choosing again failed; it goes on as planned")
            return Onward(rungs=rungs_above(plan, refused))
        if onward.bars is None:
            return onward
        bars = self._table.asked(plan.step_type, onward.bars, onward.rungs)
        return replace(onward, bars=bars)

    def _start(
        self, window: Window, chat: Chat, past: Past | None
    ) -> tuple[str, str | None, list[str]]:
        """The rung to begin at, the one that evidence lets nobody go below, and that evidence:
        nothing here ever lowers a start."""
        start, floor, why = window.start, None, list[str]()
        if not self._memory.heeds_rejections:
            return start, floor, why
        last = past.tier if past is not None and past.tier in window.rungs else None
        if (told := rejection(chat)) is not None:
            floor = window.raised(last or start)
            why.append(f"{told}: nothing below {floor}")
        elif last in window.rungs[1:] and (told := unsettled(chat)) is not None:
            floor = last
            why.append(f"{told}: it stays at {floor}")
        if floor is not None:
            start = max(start, floor, key=window.rungs.index)
        return start, floor, why

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
