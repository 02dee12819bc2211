"""How much shall a model think, in efforts for one API and in tokens for another?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rungwise.types import Effort, Message, Thinking, Thought

__all__ = ["BUDGETS", "effort_of", "own_thoughts"]

BUDGETS: Mapping[Effort, int] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
    "max": 65536,
}
"""Tokens that an effort stands for. Up to `high` as Google translates them, see
https://ai.google.dev/gemini-api/docs/openai; the rest is our own continuation."""

_ORDER: Sequence[Effort] = ("none", *BUDGETS)


def effort_of(
    thinking: Thinking, default: Effort | None, known: Sequence[Effort] | None = None
) -> Effort | None:
    """The effort that a caller wants: as named, or the highest that its tokens pay for; else the
    default. Where the model does not know it, the nearest that it knows, the lower of two. None:
    nobody said anything."""
    wanted = _wanted(thinking) or default
    if wanted is None or not known:
        return wanted
    place = _ORDER.index(wanted)
    return min(known, key=lambda effort: (abs(_ORDER.index(effort) - place), _ORDER.index(effort)))


def own_thoughts(message: Message, model: str) -> list[Thought]:
    """The thoughts that this model can read again: its own, with their seals."""
    return [thought for thought in message.thoughts if thought.seal and thought.model == model]


def _wanted(thinking: Thinking) -> Effort | None:
    if thinking.effort is not None or thinking.tokens is None:
        return thinking.effort
    if thinking.tokens <= 0:
        return "none"
    paid: list[Effort] = [e for e in ("medium", "high") if BUDGETS[e] <= thinking.tokens]
    return paid[-1] if paid else "low"
