"""Whose fault is it, when a hosted API fails?"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from rungwise.errors import TierError
from rungwise.tiers.hosted.hiding import without
from rungwise.types import TierFault

__all__ = ["AT_ONCE_S", "Malformed", "Refused", "failed", "fault_of", "may_be_billed"]

MESSAGE_CHARS = 300
MOST_READ = 10_000
"""Characters of a message that are looked through."""
_BY_STATUS: Mapping[int, TierFault] = {
    401: "unauthorised",
    402: "unauthorised",
    403: "unauthorised",
    408: "timeout",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
AT_ONCE_S = 1.0
"""Whoever is gone so soon after a request was sent had hardly begun with it."""
_GIVEN_UP = (408, 504, 524)
"""Of a gateway: who stands behind it did not answer in time, and may be writing still."""
_TOO_LONG = (
    "context_length_exceeded",
    "prompt is too long",
    "exceed context limit",
    "exceeds the context window",
    "maximum context length",
)


class Malformed(Exception):
    """The upstream answered, but not in its own protocol."""


class Refused(Exception):
    """The upstream answered with a status that is no answer; `body` is what it said, as text."""

    def __init__(self, status: int, body: str, retry_after: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status, self.body, self.retry_after = status, body, retry_after


def failed(error: object) -> Malformed:
    """For an error that an upstream put into its stream."""
    kind, _, message = _said(error)
    return Malformed(f"the stream failed: {kind or 'error'}: {message}")


def fault_of(tier: str, error: Exception, *, opened: bool, secret: str) -> TierError:
    """The TierError for whatever happened on the wire; `opened` once a response had begun."""
    import aiohttp

    if isinstance(error, TierError):
        return error
    retry_after_s = None
    if isinstance(error, Refused):
        fault, message = _status(error)
        retry_after_s = _retry_after(error.retry_after)
    elif isinstance(error, aiohttp.ConnectionTimeoutError):
        fault, message = "unavailable", "no connection: nobody answered at its address"
    elif isinstance(error, TimeoutError):
        fault, message = "timeout", "no complete answer within the deadline"
    # their words hold the proxy's address, and so its password
    elif isinstance(error, aiohttp.ClientHttpProxyError):
        fault, message = "unavailable", f"no connection: its proxy answered HTTP {error.status}"
    elif isinstance(error, (aiohttp.ClientResponseError, aiohttp.InvalidURL)):
        fault, message = "broken", f"the answer is not HTTP ({type(error).__name__})"
    elif isinstance(error, (aiohttp.ClientError, OSError)):
        fault, message = _connection(error, opened)
    elif isinstance(error, Malformed):
        fault, message = "broken", str(error)
    elif opened:
        fault, message = "broken", f"the answer is not in the protocol ({_short(error)})"
    else:
        fault, message = "rejected", f"the request cannot be sent ({_short(error)})"
    return TierError(tier, fault, _clean(message, secret), retry_after_s=retry_after_s)


def may_be_billed(error: Exception, *, took_s: float) -> bool:
    """Whether the upstream may have had the whole request, and have written to it, though no answer
    has begun; `took_s` after it was asked."""
    import aiohttp

    if isinstance(error, Refused):
        lost = error.status == 502 and took_s > AT_ONCE_S
        return lost or error.status in _GIVEN_UP
    unsent = (
        aiohttp.ClientConnectorError,
        aiohttp.ClientHttpProxyError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
        aiohttp.ServerFingerprintMismatch,
    )
    return isinstance(error, (aiohttp.ClientError, OSError)) and not isinstance(error, unsent)


def _status(error: Refused) -> tuple[TierFault, str]:
    status = error.status
    _, code, message = _said(_parsed(error.body))
    if status < 400:
        return "broken", f"HTTP {status}: {message or 'sent elsewhere'}"
    if status < 500 and any(mark in f"{code} {message}" for mark in _TOO_LONG):
        return "too_long", message
    fallback: TierFault = "rejected" if status < 500 else "broken"
    return _BY_STATUS.get(status, fallback), f"HTTP {status}: {message or 'and no more'}"


def _parsed(body: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body


def _said(body: object) -> tuple[str, str, str]:
    """An error body's type, code and message; "" for what it does not have."""
    if isinstance(body, str):
        return "", "", body
    if not isinstance(body, Mapping):
        return "", "", ""
    inner = body.get("error", body)
    if not isinstance(inner, Mapping):
        return "", "", str(inner)
    values = (inner.get(key) for key in ("type", "code", "message"))
    kind, code, message = (value if isinstance(value, str) else "" for value in values)
    return kind, code, message


def _connection(error: Exception, opened: bool) -> tuple[TierFault, str]:
    if opened:
        return "broken", f"the connection was lost inside the answer ({_short(error)})"
    if may_be_billed(error, took_s=0.0):
        return "unavailable", f"the connection was lost before an answer ({_short(error)})"
    return "unavailable", f"no connection ({_short(error)})"


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _clean(message: str, secret: str) -> str:
    """One line without the key; cut only after the key is out, so that no part of it stays."""
    return without(" ".join(message[:MOST_READ].split()), [secret])[:MESSAGE_CHARS]


def _retry_after(said: str) -> float | None:
    """Seconds from Retry-After, which is a number or an HTTP date."""
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
