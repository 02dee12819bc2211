"""How is a database asked? Reads, and writes that arrive together in one transaction."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from rungwise.errors import StoreError
from rungwise.store.database import READERS, Database, Fault
from rungwise.store.writer import Writer, tell

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["Store"]

logger = logging.getLogger(__name__)

R = TypeVar("R")
T = TypeVar("T")
ForMany: TypeAlias = "Callable[[Connection, Sequence[R]], Sequence[T]]"

_TOGETHER = 200
"""Jobs of one transaction, and rows of one job, at most: other servers of the same database wait
for its end."""


class Store:
    """One database, for every room that keeps something (SQLAlchemy Core).

    A job is a function of a connection, and has no effect but on it: it may be run again. One
    transaction writes at a time, in all servers of the database together: what a job reads and
    then writes is not changed by others in between.
    """

    def __init__(self, url: str | Path) -> None:
        """A file's path, or an address: sqlite:///path, postgresql://..."""
        self._database = Database(url)
        self._threads: tuple[Writer, ThreadPoolExecutor] | None = None
        self._open = False
        self._waiting: list[_Turn] = []
        self._joining: dict[Callable[..., Any], _Turn] = {}
        """Those of the waiting that take more rows, by their job."""
        self._idle = asyncio.Event()
        self._fault: str | None = None

    async def start(self) -> None:
        """Open or make the database and bring an older one up to date. Raises StoreError."""
        if self._threads is not None:
            return
        reader = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="store-reader")
        writer = Writer()
        self._threads = writer, reader
        self._idle.set()
        try:
            await writer.done(self._database.open)
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
        await writer.done(self._database.close)
        self._end_threads()

    async def write(self, job: Callable[[Connection], T]) -> T:
        """What the job returns, once it is committed: jobs are committed in the order they came,
        those that wait together in one transaction. A job that raises takes nothing with it, and
        one whose caller is cancelled is waited for. Raises StoreError; what a job raises of its
        own comes as it is."""
        end: T = await self._wait(_Turn(lambda connection, _: (job(connection),)), None)
        return end

    async def write_together(self, job: ForMany[R, T], row: R) -> T:
        """As `write`, for a job that takes many rows at once and returns as much for each: it is
        given all those that wait for it, or each alone where they cannot go together."""
        turn = self._joining.get(job)
        if turn is None or len(turn.rows) == _TOGETHER:
            turn = self._joining[job] = _Turn(job)
        end: T = await self._wait(turn, row)
        return end

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

    async def _wait(self, turn: _Turn, row: Any) -> Any:
        if not self._open:
            raise StoreError(f"{self._database.place}: is not open")
        loop = asyncio.get_running_loop()
        if not turn.rows:
            self._waiting.append(turn)
        done = turn.add(row, loop.create_future())
        if self._idle.is_set():
            self._idle.clear()
            loop.call_soon(self._begin)  # with all that this turn of the loop still brings
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            # else what the caller does about it would overtake it: an entry its own reservation
            await asyncio.wait((done,))
            done.exception()  # whatever it is: nobody waits for it any more
            raise

    def _begin(self) -> None:
        """Write what is waiting; what arrives meanwhile goes with the next."""
        assert self._threads is not None
        turns, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
        self._joining = {}
        writer, _ = self._threads
        writer.do(partial(self._database.write, turns), partial(self._end, turns))

    def _end(self, turns: Sequence[_Turn], ends: Sequence[Any] | Exception) -> None:
        if isinstance(ends, Exception):
            ends = [ends] * len(turns)
        apart: list[_Turn] = []
        for turn, end in zip(turns, ends, strict=True):
            if isinstance(end, Fault):
                self._tell(str(end))
            elif not isinstance(end, Exception):
                self._tell(None)
            elif len(turn.rows) > 1:  # what is wrong with one row must not stop the others
                apart += turn.apart()
                continue
            turn.tell(end)
        self._waiting[:0] = apart
        if self._waiting:
            self._begin()
        else:
            self._idle.set()

    def _tell(self, fault: str | None) -> None:
        """Once when it begins, and once when it is over."""
        if fault is not None and self._fault is None:
            logger.error("nothing can be written down: %s", fault)
        elif fault is None and self._fault is not None:
            logger.warning("%s: can be written again", self._database.place)
        self._fault = fault

    def _end_threads(self) -> None:
        if self._threads is not None:
            writer, reader = self._threads
            writer.end()
            reader.shutdown(wait=False)
        self._threads = None


class _Turn:
    """A job with the rows that it is given, and those who wait for what it makes of each."""

    __slots__ = ("_job", "_waiting", "rows")

    def __init__(self, job: Callable[[Connection, Sequence[Any]], Sequence[Any]]) -> None:
        self._job = job
        self.rows: list[Any] = []
        self._waiting: list[asyncio.Future[Any]] = []

    def __call__(self, connection: Connection) -> Sequence[Any]:
        return self._job(connection, self.rows)

    def add(self, row: Any, waiting: asyncio.Future[Any]) -> asyncio.Future[Any]:
        self.rows.append(row)
        self._waiting.append(waiting)
        return waiting

    def apart(self) -> list[_Turn]:
        """One for each row."""
        turns = []
        for row, waiting in zip(self.rows, self._waiting, strict=True):
            turns.append(_Turn(self._job))
            turns[-1].add(row, waiting)
        return turns

    def tell(self, end: Sequence[Any] | Exception) -> None:
        ends = [end] * len(self.rows) if isinstance(end, Exception) else end
        for waiting, its in zip(self._waiting, ends, strict=True):
            tell(waiting, its)
