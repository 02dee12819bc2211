"""How does an older database get today's tables? Step by step, all steps or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rungwise.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["NEWEST", "bring_up_to_date", "check_up_to_date"]

NEWEST = "0007"
"""The last step of migrations/versions: what store/tables/ shows."""
_MEND = "use a newer rungwise or another ledger.path"
_RELEASES = {0: "0001", 1: "0001", 2: "0002"}
"""A SQLite file without revisions: what its `pragma user_version` says. The first release's files
have tables and call themselves version 0."""


def bring_up_to_date(connection: Connection) -> None:
    """Within the caller's transaction, which no other one writes beside. Raises StoreError for a
    database that a later release wrote."""
    revision = _revision(connection)
    if revision == NEWEST:
        return
    # loaded only where there is something to do: it takes a tenth of a second
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "rungwise.store:migrations")
    config.attributes["connection"] = connection
    steps = ScriptDirectory.from_config(config).walk_revisions()
    if revision is not None and revision not in (step.revision for step in steps):
        raise StoreError(
            f"the database is of revision {revision}, this release knows {NEWEST}; {_MEND}"
        )
    if revision is None and (released := _released(connection)) is not None:
        command.stamp(config, released)
    command.upgrade(config, "head")


def check_up_to_date(connection: Connection) -> None:
    """Raises StoreError for tables that are not this release's; changes nothing."""
    found = _revision(connection)
    if found is not None and found > NEWEST:
        raise StoreError(
            f"the database is of revision {found}, this release knows {NEWEST}; {_MEND}"
        )
    if found != NEWEST:
        raise StoreError(
            "it is of an older release; start the server with it once, which brings it up to date"
        )


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found = connection.exec_driver_sql("select version_num from alembic_version").scalar()
    return None if found is None else str(found)


def _released(connection: Connection) -> str | None:
    """The step that made an old SQLite file; None for a new one."""
    if connection.dialect.name != "sqlite":
        return None
    version = connection.exec_driver_sql("pragma user_version").scalar_one()
    if version not in _RELEASES:
        raise StoreError(f"the file is of version {version}, this release knows 3; {_MEND}")
    has_tables = connection.dialect.has_table(connection, "entry")
    return _RELEASES[version] if has_tables else None
