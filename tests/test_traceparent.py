"""One reader of `traceparent` says what stands in it, and of what is none nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.traceparent import read_traceparent

TRACE, PARENT = "4b" * 16, "a3" * 8


@given(st.integers(0, 255))
def test_only_the_last_bit_of_the_flags_says_whether_it_is_traced(flags: int) -> None:
    found = read_traceparent(f"00-{TRACE}-{PARENT}-{flags:02x}")
    assert found is not None and found.sampled == bool(flags & 1)
    assert (found.trace.hex(), found.parent.hex()) == (TRACE, PARENT)


@pytest.mark.parametrize(
    "told",
    [
        "",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"01-{TRACE}-{PARENT}-01-{'x' * 65}",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE.upper()}-{PARENT}-01",
    ],
)
def test_what_is_none_says_nothing(told: str) -> None:
    assert read_traceparent(told) is None


def test_a_later_version_may_say_more() -> None:
    assert read_traceparent(f"01-{TRACE}-{PARENT}-01-more") is not None
