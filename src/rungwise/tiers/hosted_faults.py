"""Whose fault is it, when a hosted API or its SDK fails?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rungwise.errors import TierError
from rungwise.types import TierFault

__all__ = ["Malformed", "SdkErrors", "fault_of"]

MESSAGE_CHARS = 300
_BY_STATUS: Mapping[int, TierFault] = {
    401: "unauthorised",
    402: "unauthorised",
    403: "unauthorised",
    408: "timeout",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
_TOO_LONG = (
    "context_length_exceeded",
    "prompt is too long",
    "exceed context limit",
    "exceeds the context window",
    "maximum context length",
)


class Malformed(Exception):
    """The upstream answered, but not in its own protocol."""


@dataclass(frozen=True, slots=True)
class SdkErrors:
    """One SDK's exceptions, by what they mean."""

    timeout: type[Exception]
    connection: type[Exception]
    status: type[Exception]


def fault_of(
    tier: str, error: Exception, sdk: SdkErrors, *, opened: bool, secret: str
) -> TierError:
    """The TierError for whatever came out of an SDK; `opened` once a response had begun."""
    import httpx2

    if isinstance(error, TierError):
        return error
    retry_after_s = None
    if isinstance(error, (TimeoutError, sdk.timeout, httpx2.TimeoutException)):
        fault, message = _timeout()
    elif isinstance(error, sdk.status):
        fault, message = _status(error)
        retry_after_s = _retry_after(error)
    elif isinstance(error, (sdk.connection, httpx2.HTTPError)):
        fault, message = _connection(error, opened)
    elif opened:
        fault, message = "broken", _not_the_protocol(error)
    else:
        fault, message = "rejected", f"the request cannot be sent ({_short(error)})"
    return TierError(tier, fault, _clean(message, secret), retry_after_s=retry_after_s)


def _timeout() -> tuple[TierFault, str]:
    return "timeout", "no complete answer within the deadline"


def _status(error: Any) -> tuple[TierFault, str]:
    status = int(error.status_code)
    kind, code, message = _said(error.body)
    message = message or str(error.message)
    if status < 300:  # an error event inside a stream that had begun
        return "broken", f"the stream failed: {kind or 'error'}: {message}"
    if status < 400:
        return "broken", f"HTTP {status}: {message}"
    if status < 500 and any(mark in f"{code} {message}" for mark in _TOO_LONG):
        return "too_long", message
    fallback: TierFault = "rejected" if status < 500 else "broken"
    return _BY_STATUS.get(status, fallback), f"HTTP {status}: {message}"


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
    cause = error.__cause__ or error
    if opened:
        return "broken", f"the connection was lost inside the answer ({_short(cause)})"
    return "unavailable", f"no connection ({_short(cause)})"


def _not_the_protocol(error: Exception) -> str:
    if isinstance(error, Malformed):
        return str(error)
    kind, _, message = _said(getattr(error, "body", None))  # an error event of the openai SDK
    if message:
        return f"the stream failed: {kind or 'error'}: {message}"
    return f"the answer is not in the protocol ({_short(error)})"


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _clean(message: str, secret: str) -> str:
    """One line without the key; cut only after the key is out, so that no half of it stays."""
    line = " ".join(message.split())
    return (line.replace(secret, "***") if secret else line)[:MESSAGE_CHARS]


def _retry_after(error: Any) -> float | None:
    """Seconds from Retry-After, which is a number or an HTTP date."""
    said = str(error.response.headers.get("retry-after", ""))
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
