"""Which columns do several tables have?"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Text, text

__all__ = ["TABLES", "group", "some", "usage"]

TABLES = MetaData()


def usage() -> list[Column[int]]:
    parts = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")
    return [Column(part, BigInteger, nullable=False) for part in parts]


def group() -> list[Column[str]]:
    """What every tally is kept by."""
    day: Column[int] = Column("day", Integer, primary_key=True, autoincrement=False)
    names = ("route", "step_type", "caller")
    return [day, *(Column(name, Text, primary_key=True) for name in names)]  # type: ignore[list-item]


def some(name: str, known: str, *columns: str) -> Index:
    """An index of those rows alone where the column `known` is: the others do not pay for it."""
    where = text(f"{known} is not null")
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)
