"""Which trace does a caller stand in? The `traceparent` of W3C Trace Context, read strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Traceparent", "read_traceparent"]

_FORM = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<more>-[ -~]{0,64})?",
    re.ASCII,
)
_SAMPLED = 0x01
_NO_TRACE, _NO_PARENT = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Traceparent:
    """16 bytes of the trace, 8 of the caller's own span, and whether the caller traces this one."""

    trace: bytes
    parent: bytes
    sampled: bool


def read_traceparent(told: str) -> Traceparent | None:
    """None where it is none: version ff is none, zeros are no ids, and only later versions may say
    more (https://www.w3.org/TR/trace-context/)."""
    form = _FORM.fullmatch(told)
    if form is None or form["version"] == "ff" or (form["version"] == "00" and form["more"]):
        return None
    if form["trace"] == _NO_TRACE or form["parent"] == _NO_PARENT:
        return None
    return Traceparent(
        trace=bytes.fromhex(form["trace"]),
        parent=bytes.fromhex(form["parent"]),
        sampled=bool(int(form["flags"], 16) & _SAMPLED),
    )
