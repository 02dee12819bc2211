"""When does a cap's window begin and end? Calendar windows in UTC; a week begins on Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rungwise.types import Window

__all__ = ["ends_at", "starts_at"]


def starts_at(window: Window, at: float) -> int:
    """Unix seconds of the beginning of the window that `at` lies in; `ever` begins at 0."""
    return 0 if window == "ever" else int(_begin(window, at).timestamp())


def ends_at(window: Window, at: float) -> datetime | None:
    """When the next window begins; None is never."""
    begin = _begin(window, at)
    match window:
        case "hour":
            return begin + timedelta(hours=1)
        case "day":
            return begin + timedelta(days=1)
        case "week":
            return begin + timedelta(days=7)
        case "month":
            return (begin + timedelta(days=32)).replace(day=1)
        case "ever":
            return None


def _begin(window: Window, at: float) -> datetime:
    hour = datetime.fromtimestamp(at, UTC).replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    match window:
        case "hour":
            return hour
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day
