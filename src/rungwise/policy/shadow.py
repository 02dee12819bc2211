"""What would another router have done? Planned beside the one that decides, for the record only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rungwise.contracts import Router
from rungwise.types import Attempt, Chat, Onward, Plan, Shadow

__all__ = ["Shadowing"]


class Shadowing:
    """See contracts.Router: all that is done is what `router` says. `other` is asked for its plan
    alone, and whatever goes wrong with that is a note in the record. Where the caller pins a rung,
    no router has a choice, and there is no shadow."""

    def __init__(self, router: Router, other: Router, *, name: str) -> None:
        self._router, self._other, self._name = router, other, name

    def plan(self, chat: Chat) -> Plan:
        plan = self._router.plan(chat)
        if chat.wish.pin is not None:
            return plan
        return replace(plan, shadow=self._shadow(chat))

    def onward(self, plan: Plan, chat: Chat, refused: Sequence[Attempt]) -> Onward:
        return self._router.onward(plan, chat, refused)

    def _shadow(self, chat: Chat) -> Shadow:
        try:
            plan = self._other.plan(chat)
        except Exception as error:
            return Shadow(router=self._name, rungs=(), why=f"it has no plan: {error}")
        return Shadow(router=self._name, rungs=plan.rungs, why=plan.why, bars=plan.bars)
