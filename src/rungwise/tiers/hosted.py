"""How does a draft come over the wire from a hosted API, whatever its protocol?"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit

from rungwise.config import HostedTierConfig
from rungwise.errors import TierError
from rungwise.tiers.drafting import Drafting, Meter
from rungwise.tiers.hosted_faults import Malformed, SdkErrors, fault_of
from rungwise.tiers.hosted_size import prompt_chars, written_chars
from rungwise.tiers.prices import cost_nano
from rungwise.types import Chat, Done, Piece, Usage

__all__ = ["HostedMeter", "HostedTier", "Reader", "is_loopback"]

CHARS_PER_TOKEN = 4
USAGE_GRACE_S = 2.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")

T = TypeVar("T")


@dataclass(slots=True)
class HostedMeter(Meter):
    """Counts characters until the upstream tells tokens.

    An estimate is a token for four characters, of the prompt and of what was written so far;
    images are not counted.
    """

    served_as: str | None = None
    """The owner's own name for the model, which wins over the upstream's."""
    prompt: int = 0
    written: int = 0
    known: Literal["nothing", "sent", "prompt", "all"] = "nothing"
    """What the upstream has told: `usage` is its own word from `prompt` on."""

    def done(self) -> Done:
        return Done(model=self.served_as or self.model, usage=self._counted())

    def _counted(self) -> Usage:
        output = math.ceil(self.written / CHARS_PER_TOKEN)
        match self.known:
            case "nothing":
                return Usage()
            case "sent":
                tokens = math.ceil(self.prompt / CHARS_PER_TOKEN)
                return Usage(input=tokens, output=output, estimated=True)
            case "prompt":
                output = max(output, self.usage.output)
                return replace(self.usage, output=output, estimated=True)
            case "all":
                return self.usage


class Reader(Protocol):
    """Turns one stream's events into pieces and notes usage in the meter."""

    @property
    def complete(self) -> bool:
        """Whether the protocol's own end of the draft has come."""
        ...

    def feed(self, event: Any) -> Iterable[Piece]:
        """Raises, with any exception, for an event that is not the protocol's."""
        ...


class HostedTier(ABC):
    """A rung behind an official SDK (see contracts.Tier).

    One attempt per draft: retries are the cascade's. `config.deadline_s` bounds the whole draft.
    """

    local = False

    def __init__(self, config: HostedTierConfig) -> None:
        self._config = config
        self._secret = config.api_key.get_secret_value()
        self._client: Any = None

    # ---- one protocol's part ----

    @abstractmethod
    def _connect(self, secret: str) -> tuple[Any, SdkErrors]:
        """The SDK's async client, and its exceptions."""

    @abstractmethod
    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        """The SDK's arguments. Raises TierError for what this protocol cannot say."""

    @abstractmethod
    def _open(self, request: dict[str, Any]) -> Awaitable[Any]:
        """The SDK's stream once its response has begun."""

    @abstractmethod
    def _reader(self, chat: Chat, meter: HostedMeter, *, likeliest: int) -> Reader: ...

    # ---- the contract ----

    @property
    def name(self) -> str:
        return self._config.name

    @property
    def model(self) -> str:
        return self._config.shown_model

    async def start(self) -> None:
        if not self._secret:
            raise TierError(self.name, "unauthorised", f"{self._config.api_key_env} is not set")
        if self._client is None:
            self._client, self._errors = await asyncio.to_thread(self._connect, self._secret)

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):
                await client.close()

    async def health(self) -> str | None:
        """Asks no one: a hosted API's health is known by its answers."""
        if not self._secret:
            return f"{self.name}: {self._config.api_key_env} is not set"
        return None if self._client is not None else f"{self.name}: not started"

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        meter = HostedMeter(model=self._config.model, served_as=self._config.served_as)
        pieces = self._write(chat, meter, read=read, likeliest=likeliest if read else 0)
        return Drafting(pieces, meter)

    def cost_nano(self, done: Done) -> int | None:
        return cost_nano(self._config.price, done.usage)

    # ---- the walk of one draft ----

    async def _write(
        self, chat: Chat, meter: HostedMeter, *, read: bool, likeliest: int
    ) -> AsyncGenerator[Piece, None]:
        if self._client is None:
            raise TierError(self.name, "unavailable", "not started")
        now = asyncio.get_running_loop().time
        deadline = now() + self._config.deadline_s
        reader = self._reader(chat, meter, likeliest=likeliest)
        stream: Any = None
        try:
            request = self._request(chat, read=read, likeliest=likeliest)
            stream = await self._begin(request, chat, meter, deadline)
            while True:
                # Only the usage is still to come: no reason to hold a finished draft for long
                until = min(deadline, now() + USAGE_GRACE_S) if reader.complete else deadline
                try:
                    event = await _within(until, stream.__anext__())
                except StopAsyncIteration:
                    break
                for piece in reader.feed(event):
                    meter.written += written_chars(piece)
                    yield piece
            if not reader.complete:
                raise Malformed("the stream ended before the answer was finished")
        except Exception as error:
            if not reader.complete:
                raise self._fault(error, opened=stream is not None) from None
        finally:
            if stream is not None:
                with suppress(Exception):
                    await stream.close()

    async def _begin(
        self, request: dict[str, Any], chat: Chat, meter: HostedMeter, deadline: float
    ) -> Any:
        meter.prompt, meter.known = prompt_chars(chat), "sent"
        try:
            stream = await _within(deadline, self._open(request))
        except Exception as error:
            fault = self._fault(error, opened=False)
            if fault.fault != "timeout":  # refused, so not billed; after a timeout nobody knows
                meter.known = "nothing"
            raise fault from None
        kind = str(stream.response.headers.get("content-type", ""))
        if "event-stream" not in kind:
            with suppress(Exception):
                await stream.close()
            raise self._fault(
                Malformed(f"answered with {kind or 'no type'}, no stream"), opened=True
            )
        return stream

    def _fault(self, error: Exception, *, opened: bool) -> TierError:
        return fault_of(self.name, error, self._errors, opened=opened, secret=self._secret)


async def _within(until: float, awaitable: Awaitable[T]) -> T:
    # Around each wait and not around the whole draft: a timeout that is open while the generator
    # is suspended would cancel whatever its reader is doing
    async with asyncio.timeout_at(until):
        return await awaitable


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK
