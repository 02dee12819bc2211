"""When does a day of the calendar begin and end? In UTC, as Unix time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

__all__ = ["begin", "end"]


def begin(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def end(day: date) -> float:
    """The first moment after it."""
    return begin(day) + timedelta(days=1).total_seconds()
