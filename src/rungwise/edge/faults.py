"""Which status and which OpenAI error body does a failure get? The one table."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import Response

from rungwise.edge.refusals import (
    Busy,
    Foreign,
    LongHead,
    NotHttp,
    SlowBody,
    SlowHead,
    Stopping,
    WrongKind,
)
from rungwise.errors import (
    CallerError,
    LadderExhausted,
    NotAuthorised,
    StoreError,
    TierError,
    TooLarge,
    UnknownAnswer,
    UnknownModel,
)

__all__ = ["Fault", "fault_of", "fault_response"]

logger = logging.getLogger(__name__)

CALLERS = "invalid_request_error"
OURS = "server_error"

COME_AGAIN = {"retry-after": "1", "connection": "close"}

CALLER_STATUS: dict[type[CallerError], tuple[int, dict[str, str]]] = {
    CallerError: (400, {}),
    UnknownModel: (404, {}),
    UnknownAnswer: (404, {}),
    NotAuthorised: (401, {"www-authenticate": "Bearer"}),
    Foreign: (403, {}),
    TooLarge: (413, {}),
    WrongKind: (415, {}),
    SlowBody: (408, {"connection": "close"}),
    SlowHead: (408, {"connection": "close"}),
    LongHead: (431, {"connection": "close"}),
    NotHttp: (400, {"connection": "close"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A failure as the OpenAI protocol tells it."""

    status: int
    message: str
    type: str = OURS
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """ASCII, on one line."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": told}, separators=(",", ":"))


def fault_of(error: Exception, id: str) -> Fault:
    """What the caller is told. What it is not told is in the log, with the request's id."""
    match error:
        case CallerError():
            kind = next(kind for kind in type(error).__mro__ if kind in CALLER_STATUS)
            status, headers = CALLER_STATUS[kind]
            return _callers(status, error.message, error.param, error.code, headers)
        case LadderExhausted():
            return _exhausted(error)
        case TierError():
            return _of_tier(error)
        case StoreError():
            logger.error("%s: the ledger failed: %s", id, error)
            return Fault(status=503, message="the ledger is not available", code="store_error")
        case Busy():
            return _ours(503, f"{error}; try again", "too_many_connections", COME_AGAIN)
        case Stopping():
            return _ours(503, "the server is stopping", "stopping", COME_AGAIN)
        case HTTPException():
            return _of_route(error)
        case _:
            logger.error("%s: unexpected %s", id, type(error).__name__, exc_info=error)
            return Fault(
                status=500, message=f"internal error; see the log for {id}", code="internal"
            )


def fault_response(error: Exception, id: str) -> Response:
    fault = fault_of(error, id)
    return Response(fault.body, fault.status, fault.headers, media_type="application/json")


def _callers(
    status: int, message: str, param: str | None, code: str | None, headers: dict[str, str]
) -> Fault:
    return Fault(
        status=status, message=message, type=CALLERS, param=param, code=code, headers=headers
    )


def _ours(status: int, message: str, code: str, headers: dict[str, str]) -> Fault:
    return Fault(status=status, message=message, code=code, headers=headers)


def _exhausted(error: LadderExhausted) -> Fault:
    """A caller's fault where every rung that failed refused the request itself."""
    drafts = [a for a in error.attempts if a.role == "draft"]
    faults = {a.fault for a in drafts if a.state == "failed"}
    if error.last.caller_fault and faults <= {"rejected", "too_long"}:
        return _refused(error.last)
    # the reasons can hold what an upstream said of our own key
    tried = ", ".join(f"{a.tier} {a.fault or a.state}" for a in drafts)
    return Fault(
        status=503,
        message=f"no rung could answer: {tried}" if tried else "no rung could answer",
        code="ladder_exhausted",
        headers=_retry_after(error.last),
    )


def _of_tier(error: TierError) -> Fault:
    """A released draft broke off."""
    if error.caller_fault:
        return _refused(error)
    message = f"{error.tier} broke off: {error.fault}"
    return Fault(status=502, message=message, code=error.fault, headers=_retry_after(error))


def _refused(error: TierError) -> Fault:
    code = "context_length_exceeded" if error.fault == "too_long" else "rejected"
    return _callers(400, f"{error.tier}: {error.message[:500]}", _blamed(error), code, {})


def _blamed(error: TierError) -> str | None:
    """Which field is at fault. Upstreams name max_completion_tokens for max_tokens, too."""
    if "max_tokens" in error.message or "max_completion_tokens" in error.message:
        return "max_tokens"
    return "messages" if error.fault == "too_long" else None


def _of_route(error: HTTPException) -> Fault:
    codes = {404: "unknown_route", 405: "method_not_allowed"}
    return _callers(
        error.status_code,
        error.detail,
        None,
        codes.get(error.status_code),
        dict(error.headers or {}),
    )


def _retry_after(error: TierError) -> dict[str, str]:
    if error.retry_after_s is None or not math.isfinite(error.retry_after_s):
        return {}
    return {"retry-after": str(max(1, math.ceil(error.retry_after_s)))}
