"""How does one database do a batch of jobs, and what do its failures mean?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias, TypeVar

from rungwise.errors import StoreError
from rungwise.store.place import path_of, secrets_of, shown, url_of
from rungwise.store.postgres import Postgres
from rungwise.store.sqlite import Sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["READERS", "Database", "Fault", "Job"]

T = TypeVar("T")
Job: TypeAlias = "Callable[[Connection], T]"

READERS = 4
"""How many jobs may read at once."""
_TURNS = 5
"""How often a batch is tried that another transaction, or a lost connection, broke off."""
_PAUSE_S = 0.02
_STARTS = 12
"""How often to wait, at start, for another server that brings the database up to date."""


class Fault(StoreError):
    """The database itself fails, and not just one job's row: nothing can be written down."""


class Kind(Protocol):
    """What differs between SQLite and PostgreSQL."""

    def writer(self) -> Engine:
        """Makes the connection that writes; it is in nobody's pool."""
        ...

    def reader(self, pool: int) -> Engine:
        """Connections that cannot write, and see one moment of the database in a transaction."""
        ...

    def looker(self) -> Engine:
        """Like the reader's, of what is there already. Raises StoreError where nothing is."""
        ...

    def begin(self, connection: Connection) -> int | None:
        """Be the only one that writes until the commit. A receipt where a commit may go unheard."""
        ...

    def committed(self, connection: Connection, receipt: int) -> bool:
        """Whether the transaction of that receipt was committed, asked over a new connection."""
        ...

    def passing(self, error: BaseException) -> bool:
        """Whether the driver's error is of a kind that another try may not meet again."""
        ...

    def busy(self, error: BaseException) -> bool:
        """Whether another one that writes did not come to its end in time."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Whether the driver's error says that the connection ended."""
        ...


