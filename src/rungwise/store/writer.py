"""Which thread writes? One of a store's own, that does what it is given and tells the event loop.

An executor of one thread would do: but its way there and back costs the processor twice as much,
and every answer goes it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

__all__ = ["Writer", "tell"]

T = TypeVar("T")
_Task: TypeAlias = tuple[Callable[[], Any], Callable[[Any], None]]


class Writer:
    """For the event loop in which it is made, until `end`. What it was given before is done."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        Thread(target=self._work, name="store-writer", daemon=True).start()

    def do(self, work: Callable[[], T], then: Callable[[T | Exception], None]) -> None:
        """Do the work in the thread, and tell its end in the event loop: what it returned, or what
        it raised."""
        self._tasks.put((work, then))

    async def done(self, work: Callable[[], T]) -> T:
        """What the work returned."""
        end: asyncio.Future[T] = self._loop.create_future()
        self.do(work, partial(tell, end))
        return await end

    def end(self) -> None:
        self._tasks.put(None)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            work, then = task
            try:
                end = work()
            except Exception as error:
                end = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(then, end)


def tell(waiting: asyncio.Future[T], end: T | Exception) -> None:
    """Whoever waits, unless he has given up."""
    if waiting.done():
        return
    if isinstance(end, Exception):
        waiting.set_exception(end)
    else:
        waiting.set_result(end)
