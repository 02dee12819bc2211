"""Which status and which error body does a failure get? The one table."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import Response

from rungwise.edge.messages_faults import PATH, error_body, error_event
from rungwise.edge.refusals import (
    Busy,
    Draining,
    Foreign,
    LongHead,
    NotHttp,
    SlowBody,
    SlowHead,
    Stopping,
    WrongKind,
)
from rungwise.errors import (
    CALLER_FAULTS,
    CallerError,
    LadderExhausted,
    NotAllowed,
    NotAuthorised,
    OverBudget,
    RepeatDiffers,
    RepeatOpen,
    RepeatSpent,
    StoreError,
    TierError,
    TooFast,
    TooLarge,
    UnknownAnswer,
    UnknownModel,
)

__all__ = ["Fault", "fault_event", "fault_of", "fault_response"]

logger = logging.getLogger(__name__)

CALLERS = "invalid_request_error"
OURS = "server_error"

COME_AGAIN = {"retry-after": "1", "connection": "close"}

CALLER_STATUS: dict[type[CallerError], tuple[int, dict[str, str]]] = {
    CallerError: (400, {}),
    UnknownModel: (404, {}),
    UnknownAnswer: (404, {}),
    NotAuthorised: (401, {"www-authenticate": "Bearer"}),
    NotAllowed: (403, {}),
    Foreign: (403, {}),
    OverBudget: (402, {}),
    RepeatOpen: (409, {"retry-after": "1"}),
    RepeatSpent: (409, {}),
    RepeatDiffers: (422, {}),
    TooFast: (429, {}),
    TooLarge: (413, {}),
    WrongKind: (415, {}),
    SlowBody: (408, {"connection": "close"}),
    SlowHead: (408, {"connection": "close"}),
    LongHead: (431, {"connection": "close"}),
    NotHttp: (400, {"connection": "close"}),
}

MESSAGE_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
"""What Anthropic's protocol calls a failure; other callers' faults are invalid requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A failure, as both protocols tell it."""

    status: int
    message: str
    type: str = OURS
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> str:
        """As the OpenAI protocol tells it: ASCII, on one line."""
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return json.dumps({"error": told}, separators=(",", ":"))

    def message_body(self, id: str) -> str:
        """As Anthropic's protocol tells it: ASCII, on one line."""
        other = MESSAGE_KINDS[400] if self.type == CALLERS else "api_error"
        message = self.message  # which has to say it all
        if self.code == "context_length_exceeded":
            message = f"prompt is too long: {message}"  # Claude Code compacts when it reads this
        elif self.param is not None and self.param not in message:
            message = f"{self.param}: {message}"
        return error_body(MESSAGE_KINDS.get(self.status, other), message, id)


def fault_of(error: Exception, id: str) -> Fault:
    """What the caller is told. What it is not told is in the log, with the request's id."""
    match error:
        case TooFast():
            wait = {"retry-after": _seconds(error.retry_after_s)}
            return _callers(CALLER_STATUS[TooFast][0], error.message, None, error.code, wait)
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
        case Draining():
            wait = {**COME_AGAIN, "retry-after": _seconds(error.retry_after_s)}
            return _ours(503, str(error), "draining", wait)
        case Stopping():
            return _ours(503, "the server is stopping", "stopping", COME_AGAIN)
        case HTTPException():
            return _of_route(error)
        case _:
            logger.error("%s: unexpected %s", id, type(error).__name__, exc_info=error)
            return Fault(
                status=500, message=f"internal error; see the log for {id}", code="internal"
            )


def fault_response(error: Exception, id: str, *, path: str = "") -> Response:
    """In the protocol that is spoken at this path."""
    fault = fault_of(error, id)
    messages = path == PATH or path.startswith(f"{PATH}/")
    body = fault.message_body(id) if messages else fault.body
    return Response(body, fault.status, fault.headers, media_type="application/json")


def fault_event(error: Exception, id: str) -> str:
    """The end of a Messages stream that failed."""
    return error_event(fault_of(error, id).message_body(id))


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
    if error.last.caller_fault and faults <= CALLER_FAULTS:
        return _refused(error.last)
    # the reasons can hold what an upstream said of our own key
    tried = ", ".join(f"{a.tier} {a.fault or a.state}" for a in drafts)
    return Fault(
        status=503,
        message=f"no rung could answer: {tried}" if tried else "no rung could answer",
        code="ladder_exhausted",
        headers=_retry_after(*error.faults),
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


def _retry_after(*faults: TierError) -> dict[str, str]:
    """When the first of these rungs may answer."""
    hints = [fault.retry_after_s for fault in faults if fault.retry_after_s is not None]
    finite = [hint for hint in hints if math.isfinite(hint)]
    return {"retry-after": _seconds(min(finite))} if finite else {}


def _seconds(wait_s: float) -> str:
    return str(max(1, math.ceil(wait_s)))
