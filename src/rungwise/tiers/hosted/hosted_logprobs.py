"""What do OpenAI's protocols say of a token's log-probability, and is it one?"""

from __future__ import annotations

from typing import Any

from rungwise.tiers.hosted.hosted_fields import text
from rungwise.types import LEAST_LOGPROB, TokenAlternative, TokenLogprob

__all__ = ["likeliest", "readable", "shown"]


def readable(logprob: object) -> float | None:
    """A log-probability, or None where the number is no reading."""
    if isinstance(logprob, bool) or not isinstance(logprob, (int, float)):
        return None
    return max(float(logprob), LEAST_LOGPROB) if logprob <= 0 else None


def likeliest(token: Any, count: int) -> tuple[float, ...]:
    """Those of so many likeliest tokens at its place, highest first; what is out of reach is no
    rival."""
    found = [readable(other.logprob) for other in token.top_logprobs or ()]
    likely = [value for value in found if value is not None and value > LEAST_LOGPROB]
    return tuple(sorted(likely, reverse=True)[:count])


def shown(token: Any, top: int) -> TokenLogprob:
    """As a caller who asked for so many alternatives sees it."""
    return TokenLogprob(
        text=text(token.token),
        logprob=_shown_logprob(token.logprob),
        alternatives=tuple(
            TokenAlternative(text=text(other.token), logprob=_shown_logprob(other.logprob))
            for other in (token.top_logprobs or ())[:top]
        ),
    )


def _shown_logprob(logprob: object) -> float:
    value = readable(logprob)
    return LEAST_LOGPROB if value is None else value
