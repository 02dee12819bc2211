"""Which tables does a ledger's file have, and how does an older file get them?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from rungwise.errors import StoreError

__all__ = ["open_file"]

_FIRST = (
    """
create table if not exists entry (
    id          text primary key,
    at          real not null,
    caller      text not null,
    route       text not null,
    step_type   text not null,
    plan_why    text not null,
    state       text not null,
    tier        text,
    stream      integer not null,
    first_byte_s real,
    latency_s   real not null,
    cost_nano   integer,
    outcome_right  integer,
    outcome_source text
)""",
    "create index if not exists entry_at on entry (at)",
    """
create table if not exists attempt (
    entry_id    text not null references entry (id),
    rung        integer not null,
    tier        text not null,
    model       text not null,
    state       text not null,
    reason      text not null,
    fault       text,
    started_s   real not null,
    first_piece_s real,
    ended_s     real not null,
    input       integer not null,
    cache_read  integer not null,
    cache_write_5m integer not null,
    cache_write_1h integer not null,
    output      integer not null,
    reasoning   integer not null,
    estimated   integer not null,
    cost_nano   integer,
    engine_s    real,
    probability real,
    calibration text,
    readings    text not null,
    primary key (entry_id, rung)
)""",
)
_STEPS = (
    # files of the first release have these tables and call themselves version 0
    _FIRST,
    (
        "alter table attempt add column role text not null default 'draft'",
        "alter table attempt add column threshold real",
    ),
)
"""What leads from each version of the file to the next: only ever add to the end."""


def open_file(path: Path) -> sqlite3.Connection:
    """The file at its newest version, made where there is none.

    Raises StoreError for a file that a later release wrote, and what SQLite raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        db.execute("pragma busy_timeout = 5000")
        db.execute("pragma journal_mode = wal")
        db.execute("pragma synchronous = normal")
        _bring_up_to_date(db)
    except BaseException:
        db.close()
        raise
    return db


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """All steps or none; of two processes that open an old file, one waits for the other."""
    with db:
        db.execute("begin immediate")
        (version,) = db.execute("pragma user_version").fetchone()
        if version > len(_STEPS):
            raise StoreError(
                f"the file is of version {version}, this release knows {len(_STEPS)}; "
                "use a newer rungwise or another ledger.path"
            )
        for statement in (statement for step in _STEPS[version:] for statement in step):
            db.execute(statement)
        db.execute(f"pragma user_version = {len(_STEPS)}")
