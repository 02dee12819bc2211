"""Who may ask, what did they spend, and what was asked under which key?"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, Table, Text

from rungwise.store.tables.columns import TABLES

__all__ = ["api_key", "lost", "repeat", "reservation", "server", "spending"]

api_key = Table(
    "api_key",
    TABLES,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # SHA-256 of the key, hex
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("rights", Text, nullable=False),  # JSON: names, tiers, local_only, limits, caps
)

server = Table(
    "server",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("seen_at", Float, nullable=False),
)

spending = Table(
    "spending",
    TABLES,
    Column("caller", Text, primary_key=True),
    Column("of", Text, primary_key=True),
    Column("window", Text, primary_key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
)

reservation = Table(
    "reservation",
    TABLES,
    Column("id", Text, primary_key=True),  # the entry's
    Column("server", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("bids", Text, nullable=False),  # JSON: tier, nano, escalation of each granted rung
    Column("windows", Text, nullable=False),  # JSON: the rows of `spending` that hold it
    Index("reservation_server", "server"),
)

lost = Table(  # what a server that died had set aside, should it come back after all
    "lost",
    TABLES,
    Column("id", Text, primary_key=True),  # the entry's
    Column("at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("bids", Text, nullable=False),
    Column("windows", Text, nullable=False),
    Index("lost_at", "at"),
)

repeat = Table(
    "repeat",
    TABLES,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("entry_id", Text, nullable=False),
    Column("server", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("state", Text, nullable=False),  # open, answered, spent
    Column("answer", Text),
    Index("repeat_at", "at"),
)
