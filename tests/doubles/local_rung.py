"""What is a rung of this machine, in a server that a test starts as a process of its own?"""

from __future__ import annotations

from rungwise.config import PluginTierConfig
from rungwise.tiers.scripted import Script, ScriptedTier, say
from rungwise.types import Chat

__all__ = ["LocalRung"]


class LocalRung(ScriptedTier):
    """`kind: tests.doubles.local_rung:LocalRung`; always says the same, but breaks down over the
    word crash."""

    def __init__(self, config: PluginTierConfig) -> None:
        super().__init__(config.name, _answer, model=config.model)


def _answer(chat: Chat) -> Script:
    if "crash" in chat.messages[-1].text:
        raise ZeroDivisionError("a defect of this rung")
    return say("by our own hand")
