"""How is a database asked? Reads, and writes that arrive together in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rungwise.errors import StoreError
from rungwise.store.database import READERS, Database, Fault

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Store"]

T = TypeVar("T")

_TOGETHER = 200
"""Jobs of one transaction at most: other servers of the same database wait for its end."""


class Store:
    """One database, for every room that keeps something (SQLAlchemy Core).

    A job is a function of a connection, and has no effect but on it: it may be run again. One
    transaction writes at a time, in all servers of the database together: what a job reads and
    then writes is not changed by others in between.
    """

    def __init__(self, url: str | Path) -> None:
        """A file's path, or an address: sqlite:///path, postgresql://..."""
        self._database = Database(url)
        self._threads: tuple[ThreadPoolExecutor, ThreadPoolExecutor] | None = None
        self._open = False
        self._waiting: list[tuple[Callable[[Connection], Any], asyncio.Future[Any]]] = []
        self._idle = asyncio.Event()
        self._fault: str | None = None

    async def start(self) -> None:
        """Open or make the database and bring an older one up to date. Raises StoreError."""
        if self._threads is not None:
            return
        writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-writer")
        reader = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="store-reader")
        self._threads = writer, reader
        self._idle.set()
        try:
            await asyncio.get_running_loop().run_in_executor(writer, self._database.open)
        except BaseException:
            self._end_threads()
            raise
        self._open, self._fault = True, None

    async def stop(self) -> None:
        """Ends what was begun; harmless where nothing was."""
        if not self._open:
            return
        self._open = False
        await self._idle.wait()
        assert self._threads is not None
        writer, reader = self._threads
        reader.shutdown()
        await asyncio.get_running_loop().run_in_executor(writer, self._database.close)
        self._end_threads()

    async def write(self, job: Callable[[Connection], T]) -> T:
        """What the job returns, once it is committed: jobs are committed in the order they came,
        those that wait together in one transaction. A job that raises takes nothing with it.
        Raises StoreError; what a job raises of its own comes as it is."""
        if not self._open:
            raise StoreError(f"{self._database.place}: is not open")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting.append((job, done))
        if self._idle.is_set():
            self._idle.clear()
            loop.call_soon(self._begin)  # with all that this turn of the loop still brings
        return await done

    async def read(self, job: Callable[[Connection], T]) -> T:
        """What the job returns, from one moment of what is committed. Raises StoreError."""
        if not self._open or self._threads is None:
            raise StoreError(f"{self._database.place}: is not open")
        _, reader = self._threads
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(reader, self._database.read, job)

    @property
    def fault(self) -> str | None:
        """What the last write failed of; None once one went through again. What is wrong with a
        single job's rows is none."""
        return self._fault

    def _begin(self) -> None:
        """Write what is waiting; what arrives meanwhile goes with the next."""
        assert self._threads is not None
        batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        writing = asyncio.get_running_loop().run_in_executor(
            self._threads[0], self._database.write, [job for job, _ in batch]
        )
        writing.add_done_callback(partial(self._end, [done for _, done in batch]))

    def _end(
        self, waiting: Sequence[asyncio.Future[Any]], writing: asyncio.Future[list[Any]]
    ) -> None:
        error = writing.exception()
        ends = writing.result() if error is None else [error] * len(waiting)
        for done, end in zip(waiting, ends, strict=True):
            if isinstance(end, Fault):
                self._fault = str(end)
            elif not isinstance(end, Exception):
                self._fault = None
            if done.done():  # its caller has given up
                continue
            if isinstance(end, Exception):
                done.set_exception(end)
            else:
                done.set_result(end)
        if self._waiting:
            self._begin()
        else:
            self._idle.set()

    def _end_threads(self) -> None:
        for threads in self._threads or ():
            threads.shutdown(wait=False)
        self._threads = None
