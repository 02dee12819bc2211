"""What does a guard leave as it is? A tier around a tier, and a draft that others write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from rungwise import contracts
from rungwise.contracts import Tier
from rungwise.deadline import InTime
from rungwise.tiers.drafting import Drafting, Meter
from rungwise.types import Chat, Done, Piece, Usage

__all__ = ["Relay", "Wrapping"]

LATE = "no complete answer within the deadline, which it shared with what came before"


@dataclass(slots=True, kw_only=True)
class Relay(Meter):
    """A draft that other tiers write. Nobody is asked before it is read.

    Once something came, or may be billed, no other is asked: so what the last one asked has spent
    is all that was spent.
    """

    chat: Chat
    read: bool
    likeliest: int
    begun: bool = False
    """Whether a piece has come: for the guard to set."""
    asked: contracts.Drafting | None = None

    def ask(self, tier: Tier, until: float | None = None) -> aclosing[contracts.Drafting]:
        """This tier's draft, to be left by `async with`, whatever happens. One that begins late
        has time only until then, by the loop's clock."""
        self.asked = tier.draft(self.chat, read=self.read, likeliest=self.likeliest)
        if until is None:
            return aclosing(self.asked)
        return aclosing(InTime(self.asked, tier.name, until=until, late=LATE))

    @property
    def final(self) -> bool:
        """Whether nobody else may be asked any more."""
        return self.begun or self.done().usage != Usage()

    def done(self) -> Done:
        if self.asked is None:
            return Done(model=self.model, usage=Usage())
        return self.asked.spent()


class Wrapping(ABC):
    """A tier (see contracts.Tier) that is the one inside it in all but how it drafts."""

    def __init__(self, inner: Tier) -> None:
        self.inner = inner

    @abstractmethod
    def _write(self, relay: Relay) -> AsyncGenerator[Piece, None]: ...

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        relay = Relay(model=self.model, chat=chat, read=read, likeliest=likeliest)
        return Drafting(self._write(relay), relay)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def model(self) -> str:
        return self.inner.model

    @property
    def local(self) -> bool:
        return self.inner.local

    async def start(self) -> None:
        await self.inner.start()

    async def stop(self) -> None:
        await self.inner.stop()

    async def health(self) -> str | None:
        return await self.inner.health()

    def cost_nano(self, done: Done) -> int | None:
        return self.inner.cost_nano(done)

    def most_nano(self, chat: Chat) -> int | None:
        return self.inner.most_nano(chat)

    def lacks(self, chat: Chat) -> str | None:
        return self.inner.lacks(chat)

    def saturation(self) -> str | None:
        return self.inner.saturation()
