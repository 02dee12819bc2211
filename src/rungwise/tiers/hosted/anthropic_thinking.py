"""Shall a Claude think before this answer, and how is that said?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rungwise.tiers.hosted.terms import Terms
from rungwise.tiers.hosted.thinking import BUDGETS, effort_of, own_thoughts
from rungwise.types import Chat, Effort

__all__ = ["AnthropicThinking", "thinking_of"]

LEAST_BUDGET = 1024
"""The API takes no smaller one."""

_EFFORTS: Mapping[Effort, Effort] = {"minimal": "low"}
"""Efforts that the API has no word for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicThinking:
    """`config` is the request's `thinking`, `effort` goes into its `output_config`."""

    config: Mapping[str, Any] | None = None
    effort: Effort | None = None

    @property
    def on(self) -> bool:
        return self.config is not None and self.config["type"] != "disabled"


def thinking_of(chat: Chat, terms: Terms, limit: int) -> AnthropicThinking:
    """Nothing where nobody asked for thinking. Off where a tool is forced, as the API refuses both
    together, where `limit` leaves no room for a budget, and where a model with a budget would go on
    with tool calls that it did not think of: it must find its thoughts before them."""
    wanted = effort_of(chat.thinking, terms.effort)
    effort = effort_of(chat.thinking, terms.effort, terms.efforts)
    forced = bool(chat.tools) and chat.tool_choice.mode in ("required", "named")
    if forced and terms.thinks == "adaptive":  # some think unasked
        return AnthropicThinking(config={"type": "disabled"})
    if wanted is None or effort is None or terms.thinks == "none":
        return AnthropicThinking()
    if wanted == "none" or forced:
        return AnthropicThinking(config={"type": "disabled"})
    if terms.thinks != "budgeted":  # as newer models have it
        return AnthropicThinking(config={"type": "adaptive"}, effort=_EFFORTS.get(effort, effort))
    budget = _budget(chat, effort, limit)
    if budget < LEAST_BUDGET or _goes_on_without_thoughts(chat, terms.model):
        return AnthropicThinking(config={"type": "disabled"})
    return AnthropicThinking(config={"type": "enabled", "budget_tokens": budget})


def _budget(chat: Chat, effort: Effort, limit: int) -> int:
    """As many tokens as the caller named, else as the effort stands for but not more than half
    of the limit, so that an answer remains."""
    if chat.thinking.tokens is not None:
        return min(max(chat.thinking.tokens, LEAST_BUDGET), limit - 1)
    return min(BUDGETS[effort], limit // 2)


def _goes_on_without_thoughts(chat: Chat, model: str) -> bool:
    """Whether the turn that is to go on has calls of tools by somebody else."""
    for message in reversed(chat.messages):
        if message.role == "user":
            return False
        if message.role == "assistant" and message.tool_calls:
            return not own_thoughts(message, model)
    return False
