"""Which rungs can be paid for, and what is told of the one that cannot?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.access.budget import Room, affordable, dollars, worst
from rungwise.types import Bid, Cap, Grant

END = datetime(2026, 12, 1, tzinfo=UTC)


def bids(*nanos: int | None) -> list[Bid]:
    return [
        Bid(tier=f"t{place}", nano=nano, escalation=place > 0) for place, nano in enumerate(nanos)
    ]


def room(left: int, **cap: object) -> Room:
    return Room(cap=Cap(nano=100, **cap), left=left, ends_at=END)  # type: ignore[arg-type]


def granted(
    offered: list[Bid], *rooms: Room, most: int | None = None, refuse_unknown: bool = False
) -> Grant:
    return affordable(offered, rooms, most_nano=most, refuse_unknown=refuse_unknown)


@pytest.mark.parametrize(
    ("nanos", "left", "rungs"),
    [
        ((0, 30, 30), 60, 3),
        ((0, 30, 30), 59, 2),
        ((0, 30, 30), 0, 1),
        ((0, 30, 0), 0, 1),
        ((30, 0), 29, 0),
        ((0, 0), -5, 2),
        ((30, 0), 30, 2),
    ],
)
def test_the_worst_cases_together_must_fit(nanos: tuple[int, ...], left: int, rungs: int) -> None:
    assert granted(bids(*nanos), room(left)).rungs == rungs


def test_an_escalation_cap_counts_what_stands_above_the_first_rung() -> None:
    assert granted(bids(1000, 30, 30), room(30, of="escalation")).rungs == 2
    assert granted(bids(1000, 30, 30), room(29, of="escalation")).rungs == 1


def test_every_cap_and_the_request_s_own_limit_must_have_room() -> None:
    offered = bids(10, 20, 30)
    assert granted(offered, room(60), room(30)).rungs == 2
    assert granted(offered, room(60), most=29).rungs == 1
    assert granted(offered, most=60).rungs == 3


def test_an_unknown_price_is_granted_only_where_nothing_is_counted() -> None:
    assert granted(bids(0, None, 5)).rungs == 3
    assert granted(bids(0, None, 5), most=1000).rungs == 1
    assert granted(bids(0, None, 5), room(1000)).rungs == 1
    refused = granted(bids(0, None, 5), refuse_unknown=True)
    assert refused == Grant(
        rungs=1,
        short="what t1 can cost at most is unknown, for want of a price or of a limit for its "
        "answer (max_tokens), and prices.unknown is refuse",
    )


def test_what_stops_a_rung_is_told_in_words() -> None:
    offered = bids(0, 250_000_000, 550_000_000)
    cap = Cap(nano=10_000_000_000, window="month")
    left = Room(cap=cap, left=420_000_000, ends_at=END)
    assert granted(offered, left).short == (
        "this key's cap on spending, $10.00 per month, has $0.42 left until 2026-12-01 00:00 UTC, "
        "and t1 and t2 could cost $0.80 together"
    )
    for_good = Room(cap=Cap(nano=1, window="ever", of="escalation"), left=-7, ends_at=None)
    assert granted(offered, for_good).short == (
        "this key's cap on escalation, $0.000000001 in all, has $0.00 left, and t1 could cost $0.25"
    )
    assert granted(offered, most=5).short == (
        "the request may cost $0.000000005 at most, and t1 could cost $0.25"
    )


@given(
    st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(-10, 300), st.sampled_from(["all", "escalation"])), max_size=3),
    st.none() | st.integers(0, 300),
)
def test_what_is_granted_fits_and_one_rung_more_would_not(
    nanos: list[int | None], lefts: list[tuple[int, str]], most: int | None
) -> None:
    offered = bids(*nanos)
    rooms = [room(left, of=of) for left, of in lefts]
    grant = granted(offered, *rooms, most=most)

    def fits(rungs: int) -> bool:
        taken = offered[:rungs]
        counted = bool(rooms) or most is not None
        return (
            not (counted and any(bid.nano is None for bid in taken))
            and (most is None or worst(taken, "all") <= most)
            and all(worst(taken, r.cap.of) <= max(0, r.left) for r in rooms)
        )

    assert fits(grant.rungs)
    assert grant.rungs == len(offered) or not fits(grant.rungs + 1)
    assert bool(grant.short) == (grant.rungs < len(offered))


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (10**9, "$1.00"),
        (10**10, "$10.00"),
        (1_500_000_000, "$1.50"),
    ],
)
def test_dollars_are_exact_and_at_least_to_the_cent(nano: int, shown: str) -> None:
    assert dollars(nano) == shown
