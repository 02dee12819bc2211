"""What does PostgreSQL need to be asked well? One writer at a time, and to be asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rungwise.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Postgres"]

_LOCK = 7_251_943_508_126_771
"""Held by the transaction that writes: an advisory lock is its database's own."""
_PATIENCE = {
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""A server that is gone is noticed. What the address says of these goes before."""
_SESSION = "set lock_timeout = '15s'; set idle_in_transaction_session_timeout = '15s'"
"""No server waits for ever for another one's lock, and one that hangs does not keep it."""
_AGAIN = ("40001", "40P01")
"""serialization_failure, deadlock_detected."""
_BUSY = "55P03"
"""lock_not_available."""
_LOST = ("08", "57P", "25P03")
"""connection_exception, operator intervention, idle_in_transaction_session_timeout."""


class Postgres:
    """See database.Kind.

    As in SQLite, one transaction writes at a time, whichever server of the database it is of: so
    what a job reads first stays true, and rows that many jobs add to need no order to be safe from
    deadlock. What waits meanwhile shares the next transaction, so that more of it waits, not
    longer.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def writer(self) -> Engine:
        from sqlalchemy import NullPool, event

        engine = self._engine(poolclass=NullPool)
        event.listen(engine, "connect", _begin_session)
        return engine

    def reader(self, pool: int) -> Engine:
        """A job that reads several tables sees one moment of all of them."""
        return self._engine(
            pool_size=pool,
            max_overflow=0,
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
        )

    def looker(self) -> Engine:
        return self.reader(1)

    def begin(self, connection: Connection) -> int | None:
        """Waits for its turn; what to ask about this transaction should its end not be heard."""
        said = connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK}), txid_current()")
        return int(said.one()[1])

    def committed(self, connection: Connection, receipt: int) -> bool:
        """The lock is had once the lost session has ended, one way or the other."""
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({_LOCK})")
        status = connection.exec_driver_sql(f"select txid_status({receipt})").scalar_one()
        return bool(status == "committed")

    def passing(self, error: BaseException) -> bool:
        return getattr(error, "sqlstate", None) in _AGAIN

    def busy(self, error: BaseException) -> bool:
        return getattr(error, "sqlstate", None) == _BUSY

    def lost(self, error: BaseException) -> bool:
        return str(getattr(error, "sqlstate", None)).startswith(_LOST)

    def _engine(self, **how: Any) -> Engine:
        from sqlalchemy import create_engine, make_url

        url = make_url(self._url)
        patience = {key: value for key, value in _PATIENCE.items() if key not in url.query}
        try:
            return create_engine(url, connect_args=patience, hide_parameters=True, **how)
        except ModuleNotFoundError as error:
            raise StoreError(
                f"needs the package {error.name}: install rungwise[postgres]"
            ) from None


def _begin_session(connection: Any, record: object) -> None:
    try:
        connection.autocommit = True
        connection.execute(_SESSION)
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
