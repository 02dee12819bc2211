"""Is this answer traced, and what is kept of it until its spans are sent?"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from rungwise.types import Entry

__all__ = ["Place", "Traced", "place_of"]

_SAMPLED = 0x01
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-.*)?",
    re.ASCII,
)
_NO_TRACE, _NO_PARENT = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a span stands: 16 bytes of its trace, 8 of its own, 8 of its parent's."""

    trace: bytes
    span: bytes
    parent: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """One entry whose spans are to be sent."""

    place: Place
    entry: Entry
    audited: Place | None = None
    """Of an audit: where the answer stands that it looked at."""
    asked: str | None = None
    answered: str | None = None
    """Messages as JSON, where they may be shown."""


def place_of(
    traceparent: str | None, share: float, draw: Callable[[int], bytes] = secrets.token_bytes
) -> Place | None:
    """Where an answer's span stands; None where it is not traced.

    A caller's W3C `traceparent` says where, and whether: its flag is followed, either way
    (https://www.w3.org/TR/trace-context/). Without one, or where it is none, `share` of the answers
    are traced, by their trace's last 8 bytes, as OpenTelemetry's TraceIdRatioBased draws them.
    """
    given = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if given is not None and _sound(given):
        if not int(given["flags"], 16) & _SAMPLED:
            return None
        return Place(
            trace=bytes.fromhex(given["trace"]),
            span=draw(8),
            parent=bytes.fromhex(given["parent"]),
        )
    drawn = draw(24)
    if int.from_bytes(drawn[8:16], "big") >= share * 2**64:
        return None
    return Place(trace=drawn[:16], span=drawn[16:])


def _sound(given: re.Match[str]) -> bool:
    """Version ff is none, zeros are no ids, and only later versions may say more."""
    return not (
        given["version"] == "ff"
        or (given["version"] == "00" and given["more"])
        or given["trace"] == _NO_TRACE
        or given["parent"] == _NO_PARENT
    )
