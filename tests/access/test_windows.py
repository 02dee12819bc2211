"""When does a window begin and end?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.access.windows import ends_at, starts_at
from rungwise.types import Window

AT = datetime(2026, 11, 25, 21, 10, 28, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("hour", "2026-11-25T21:00", "2026-11-25T22:00"),
        ("day", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("week", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("month", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("ever", "1970-01-01T00:00", None),
    ],
)
def test_windows_are_those_of_the_calendar_in_utc(
    window: Window, start: str, end: str | None
) -> None:
    began = datetime.fromtimestamp(starts_at(window, AT.timestamp()), UTC)
    assert began.isoformat(timespec="minutes") == f"{start}+00:00"
    ends = ends_at(window, AT.timestamp())
    assert (ends and ends.isoformat(timespec="minutes")) == (end and f"{end}+00:00")


@given(st.sampled_from(["hour", "day", "week", "month"]), st.floats(0, 4e9))
def test_one_window_follows_the_other_without_a_gap(window: Window, at: float) -> None:
    end = ends_at(window, at)
    assert end is not None
    assert starts_at(window, at) <= at < end.timestamp()
    assert starts_at(window, end.timestamp()) == end.timestamp()
