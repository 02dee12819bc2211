"""Is there a body of JSON, and did all of it arrive, in time and in size?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from rungwise.edge.refusals import SlowBody, WrongKind
from rungwise.errors import TooLarge

__all__ = ["BodyLimits", "ClientGone", "read_body", "refuse_other_kinds"]

SLOWEST = 64 * 1024
"""Bytes per second: a body that drips more slowly than this does not keep its connection."""


class ClientGone(Exception):
    """The client closed the connection; there is no one to answer."""


class BodyLimits:
    def __init__(self, *, most_bytes: int, stall_s: float) -> None:
        self.most_bytes, self.stall_s = most_bytes, stall_s


def refuse_other_kinds(headers: Mapping[str, str]) -> None:
    """Raises WrongKind. What any web page may send without asking is of other kinds, or none."""
    told = headers.get("content-type", "")
    if told.partition(";")[0].strip().lower() != "application/json":
        wrong = f"must be application/json, not {told!r:.80}" if told else "is missing"
        raise WrongKind(
            f"content-type: {wrong}; with curl add -H 'content-type: application/json'",
            param="content-type",
            code="unsupported_media_type",
        )


async def read_body(headers: Mapping[str, str], receive: Receive, limits: BodyLimits) -> bytes:
    """Raises TooLarge, SlowBody and ClientGone."""
    told = headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > limits.most_bytes:
        raise _too_large(limits)
    now = asyncio.get_running_loop().time
    start, size, parts = now(), 0, []
    try:
        async with asyncio.timeout(limits.stall_s) as patience:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if size > limits.most_bytes:
                    raise _too_large(limits)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
                earned = start + limits.stall_s + size / SLOWEST
                patience.reschedule(min(now() + limits.stall_s, earned))
    except TimeoutError:
        raise SlowBody("the body stopped arriving", code="request_timeout") from None


def _too_large(limits: BodyLimits) -> TooLarge:
    most = limits.most_bytes / 2**20
    return TooLarge(f"the body is over {most:g} MiB", code="request_too_large")
