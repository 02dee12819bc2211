"""How does a draft come over the wire from a hosted API, whatever its protocol?"""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from rungwise.config import HostedTierConfig
from rungwise.errors import ConfigError, TierError
from rungwise.tiers.abilities import abilities_of
from rungwise.tiers.cards import Card
from rungwise.tiers.drafting import Drafting, Meter
from rungwise.tiers.hosted.hosted_events import read_event
from rungwise.tiers.hosted.hosted_faults import Malformed, fault_of, may_be_billed
from rungwise.tiers.hosted.hosted_size import prompt_chars, written_chars
from rungwise.tiers.hosted.hosted_wire import Address, Stream, Wire
from rungwise.tiers.hosted.joining import joined
from rungwise.tiers.price_book import PriceBook
from rungwise.tiers.prices import Written
from rungwise.tiers.size import most_tokens
from rungwise.types import Chat, Done, Piece, Usage

__all__ = ["HostedMeter", "HostedTier", "Reader"]

CHARS_PER_TOKEN = 4
USAGE_GRACE_S = 2.0
MOST_ID_CHARS = 200


@dataclass(slots=True)
class HostedMeter(Meter):
    """Counts characters until the upstream tells tokens.

    An estimate is a token for four characters, of the prompt and of what was written so far;
    images are not counted.
    """

    served_as: str | None = None
    """The owner's own name for the model, which wins over the upstream's."""
    fingerprint: str | None = None
    """What the upstream said of that which serves the model."""
    prompt: int = 0
    written: int = 0
    known: Literal["nothing", "sent", "prompt", "all"] = "nothing"
    """What the upstream has told: `usage` is its own word from `prompt` on."""

    def done(self) -> Done:
        told = _bounded(self.model)
        return Done(
            model=self.served_as or told,
            usage=self._counted(),
            billed_as=told,
            fingerprint=None if self.fingerprint is None else _bounded(self.fingerprint),
        )

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
    """A rung behind a hosted API (see contracts.Tier).

    One attempt per draft: retries are the guards'. `config.deadline_s` bounds the whole draft.
    """

    local = False
    max_tokens: int | None = None
    """Of an answer, as this protocol has it, for which neither caller nor section has a limit."""

    def __init__(
        self,
        config: HostedTierConfig,
        *,
        prices: PriceBook | None = None,
        card: Card | None = None,
    ) -> None:
        """Without a price book, the list prices; without a card, all may be tried."""
        self._config, self._card = config, card
        self._prices = (prices or PriceBook()).of(config)
        self._abilities = abilities_of(config, card)
        self._secret = config.api_key.get_secret_value()
        self._wire: Wire | None = None

    # ---- one protocol's part ----

    @abstractmethod
    def _connect(self, secret: str) -> Address:
        """Where the official SDK would send a request, and with which headers. Called beside the
        event loop, as importing an SDK takes seconds."""

    @abstractmethod
    def _request(self, chat: Chat, *, read: bool, likeliest: int) -> dict[str, Any]:
        """The request's JSON body. Raises TierError for what this protocol cannot say."""

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
        if self._wire is None:
            try:
                self._wire = Wire(await asyncio.to_thread(self._connect, self._secret))
            except ValueError as error:
                raise ConfigError(f"{self._config.api_key_env}: {error}") from None

    async def stop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            with suppress(Exception):
                await wire.close()

    async def health(self) -> str | None:
        """Asks no one: a hosted API's health is known by its answers."""
        if not self._secret:
            return f"{self.name}: {self._config.api_key_env} is not set"
        return None if self._wire is not None else f"{self.name}: not started"

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        meter = HostedMeter(model=self._config.model, served_as=self._config.served_as)
        pieces = self._write(chat, meter, read=read, likeliest=likeliest if read else 0)
        return Drafting(pieces, meter)

    def cost_nano(self, done: Done) -> int | None:
        return self._prices.cost_nano(done)

    def most_nano(self, chat: Chat) -> int | None:
        """Of the configured model: what an upstream answers with instead has its own price."""
        output = self._most_output(chat)
        if output is None:
            return None
        image_tokens = None if self._card is None else self._card.image_tokens
        prompt = most_tokens(chat, image_tokens=image_tokens)
        price = self._prices.of(self._config.model)
        return price.most_nano(prompt, output * chat.sampling.n, written=self._written(chat))

    def _most_output(self, chat: Chat) -> int | None:
        """Tokens of one answer, the thinking included; None: without a limit that is known."""
        limit = chat.sampling.max_tokens or self._config.max_tokens or self.max_tokens
        return limit or (None if self._card is None else self._card.max_output)

    def _written(self, chat: Chat) -> Written:
        """The longest-lived cache that the request asks for."""
        return "never"

    def lacks(self, chat: Chat) -> str | None:
        return self._abilities.lacks(chat)

    def saturation(self) -> str | None:
        return None

    # ---- the walk of one draft ----

    async def _write(
        self, chat: Chat, meter: HostedMeter, *, read: bool, likeliest: int
    ) -> AsyncGenerator[Piece, None]:
        if self._wire is None:
            raise TierError(self.name, "unavailable", "not started")
        now = asyncio.get_running_loop().time
        deadline = now() + self._config.deadline_s
        reader = self._reader(chat, meter, likeliest=likeliest)
        stream: Stream | None = None
        try:
            request = self._request(chat, read=read, likeliest=likeliest)
            stream = await self._begin(self._wire, request, chat, meter, deadline)
            while True:
                # Only the usage is still to come: no reason to hold a finished draft for long
                until = min(deadline, now() + USAGE_GRACE_S) if reader.complete else deadline
                events = await stream.more(until)
                if not events:
                    break
                pieces = _read(events, reader, meter)
                for piece in pieces if chat.stream else joined(pieces):
                    yield piece
            if not reader.complete:
                raise Malformed("the stream ended before the answer was finished")
        except Exception as error:
            if not reader.complete:
                raise self._fault(error, opened=stream is not None) from None
        finally:
            if stream is not None:
                stream.close()

    async def _begin(
        self, wire: Wire, request: dict[str, Any], chat: Chat, meter: HostedMeter, deadline: float
    ) -> Stream:
        meter.prompt, meter.known = prompt_chars(chat), "sent"
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout_at(deadline):
                stream = await wire.open(request)
        except Exception as error:
            if not may_be_billed(error, took_s=now() - began):
                meter.known = "nothing"
            raise self._fault(error, opened=False) from None
        if "event-stream" not in stream.kind:
            stream.close()
            raise Malformed(f"answered with {stream.kind or 'no type'}, no stream")
        return stream

    def _fault(self, error: Exception, *, opened: bool) -> TierError:
        return fault_of(self.name, error, opened=opened, secret=self._secret)


def _bounded(id: str) -> str:
    """An upstream's id of its model, fit to be kept and shown."""
    if len(id) <= MOST_ID_CHARS and id.isprintable():
        return id
    return "".join(c if c.isprintable() else "\ufffd" for c in id[:MOST_ID_CHARS])


def _read(events: Sequence[bytes], reader: Reader, meter: HostedMeter) -> Iterator[Piece]:
    for event in events:
        for piece in reader.feed(read_event(event)):
            meter.written += written_chars(piece)
            yield piece
