"""Is this field what the protocol says it is? The SDKs do not check: they take any JSON."""

from __future__ import annotations

from rungwise.tiers.hosted_faults import Malformed

__all__ = ["count", "text"]


def text(value: object) -> str:
    """The text; "" where there is none. Half a surrogate pair becomes a question mark.

    Raises Malformed.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"expected text, not {type(value).__name__}")
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


MOST = 2**53
"""Beyond it JSON numbers are not exact, and no store need hold them."""


def count(value: object, *, below: int = MOST) -> int:
    """A number of things, or a place in a list. Raises Malformed."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < below:
        raise Malformed(f"expected a count under {below}, not {value!r:.60}")
    return value
