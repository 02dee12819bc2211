"""Would the rung say the same again? The mean likeness of a few more samples to the draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from rungwise.confidence.likeness import likeness
from rungwise.config import AgreementConfig
from rungwise.drafts import collect
from rungwise.types import Chat, Choice, Draft, Piece

__all__ = ["Agreement"]


class Agreement:
    """Asks for more drafts of the same chat, which share its prefix (see contracts.Probe).

    Self-consistency, Wang et al., arXiv 2203.11171, with the draft in the place of the vote.
    """

    name: Literal["agreement"] = "agreement"
    tier: str | None = None

    def __init__(self, config: AgreementConfig) -> None:
        self.deadline_s = config.deadline_s
        self._samples, self._temperature = config.samples, config.temperature

    def question(self, chat: Chat, draft: Draft) -> Chat | None:
        if not any(map(_says_something, draft.choices)):
            return None
        sampling = replace(
            chat.sampling,
            n=self._samples,
            temperature=self._temperature,
            seed=None,
            top_logprobs=None,
        )
        return replace(chat, sampling=sampling, stream=False)

    def read(self, chat: Chat, draft: Draft, answer: Sequence[Piece]) -> float | None:
        """The mean of `likeness` over the samples, for the choice that has the least of it; None
        when no sample came. A sample that declines, or says nothing, agrees with no answer."""
        samples = [c for c in collect(answer) if c.finish is not None or _says_something(c)]
        answers = [choice for choice in draft.choices if _says_something(choice)]
        if not samples or not answers:
            return None
        shaped = chat.shape is not None
        return min(
            sum(likeness(one, sample, shaped=shaped) for sample in samples) / len(samples)
            for one in answers
        )


def _says_something(choice: Choice) -> bool:
    return bool(choice.text.strip() or choice.tool_calls)
