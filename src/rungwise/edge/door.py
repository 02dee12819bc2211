"""Who comes in? Every request gets an id; without a known key only health is told.

Where no keys are configured everybody on this machine comes in, but no web page of others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rungwise.contracts import Keyring, Pace
from rungwise.edge.auth import secret_of
from rungwise.edge.body import ClientGone
from rungwise.edge.closing import Closing
from rungwise.edge.faults import fault_response
from rungwise.edge.origin import refuse_foreign
from rungwise.edge.page import PAGE_PATHS
from rungwise.edge.refusals import Stopping
from rungwise.errors import NotAuthorised
from rungwise.types import Caller

__all__ = ["HEALTH", "LOOKS", "OPEN", "OUTCOMES", "Door", "Visit", "visit_of"]

OUTCOMES = "/v1/outcomes"
HEALTH = frozenset({"/healthz", "/readyz"})
"""What orchestrators ask."""
OPEN = HEALTH | PAGE_PATHS
"""The only paths that need no key. The page's files hold no data."""
LOOKS = 120
"""A minute, however few answers a key may ask for: an open page takes about 50."""

_KEY = "rungwise.visit"


@dataclass(frozen=True, slots=True)
class Visit:
    id: str
    caller: Caller


class Door:
    """ASGI middleware. Nothing unexpected leaves it: a traceback goes to the log, never out."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        keyring: Keyring,
        new_id: Callable[[], str],
        closing: Closing,
        pace: Pace | None = None,
        looks: Pace | None = None,
    ) -> None:
        """Without a pace nobody is held back; `looks` is that of what begins no answer."""
        self._app, self._keyring, self._new_id = app, keyring, new_id
        self._closing, self._pace, self._looks = closing, pace, looks
        self._open_to_all = _lets_in_without_a_key(keyring)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id, started = self._new_id(), False

        def send_with_id(message: Message) -> Awaitable[None]:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                told = id.encode()  # the second is Anthropic's name for it
                own = [(b"x-request-id", told), (b"request-id", told)]
                message["headers"] = [*message["headers"], *own]
            return send(message)

        try:
            visit = scope[_KEY] = Visit(id, self._identify(scope))
            with ExitStack() as answer:
                self._permit(answer, scope, visit.caller)
                await self._app(scope, receive, send_with_id)
        except ClientGone:
            return
        except (Exception, asyncio.CancelledError) as error:
            # only the server cancels here: what its grace period did not see to the end
            told = Stopping() if isinstance(error, asyncio.CancelledError) else error
            response = fault_response(told, id, path=scope["path"])
            if not started:
                await response(scope, receive, send_with_id)

    def _identify(self, scope: Scope) -> Caller:
        if scope["path"] in OPEN:
            return Caller()
        if self._open_to_all:
            refuse_foreign(scope["headers"])
        return self._keyring.identify(secret_of(scope["headers"]))

    def _permit(self, answer: ExitStack, scope: Scope, caller: Caller) -> None:
        """For as long as an answer lasts, from before its body is read. What only looks, or tells
        what became of an answer, is heard during a drain too, and takes no answer's turn."""
        path: str = scope["path"]
        if not path.startswith("/v1/"):
            return
        if scope["method"] == "POST" and path != OUTCOMES:
            answer.enter_context(self._closing.answer())
            if self._pace is not None:
                answer.enter_context(self._pace.permit(caller))
        elif self._looks is not None:
            answer.enter_context(self._looks.permit(_looking(caller)))


def _looking(caller: Caller) -> Caller:
    """At the pace of looks: each answer may be looked at, and spoken of, and none is too many to
    be open at once."""
    rate = caller.requests_per_minute
    most = None if rate is None else max(LOOKS, 2 * rate)
    return replace(caller, requests_per_minute=most, concurrent=None)


def _lets_in_without_a_key(keyring: Keyring) -> bool:
    try:
        keyring.identify(None)
    except NotAuthorised:
        return False
    return True


def visit_of(request: Request) -> Visit:
    visit = request.scope[_KEY]
    assert isinstance(visit, Visit)
    return visit
