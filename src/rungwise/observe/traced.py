"""Is this answer traced, and what is kept of it until its spans are sent?"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from rungwise.traceparent import read_traceparent
from rungwise.types import Entry

__all__ = ["Place", "Traced", "place_of"]


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
    quoted: bool = False
    """Whether texts may be told: messages, and sentences that may hold parts of them."""
    asked: str | None = None
    answered: str | None = None
    """Messages as JSON, where they may be told."""


def place_of(
    traceparent: str | None, share: float, draw: Callable[[int], bytes] = secrets.token_bytes
) -> Place | None:
    """Where an answer's span stands; None where it is not traced.

    A caller's W3C `traceparent` says where, and whether: its flag is followed, either way
    (https://www.w3.org/TR/trace-context/). Without one, or where it is none, `share` of the answers
    are traced, by their trace's last 8 bytes, as OpenTelemetry's TraceIdRatioBased draws them.
    """
    given = read_traceparent(traceparent) if traceparent else None
    if given is not None:
        here = Place(trace=given.trace, span=draw(8), parent=given.parent)
        return here if given.sampled else None
    drawn = draw(24)
    if int.from_bytes(drawn[8:16], "big") >= share * 2**64:
        return None
    return Place(trace=drawn[:16], span=drawn[16:])
