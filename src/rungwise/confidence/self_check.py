"""Does the rung that drafted think that its answer is right? One token, P(yes)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from rungwise.confidence.labels import NO, YES, grade_of
from rungwise.confidence.telling import answer_text
from rungwise.config import SelfCheckConfig
from rungwise.types import Chat, Draft, Message, Piece, Sampling

__all__ = ["SelfCheck"]

QUESTION = "Is the answer above right and complete? Reply with yes or no."

SAMPLING = Sampling(max_tokens=1, temperature=0, top_logprobs=20)
"""The alternatives are for rungs that cannot be asked for labels."""


class SelfCheck:
    """Asks in the same conversation (see contracts.Probe).

    P(True) of Kadavath et al., "Language Models (Mostly) Know What They Know", arXiv 2207.05221.
    System, history and tools stay as they were, so that an engine finds them in its prefix cache.
    """

    name: Literal["self_check"] = "self_check"
    tier: str | None = None

    def __init__(self, config: SelfCheckConfig) -> None:
        self.deadline_s = config.deadline_s

    def question(self, chat: Chat, draft: Draft) -> Chat | None:
        """Several choices are asked about together. A tool call is told as text: without a result
        after it, a call would be no valid history."""
        answers = [text for text in map(answer_text, draft.choices) if text]
        if not answers:
            return None
        asked = (
            Message(role="assistant", text="\n\n".join(answers)),
            Message(role="user", text=QUESTION),
        )
        return replace(
            chat,
            messages=(*chat.messages, *asked),
            sampling=SAMPLING,
            tool_choice=replace(chat.tool_choice, mode="none", name=None),
            shape=None,
            labels=(YES, NO),
            stream=False,
        )

    def read(self, chat: Chat, draft: Draft, answer: Sequence[Piece]) -> float | None:
        """P(yes) of the two; None where the rung shows no alternatives, or neither word."""
        grade = grade_of(answer)
        return None if grade is None else grade.share
