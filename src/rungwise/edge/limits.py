"""How long may a request's head be and take, how many connections may there be, and how long idle?

All that happens before a key is seen, and httptools bounds none of it: it collects headers for as
long as they come.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from rungwise.edge.door import HEALTH
from rungwise.edge.faults import fault_response
from rungwise.edge.refusals import Busy, LongHead, NotHttp, SlowHead
from rungwise.errors import RungwiseError

__all__ = ["Limits", "bounded"]

EACH = 64
"""Bytes that a header takes beside its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    connections: int
    """More than these are told to come again, once no idle one is left to close; health is told to
    all."""
    idle_s: float = 120.0
    """Closed after so long without a request. What closes as a request is sent loses it, so it is
    for the clients to close first: httpx, and with it OpenAI's and Anthropic's SDKs, does after 5
    s, aiohttp after 15, AWS's load balancers and nginx after 60, Go after 90."""
    head_bytes: int = 64 * 1024
    head_s: float = 10.0
    waiting: int = 16
    """Requests that one connection may send ahead of their answers."""


def bounded(given: Limits) -> type[HttpToolsProtocol]:
    """What to give uvicorn as `http`."""

    class Bounded(_Bounded):
        limits = given

    return Bounded


class _Bounded(HttpToolsProtocol):
    limits: ClassVar[Limits]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = self.limits.idle_s  # type: ignore[assignment]
        self._head = self._unheard = 0
        """Bytes of this request's head, and those that httptools has not told of yet."""
        self._patience: asyncio.TimerHandle | None = None
        self._fault: RungwiseError | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._make_room()
        self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        self._unset_keepalive_if_required()  # uvicorn would keep one that was reset until then
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._patience is None and (self.cycle is None or self.cycle.response_complete):
            self._begin_to_wait()
        self._unheard += len(data)
        super().data_received(data)
        if self._unheard > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(self._too_long())

    def _make_room(self) -> None:
        """In place of the connection that has been idle longest."""
        idle = [
            (timer.when(), other.timeout_keep_alive_handler)
            for other in self.connections
            if isinstance(other, _Bounded)
            and (timer := other.timeout_keep_alive_task)
            and not other.transport.is_closing()
        ]
        if idle:
            _, close = min(idle, key=itemgetter(0))
            close()

    # ---- what httptools tells --------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._head = self._unheard = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Also of what follows a body in chunks."""
        self._take(len(name) + len(value) + EACH)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._end_waiting()
        if len(self.pipeline) >= self.limits.waiting:
            self._fault = LongHead("too many requests were sent ahead of their answers")
            raise self._fault
        crowded = len(self.connections) > self.limits.connections
        self.app = self._come_again if crowded else self.config.loaded_app
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        super().on_body(body)

    def _take(self, size: int) -> None:
        self._unheard = 0
        self._head += size
        if self._head > self.limits.head_bytes:
            self._fault = self._too_long()
            raise self._fault

    # ---- what is told ----------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """uvicorn's own answer to what httptools cannot read, or to what was raised above."""
        self._refuse(self._fault or NotHttp(msg, code="not_http"))

    def _too_long(self) -> LongHead:
        most = self.limits.head_bytes // 1024
        return LongHead(f"the request's head is over {most} KiB", code="head_too_large")

    def _refuse(self, fault: RungwiseError) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else this is not its place
            self.transport.write(_bytes_of(fault_response(fault, "a connection")))
        self.transport.close()

    async def _come_again(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in HEALTH:
            await self.config.loaded_app(scope, receive, send)
        else:
            busy = Busy(f"there are {self.limits.connections} connections already")
            await fault_response(busy, "a connection")(scope, receive, send)

    # ---- time ------------------------------------------------------------------------------

    def _begin_to_wait(self) -> None:
        self._patience = self.loop.call_later(self.limits.head_s, self._lose_patience)

    def _end_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            late = f"the request's head was not whole within {self.limits.head_s:g} s"
            self._refuse(SlowHead(late, code="request_timeout"))


def _bytes_of(response: Response) -> bytes:
    lines = [name + b": " + value + b"\r\n" for name, value in response.raw_headers]
    return b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n", response.body])
