"""Is this field what the protocol says it is? The SDKs do not check: they take any JSON."""

from __future__ import annotations

from rungwise.tiers.hosted_faults import Malformed

__all__ = ["count", "text"]


def text(value: object) -> str:
    """The text; "" where there is none. Raises Malformed."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"expected text, not {type(value).__name__}")
    return value


def count(value: object) -> int:
    """A number of things, or a place in a list. Raises Malformed."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Malformed(f"expected a count, not {value!r:.60}")
    return value
