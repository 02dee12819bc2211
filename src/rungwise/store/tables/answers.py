"""What may be given again?"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, Table, Text

from rungwise.store.tables.columns import TABLES

__all__ = ["remembered"]

remembered = Table(
    "remembered",
    TABLES,
    Column("fingerprint", Text, primary_key=True),
    Column("tenant", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("ends_at", Float, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Index("remembered_at", "at"),
)
