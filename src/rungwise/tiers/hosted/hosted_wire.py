"""How do a request and its stream travel to a hosted API?

Over aiohttp, to the address and with the headers that the official SDK would use. The SDKs' own
way takes some twenty times as much of the processor for each answer.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rungwise.config.loopback import leads_here
from rungwise.tiers.hosted.hosted_events import Events
from rungwise.tiers.hosted.hosted_faults import AT_ONCE_S, Refused

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Address", "Stream", "Wire", "address_of"]

CONNECT_S = 10.0
"""An address where nobody answers is not waited for until the draft's deadline."""
DRAIN_S = 0.1
"""For the end of a body whose last event has come, so that its connection can be used again."""
MOST_SAID = 64 * 1024
"""Bytes that are read of an error's body."""
DONE = b"[DONE]"
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Sdk(Protocol):
    """What is asked of an official SDK's client."""

    @property
    def base_url(self) -> object: ...
    @property
    def default_headers(self) -> Mapping[str, object]: ...
    @property
    def auth_headers(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    url: str
    headers: Mapping[str, str] = field(repr=False)
    """With the key: never shown."""
    proxy: str | None = field(default=None, repr=False)
    trust: ssl.SSLContext | None = None


def address_of(sdk: Sdk, path: str) -> Address:
    """Where the SDK's client would send a request for `path`, and with which headers.

    Raises ValueError for a key that no header can carry. Reads certificates: not for the event
    loop.
    """
    import httpx2

    url = f"{str(sdk.base_url).rstrip('/')}/{path}"
    told = {**sdk.default_headers, **sdk.auth_headers}
    headers = {name: value for name, value in told.items() if isinstance(value, str)}
    # events that wait for a compressor to fill its block come late
    headers |= {"Accept": "text/event-stream, application/json", "Accept-Encoding": "identity"}
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise ValueError("the key holds what no header can carry")
    here = leads_here(url)
    secure = url.startswith("https:")
    return Address(
        url=url,
        headers=headers,
        proxy=None if here else _proxy_for(url),
        trust=httpx2.create_ssl_context(trust_env=not here) if secure else None,
    )


def _proxy_for(url: str) -> str | None:
    """As HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY have it."""
    parts, told = urlsplit(url), getproxies()
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return told.get(parts.scheme) or told.get("all")


class Wire:
    """One upstream and its open connections, of which there may be any number."""

    def __init__(self, address: Address) -> None:
        """In the event loop that will use it."""
        import aiohttp

        self._address = address
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_kept)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=address.trust or True),
            headers=address.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
            proxy=address.proxy,
            trace_configs=[tracing],
        )

    async def open(self, request: Mapping[str, Any]) -> Stream:
        """Send one JSON body; the stream once its answer has begun.

        Raises Refused for a status other than 200, ValueError (or TypeError) for what is not
        JSON, and what aiohttp raises.
        """
        body = _JSON.encode(request).encode()
        response = await self._post(body)
        if response.status >= 300:
            raise await _refused(response)
        return Stream(response)

    async def _post(self, body: bytes, *, again: bool = False) -> aiohttp.ClientResponse:
        """Sent once more where a kept connection was closed at once: an upstream that closes idle
        ones may do so just as one is used, and has then not read what was sent."""
        import aiohttp

        kept: list[bool] = []
        now = asyncio.get_running_loop().time
        began = now()
        try:
            return await self._session.post(
                self._address.url, data=body, allow_redirects=False, trace_request_ctx=kept
            )
        except aiohttp.ClientConnectionError:
            if again or not kept or now() - began > AT_ONCE_S:
                raise
        return await self._post(body, again=True)

    async def close(self) -> None:
        await self._session.close()


async def _note_kept(_session: object, context: Any, _told: object) -> None:
    """That a connection is used which was kept after an earlier answer."""
    context.trace_request_ctx.append(True)


class Stream:
    """The events of one answer, as they come."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response, self._content = response, response.content
        self._events = Events()
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._over = False

    @property
    def kind(self) -> str:
        """Its content type; "" where none was told."""
        return self._response.headers.get("Content-Type", "")

    async def more(self, until: float) -> list[bytes]:
        """The data of the events that came next; none once the answer has ended.

        Raises TimeoutError at `until`, a time of the event loop's, and what aiohttp raises.
        """
        while not self._over:
            chunk = await self._next(until)
            if not chunk:
                break
            events = self._events.feed(chunk)
            if DONE in events:
                self._over = True
                del events[events.index(DONE) :]
            if events:
                return events
        await self._drain()
        return []

    def close(self) -> None:
        """An answer that has not ended takes its connection with it, which stops its upstream."""
        self._response.close()

    async def _next(self, until: float) -> bytes:
        # Mostly there is something to read. A timeout stands around each wait and not around the
        # whole draft: one that is open while a generator is suspended would cancel whatever its
        # reader is doing. asyncio's own costs ten times as much as a bare timer
        if self._now() >= until:
            raise TimeoutError
        chunk = self._content.read_nowait()
        if chunk or self._content.at_eof():
            return chunk
        timer = self._loop.call_at(until, self._content.set_exception, TimeoutError())
        try:
            return await self._content.readany()
        finally:
            timer.cancel()

    async def _drain(self) -> None:
        if not self._content.at_eof():
            with suppress(Exception):
                async with asyncio.timeout(DRAIN_S):
                    while await self._content.readany():
                        pass


async def _refused(response: aiohttp.ClientResponse) -> Refused:
    said = b""
    try:
        # the status tells enough, should its words be cut off
        with suppress(Exception):
            while len(said) < MOST_SAID and (chunk := await response.content.readany()):
                said += chunk
    finally:
        response.close()
    retry_after = response.headers.get("Retry-After", "")
    return Refused(response.status, said[:MOST_SAID].decode("utf-8", "replace"), retry_after)