class Database:
    """Everything here blocks. `write` belongs to one thread; `read` may be called from several."""

    def __init__(self, place: str | Path) -> None:
        url = url_of(place)
        path = path_of(url)
        self.place = shown(place)
        self._secrets = secrets_of(url)
        self._kind: Kind = Sqlite(path) if path is not None else Postgres(url)
        self._writer: Engine | None = None
        self._reader: Engine | None = None
        self._connection: Connection | None = None

    def open(self) -> None:
        """Make it, or bring it up to date. Raises StoreError, and is not open then."""
        from rungwise.store.migrate import bring_up_to_date

        try:
            self._writer = self._kind.writer()
            self._reader = self._kind.reader(READERS)
        except Exception as error:
            self._raise(error)
        for turn in range(1, _STARTS + 1):
            (done,) = self.write([bring_up_to_date])
            if not isinstance(done, Exception):
                return
            if turn == _STARTS or not self._kind.busy(_cause(done.__cause__ or done)):
                self.close()
                raise done

    def close(self) -> None:
        self._drop()
        if self._reader is not None:
            self._reader.dispose()
        self._reader = self._writer = None

    def read(self, job: Job[T]) -> T:
        if self._reader is None:
            raise StoreError(f"{self.place}: is not open")
        for turn in range(READERS + 1):  # as many connections as may have been lost together
            try:
                with self._reader.begin() as connection:
                    return job(connection)
            except Exception as error:
                if turn == READERS or not self._lost(error):
                    self._raise(error)
        raise AssertionError("the last turn returns or raises")

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """One moment of a database that is there, without opening it: nothing is brought up to
        date. Raises StoreError, also for what is met while the block lasts."""
        engine = None
        try:
            engine = self._kind.looker()
            with engine.begin() as connection:
                yield connection
        except Exception as error:
            self._raise(error)
        finally:
            if engine is not None:
                engine.dispose()

    def write(self, jobs: Sequence[Job[T]]) -> list[T | Exception]:
        """What each job returned, once all are committed, or what stands against it."""
        try:
            return list(self._together(jobs))
        except _OfAJob as error:
            if len(jobs) == 1:
                return [self._told(error)]
        except Exception as error:
            return [self._told(error) for _ in jobs]
        # one of them, and others may follow: each for itself, so that it takes no other with it
        ends: list[T | Exception] = []
        for index, job in enumerate(jobs):
            try:
                ends += self._together([job])
            except _OfAJob as error:
                ends.append(self._told(error))
            except Exception as error:
                return ends + [self._told(error) for _ in jobs[index:]]
        return ends

    def _together(self, jobs: Sequence[Job[T]]) -> list[T]:
        """All or none of them, tried again where that may help."""
        for turn in range(1, _TURNS):
            try:
                return self._once(jobs)
            except Exception as error:
                if not (self._lost(error) or self._kind.passing(_cause(error))):
                    raise
            time.sleep(random.uniform(0, _PAUSE_S * turn))
        return self._once(jobs)

    def _once(self, jobs: Sequence[Job[T]]) -> list[T]:
        connection = self._connected()
        receipt, ends = None, None
        try:
            with connection.begin():
                receipt = self._kind.begin(connection)
                ends = [_done(job, connection) for job in jobs]
            return ends
        except Exception as error:
            if _of_the_database(error):
                self._drop()
            if ends is None or receipt is None or not self._lost(error):
                raise
        # the commit itself was broken off: it may have been heard
        return ends if self._heard(receipt) else self._once(jobs)

    def _heard(self, receipt: int) -> bool:
        for turn in range(1, _TURNS):
            try:
                connection = self._connected()
                transaction = connection.begin()
                heard = self._kind.committed(connection, receipt)
                transaction.rollback()
                return heard
            except Exception:
                self._drop()
                time.sleep(random.uniform(0, _PAUSE_S * turn))
        raise Fault("the connection was lost over a commit; whether it was made is not known")

    def _connected(self) -> Connection:
        if self._connection is None:
            if self._writer is None:
                raise StoreError("is not open")
            self._connection = self._writer.connect()
        return self._connection

    def _drop(self) -> None:
        """The next batch gets a new connection: this one's state is not known."""
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                connection.close()
            except Exception:
                connection.invalidate()

    def _lost(self, error: Exception) -> bool:
        """Whether it is the connection that ended."""
        inner = error.error if isinstance(error, _OfAJob) else error
        return getattr(inner, "connection_invalidated", False) or self._kind.lost(_cause(inner))

    def _raise(self, error: Exception) -> NoReturn:
        told = self._told(error)
        raise told from told.__cause__

    def _told(self, error: Exception) -> Exception:
        """A failure of the database as a StoreError that names the place; others as they are."""
        cause = _cause(error)
        if isinstance(cause, StoreError):
            return type(cause)(f"{self.place}: {cause}")
        if not _of_storage(error):
            assert isinstance(cause, Exception)
            return cause
        kind = Fault if _of_the_database(error) else StoreError
        told = kind(f"{self.place}: {self._clean(str(cause))}")
        told.__cause__ = cause
        return told

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return " ".join(text.split())


class _OfAJob(Exception):
    """What a job raised, and not what went before or after all of them."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _done(job: Job[T], connection: Connection) -> T:
    try:
        return job(connection)
    except Exception as error:
        raise _OfAJob(error) from error


def _cause(error: BaseException) -> BaseException:
    """The driver's own error, without the words of others around it."""
    inner = error.error if isinstance(error, _OfAJob) else error
    return getattr(inner, "orig", None) or inner


def _of_storage(error: BaseException) -> bool:
    from sqlalchemy.exc import SQLAlchemyError

    inner = error.error if isinstance(error, _OfAJob) else error
    # what no database can hold is found out before it is asked: an integer of more than 64 bits,
    # half a surrogate pair
    return isinstance(inner, (SQLAlchemyError, OSError, OverflowError, UnicodeError))


def _of_the_database(error: BaseException) -> bool:
    """Not of one job's values or statement."""
    from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

    inner = error.error if isinstance(error, _OfAJob) else error
    own = (IntegrityError, DataError, ProgrammingError, OverflowError, UnicodeError)
    return _of_storage(inner) and not isinstance(inner, own)
