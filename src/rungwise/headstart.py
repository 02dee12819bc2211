"""When time matters: may the next rung begin while the draft below it is still held?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from rungwise.contracts import Drafting
from rungwise.types import Done, Piece

__all__ = ["Headstart"]


class _Ahead(Protocol):
    """What is begun ahead: an attempts.Ascent."""

    drafting: Drafting

    def outrun(self) -> None: ...

    async def end(self) -> None: ...


A = TypeVar("A", bound=_Ahead)


class Headstart(Generic[A]):
    """Begins the next rung's draft after `after_s` seconds, and writes it on meanwhile; without
    a time, never.

    Either `take` it, once the rung below was not accepted, or `drop` it: then it is closed, and
    billed for what it used.
    """

    def __init__(
        self, begin: Callable[[], A | None] | None = None, after_s: float | None = None
    ) -> None:
        self._begin = begin
        self._ahead: A | None = None
        self._ending: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if after_s is not None:
            self._timer = asyncio.get_running_loop().call_later(after_s, self._start)

    @property
    def begun(self) -> bool:
        return self._ahead is not None

    def take(self) -> A | None:
        """The next rung's attempt; None when it has not begun."""
        ahead, self._ahead = self._ahead, None
        if self._timer is not None:
            self._timer.cancel()
        return ahead

    def drop(self) -> None:
        """Begin to close it: an accepted draft does not wait for the loser to end."""
        ahead = self.take()
        if ahead is not None:
            ahead.outrun()
            self._ending = asyncio.ensure_future(ahead.end())

    async def dropped(self) -> None:
        """Once what was dropped has ended and is noted, whoever is cancelled meanwhile."""
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def _start(self) -> None:
        assert self._begin is not None
        ahead = self._begin()
        if ahead is not None:
            ahead.drafting = _Eager(ahead.drafting)
        self._ahead = ahead


class _Eager:
    """A draft that is written on though nobody reads it yet (see contracts.Drafting)."""

    def __init__(self, drafting: Drafting) -> None:
        self._drafting = drafting
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._fault: Exception | None = None
        self._writing = asyncio.ensure_future(self._write())

    def __aiter__(self) -> _Eager:
        return self

    async def __anext__(self) -> Piece:
        piece = await self._pieces.get()
        if piece is not None:
            return piece
        self._pieces.put_nowait(None)  # the end stays the end
        raise self._fault or StopAsyncIteration

    async def aclose(self) -> None:
        self._writing.cancel()
        await asyncio.wait((self._writing,))
        await self._drafting.aclose()

    def spent(self) -> Done:
        return self._drafting.spent()

    async def _write(self) -> None:
        try:
            async for piece in self._drafting:
                self._pieces.put_nowait(piece)
        except Exception as error:  # raised again where the draft is read
            self._fault = error
        finally:
            self._pieces.put_nowait(None)
