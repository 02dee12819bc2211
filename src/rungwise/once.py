"""How is a request answered once, however often it is made? Under its Idempotency-Key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from rungwise.contracts import Repeats
from rungwise.errors import RungwiseError
from rungwise.types import (
    Caller,
    Chat,
    Piece,
    Quote,
    Released,
    Remembered,
    Settled,
    Usage,
)

__all__ = ["Answers", "Once"]


class Answers(Protocol):
    """The cascade, or what stands before it."""

    def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]: ...

    def quote(self, chat: Chat, caller: Caller) -> Quote: ...


class Once:
    """Answers a chat with `wish.once` the first time, and then gives that answer again, under its
    first id and for nothing. Other chats pass through.
    """

    def __init__(self, answers: Answers, repeats: Repeats) -> None:
        self._answers, self._repeats = answers, repeats

    def quote(self, chat: Chat, caller: Caller) -> Quote:
        return self._answers.quote(chat, caller)

    async def answer(
        self, chat: Chat, caller: Caller, *, id: str
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        """As Cascade.answer; may raise RepeatOpen, RepeatSpent or RepeatDiffers, too."""
        if chat.wish.once is None:
            events = self._answers.answer(chat, caller, id=id)
        else:
            quote = self._answers.quote(chat, caller)  # what it raises claims no key
            known = await self._begin(chat, id)
            events = self._first(chat, caller, id, quote) if known is None else _again(known)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _begin(self, chat: Chat, id: str) -> Remembered | None:
        claiming = asyncio.ensure_future(self._repeats.begin(chat, id))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            with suppress(RungwiseError):
                if await claiming is None:  # claimed for nothing
                    await self._end(chat, None, billed=False)
            raise

    async def _first(
        self, chat: Chat, caller: Caller, id: str, quote: Quote
    ) -> AsyncGenerator[Released | Piece | Settled, None]:
        released: Released | None = None
        pieces: list[Piece] = []
        answer: Remembered | None = None
        try:
            async with aclosing(self._answers.answer(chat, caller, id=id)) as events:
                async for event in events:
                    match event:
                        case Released():
                            released = event
                        case Piece():
                            pieces.append(event)
                        case Settled() if released is not None:
                            answer = _whole(released, pieces)
                            # before its end is told: whoever has heard it may ask again at once
                            await self._end(chat, answer, billed=True)
                    yield event
        finally:
            if answer is None:
                could = any(bid.nano != 0 for bid in quote.bids)
                await self._end(chat, None, billed=could)

    async def _end(self, chat: Chat, answer: Remembered | None, *, billed: bool) -> None:
        """Also while the caller's task is being cancelled."""
        ending = self._repeats.end(chat, answer, billed=billed)
        await asyncio.shield(asyncio.ensure_future(ending))


def _whole(released: Released, pieces: Sequence[Piece]) -> Remembered:
    return Remembered(
        id=released.id,
        tier=released.tier,
        model=released.model,
        step_type=released.step_type,
        pieces=tuple(pieces),
    )


async def _again(known: Remembered) -> AsyncGenerator[Released | Piece | Settled, None]:
    yield Released(
        id=known.id,
        tier=known.tier,
        model=known.model,
        rungs_tried=0,
        step_type=known.step_type,
        recalled=True,
    )
    for piece in known.pieces:
        yield piece
    yield Settled(usage=Usage(), cost_nano=0, attempts=())
