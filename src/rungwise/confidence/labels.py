"""How likely was each label, when a rung answered a question with one of them?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.types import LEAST_LOGPROB, Piece, TokenLogprob

__all__ = ["NO", "YES", "Grade", "grade_of", "written_label"]

YES, NO = "yes", "no"

_AROUND = " \t\r\n\u2581\u0120*_`\"'.,;:!"
"""What tokenizers and writers put around a word: spaces in three spellings, marks."""


@dataclass(frozen=True, slots=True)
class Grade:
    """The probabilities of "yes" and of "no" where the answer begins."""

    yes: float
    no: float

    @property
    def mass(self) -> float:
        return self.yes + self.no

    @property
    def share(self) -> float | None:
        """P(yes) / (P(yes) + P(no)); None when neither could be seen."""
        return self.yes / self.mass if self.mass > 0 else None


def grade_of(answer: Sequence[Piece]) -> Grade | None:
    """What the alternatives of the first word's token say; None where none are shown.

    Spellings ("Yes", " yes", "YES") are added up, and so are tokens that only begin one of the
    two words: small vocabularies write "y", "es".
    """
    shown = [token for piece in answer if not piece.choice for token in piece.shown]
    words = [token for token in shown if token.text.strip(_AROUND)]
    first = next(iter(words or shown), None)
    if first is None or not first.alternatives:
        return None
    seen = _seen(first)
    return Grade(yes=_probability(seen, YES), no=_probability(seen, NO))


def written_label(answer: Sequence[Piece]) -> str | None:
    """The label that was written, and nothing else; None for anything more, or less."""
    text = "".join(piece.text for piece in answer if not piece.choice)
    word = text.strip(_AROUND).casefold()
    return word if word in (YES, NO) else None


def _seen(token: TokenLogprob) -> dict[str, float]:
    """Every token that is shown at this place, and its probability."""
    told = [(token.text, token.logprob), *((a.text, a.logprob) for a in token.alternatives)]
    # a NaN is greater than nothing
    return {text: math.exp(min(value, 0.0)) for text, value in told if value > LEAST_LOGPROB}


def _probability(seen: Mapping[str, float], word: str) -> float:
    starts = ((text.strip(_AROUND).casefold(), p) for text, p in seen.items())
    return sum(p for start, p in starts if start and word.startswith(start))
