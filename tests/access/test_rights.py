"""Do a key's rights come back as they were given?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.access.rights import caller_of, limited, rights_of
from rungwise.config import CapConfig, LimitsConfig
from rungwise.types import Caller, Cap

names = st.none() | st.frozensets(st.text(min_size=1, max_size=5), min_size=1, max_size=3)
caps = st.builds(
    Cap,
    nano=st.integers(0, 2**62),
    window=st.sampled_from(["hour", "day", "week", "month", "ever"]),
    of=st.sampled_from(["all", "escalation"]),
)
callers = st.builds(
    Caller,
    name=st.just("ci"),
    names=names,
    tiers=names,
    local_only=st.booleans(),
    requests_per_minute=st.none() | st.integers(1, 10**6),
    concurrent=st.none() | st.integers(1, 100),
    caps=st.lists(caps, max_size=3).map(tuple),
    sees_all=st.booleans(),
    outcomes_count=st.booleans(),
)


@given(callers)
def test_rights_come_back_as_they_were_given(caller: Caller) -> None:
    assert caller_of("ci", rights_of(caller)) == caller


def test_a_key_sees_only_its_own_and_counts_where_nothing_else_is_written() -> None:
    caller = caller_of("ci", "{}")
    assert (caller.sees_all, caller.outcomes_count) == (False, True)


UNKNOWN = ["", "[]", "3", '{"god_mode":true}', '{"caps":[{"usd":1}]}', '{"sees_all":"no"}']


@pytest.mark.parametrize("text", UNKNOWN)
def test_rights_that_are_not_known_are_not_taken_for_none(text: str) -> None:
    with pytest.raises(ValueError):
        caller_of("ci", text)


LIMITS = LimitsConfig(requests_per_minute=60, concurrent=4, caps=(CapConfig(usd=1.5),))


def test_a_key_without_limits_of_its_own_has_the_configured_ones() -> None:
    caller = limited(Caller(name="ci"), LIMITS)
    assert (caller.requests_per_minute, caller.concurrent) == (60, 4)
    assert caller.caps == (Cap(nano=1_500_000_000, window="month"),)


def test_a_limit_of_its_own_wins_and_the_others_stay() -> None:
    own = Caller(name="ci", requests_per_minute=600, caps=(Cap(nano=0, window="ever"),))
    assert limited(own, LIMITS) == replace(own, concurrent=4)
