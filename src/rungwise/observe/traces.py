"""Who tells OpenTelemetry of an answer? This, once it is written down, by OTLP over HTTP.

Nobody waits for it: what is seen goes into a short queue, and from there in batches to the
endpoint. While that is down, or slower than the answers come, the queue's oldest give way.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from rungwise.config import TracesConfig
from rungwise.errors import ConfigError
from rungwise.observe.trace_texts import answered, asked
from rungwise.observe.traced import Place, Traced, place_of
from rungwise.types import Chat, Entry, Piece

if TYPE_CHECKING:
    import aiohttp

    from rungwise.observe.spans import Spans

__all__ = ["Traces", "check_installed"]

MOST_WAITING = 2048
"""Answers."""
BATCH = 128
"""Answers in one request."""
EVERY_S = 2.0
PATIENCE_S = 4.0
"""For one request, and for all that are left when the server stops."""
LONGEST_PAUSE_S = 30.0
MOST_LINKED = 4096
"""Answers whose audit may still come."""
_LATER = (429, 502, 503, 504)
"""Statuses after which OTLP has the same sent again."""

logger = logging.getLogger(__name__)


def check_installed(config: TracesConfig) -> None:
    """Raises ConfigError."""
    if config.endpoint is not None and not _installed():
        raise ConfigError(
            "traces.endpoint: traces need a package that is not installed; "
            "pip install 'rungwise[traces]', or set no endpoint"
        )


class Traces:
    """An Onlooker, and a part of the server. Without an endpoint it does nothing.

    `providers`: tier to its provider, as in trace_names. Texts that may not leave the box, by
    their caller's wish or by one of `private_tags`, are in no span, whatever the endpoint is. An
    endpoint that fails is told of once, and once when it is back; so is one that is too slow.
    """

    def __init__(
        self,
        config: TracesConfig,
        providers: Mapping[str, str],
        *,
        private_tags: frozenset[str] = frozenset(),
        every_s: float = EVERY_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._config, self._providers, self._private = config, providers, private_tags
        self._every_s, self._patience_s = every_s, patience_s
        self._waiting: deque[Traced] = deque(maxlen=MOST_WAITING)
        self._linked: dict[str, Place] = {}
        self._soon, self._ending = asyncio.Event(), False
        self._sending: asyncio.Task[None] | None = None
        self._failing = self._full = False
        """What the log has said of the endpoint last."""
        self._lost = 0
        """Answers that the log has not counted yet."""

    async def start(self) -> None:
        """Connects to nothing yet. Raises ConfigError."""
        if self._config.endpoint is None:
            return
        check_installed(self._config)
        import aiohttp

        from rungwise.observe.spans import Spans

        spans = Spans(self._providers)
        patience = aiohttp.ClientTimeout(total=self._patience_s)
        session = aiohttp.ClientSession(timeout=patience, cookie_jar=aiohttp.DummyCookieJar())
        self._ending = False
        self._sending = asyncio.create_task(self._send_all(session, self._config.endpoint, spans))

    async def stop(self) -> None:
        sending, self._sending = self._sending, None
        if sending is None:
            return
        self._ending = True
        self._soon.set()
        await asyncio.wait({sending}, timeout=self._patience_s)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        self._lost += len(self._waiting)
        self._waiting.clear()
        if self._lost:
            logger.warning("traces: %d answers were not told of", self._lost)

    def see(self, chat: Chat, given: Sequence[Piece], entry: Entry) -> None:
        if self._sending is None:
            return
        place = place_of(chat.trace, self._config.share)
        if place is None:
            return
        quoted = self._may_quote(chat)
        self._note(
            Traced(
                place=place,
                entry=entry,
                quoted=quoted,
                asked=asked(chat.messages) if quoted else None,
                answered=answered(given) if quoted else None,
            )
        )
        self._linked[entry.id] = place
        if len(self._linked) > MOST_LINKED:
            del self._linked[next(iter(self._linked))]

    def read_audit(self, entry: Entry) -> None:
        """An audit stands in a trace of its own, which leads to that of the answer."""
        if self._sending is None or entry.audits is None:
            return
        audited = self._linked.get(entry.audits)
        place = place_of(None, self._config.share if audited is None else 1.0)
        if place is not None:
            # what may not leave the box is in no audit (see auditing/choosing.py)
            quoted = self._config.prompts
            self._note(Traced(place=place, entry=entry, quoted=quoted, audited=audited))

    def _may_quote(self, chat: Chat) -> bool:
        private = chat.wish.local_only or not self._private.isdisjoint(chat.tags)
        return self._config.prompts and not private

    def _note(self, traced: Traced) -> None:
        if len(self._waiting) == MOST_WAITING:
            self._lost += 1
            self._overflows()
        self._waiting.append(traced)
        if len(self._waiting) == BATCH:
            self._soon.set()

    async def _send_all(self, session: aiohttp.ClientSession, url: str, spans: Spans) -> None:
        pause_s = self._every_s
        async with session:
            while True:
                if not self._ending:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._soon.wait(), pause_s)
                self._soon.clear()
                sent = await self._empty(session, url, spans)
                if self._ending:
                    return
                pause_s = self._every_s if sent else min(2 * pause_s, LONGEST_PAUSE_S)
                if not sent:
                    await self._rest(pause_s)

    async def _rest(self, pause_s: float) -> None:
        """However much comes meanwhile."""
        until = asyncio.get_running_loop().time() + pause_s
        while not self._ending and (left := until - asyncio.get_running_loop().time()) > 0:
            self._soon.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), left)

    async def _empty(self, session: aiohttp.ClientSession, url: str, spans: Spans) -> bool:
        """Send what waits; whether the endpoint took it."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                body = await asyncio.to_thread(spans.request, batch)
                fault, again = await _post(session, url, body)
            except asyncio.CancelledError:  # the server stops, and it has not answered
                self._lost += len(batch)
                raise
            except Exception as error:
                logger.exception("traces: %d answers cannot be told of", len(batch))
                fault, again = type(error).__name__, False
            if fault is None:
                self._works(url)
                self._keeps_up(url)
                continue
            self._fails(url, fault)
            kept = batch[max(0, len(batch) + len(self._waiting) - MOST_WAITING) :] if again else []
            self._waiting.extendleft(reversed(kept))
            self._lost += len(batch) - len(kept)
            return False
        return True

    def _fails(self, url: str, fault: str) -> None:
        if not self._failing:
            logger.warning("traces: %s takes none: %s; trying on", _shown(url), fault)
        self._failing = True

    def _works(self, url: str) -> None:
        if self._failing:
            told = "traces: %s takes them again; %d answers were not told of"
            logger.warning(told, _shown(url), self._lost)
            self._failing, self._full, self._lost = False, False, 0

    def _overflows(self) -> None:
        """The log says it once: of an endpoint that fails it has said so already."""
        if not self._full and not self._failing:
            told = "traces: answers come faster than %s takes them: %d wait, the oldest give way"
            logger.warning(told, _shown(self._config.endpoint or ""), MOST_WAITING)
            self._full = True

    def _keeps_up(self, url: str) -> None:
        """Half of the queue must be free, or the log would say both again and again."""
        if self._full and len(self._waiting) <= MOST_WAITING // 2:
            told = "traces: %s keeps up again; %d answers were not told of"
            logger.warning(told, _shown(url), self._lost)
            self._full, self._lost = False, 0


async def _post(session: aiohttp.ClientSession, url: str, body: bytes) -> tuple[str | None, bool]:
    """Why it was not taken, None where it was; and whether to send the same again."""
    import aiohttp

    headers = {"content-type": "application/x-protobuf"}
    try:
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
            if answer.status < 300:
                return None, False
            return f"HTTP {answer.status}", answer.status in _LATER
    except TimeoutError:
        return f"no answer within {session.timeout.total:g} s", True
    except (aiohttp.ClientError, OSError) as error:
        return f"no connection ({type(error).__name__})", True


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.proto") is not None
    except ModuleNotFoundError:
        return False


def _shown(url: str) -> str:
    """Without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
