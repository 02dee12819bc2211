"""What is no longer as it was?"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Table, Text

from rungwise.store.tables.columns import TABLES

__all__ = ["alarm", "drift_state"]

alarm = Table(
    "alarm",
    TABLES,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("began_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("ended_by", Text),  # "owner", or the id of a server
    Column("demotes", Text),
    Column("server", Text, nullable=False),
    Column("state", Text),  # JSON: what has to be known to watch it
    Index("alarm_began_at", "began_at"),
)

drift_state = Table(  # what a detector knows, so that it outlives a restart
    "drift_state",
    TABLES,
    Column("detector", Text, primary_key=True),
    Column("at", Float, nullable=False),
    Column("state", Text, nullable=False),  # JSON
)
