"""Is this field what the protocol says it is? The SDKs do not check: they take any JSON."""

from __future__ import annotations

from typing import Any

from rungwise.tiers.hosted.hosted_faults import Malformed
from rungwise.types import Usage

__all__ = ["count", "inclusive_usage", "text"]


def text(value: object) -> str:
    """The text; "" where there is none. Half a surrogate pair becomes a question mark.

    Raises Malformed.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"expected text, not {type(value).__name__}")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


MOST = 2**31
"""More tokens than that are no count of one answer's; sums of such fit into every store."""


def count(value: object, *, below: int = MOST) -> int:
    """A number of things, or a place in a list. Raises Malformed."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise Malformed(f"expected a count under {below}, not {value!r:.60}")
    return value


def inclusive_usage(prompt: object, answer: object, of_prompt: Any, of_answer: Any) -> Usage:
    """As both of OpenAI's protocols count: the prompt's tokens include what was cached, the
    answer's the reasoning. Raises Malformed."""
    whole, output = count(prompt), count(answer)
    read = count(of_prompt.cached_tokens or 0) if of_prompt else 0
    written = count(of_prompt.cache_write_tokens or 0) if of_prompt else 0
    reasoning = min(output, count(of_answer.reasoning_tokens or 0)) if of_answer else 0
    return Usage(
        input=max(0, whole - read - written),
        cache_read=read,
        cache_write_5m=written,
        output=output - reasoning,
        reasoning=reasoning,
    )
