"""Times in buckets: a percentile read from them is within 1 % of the one over the times."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rungwise.ledger.buckets import bucket_of, ranked, seconds_of

TIMES = st.floats(1e-6, 1e6)


@given(TIMES)
def test_what_is_told_of_a_bucket_is_within_one_percent_of_what_is_in_it(seconds: float) -> None:
    assert abs(seconds_of(bucket_of(seconds)) / seconds - 1) <= 0.01


@given(TIMES, TIMES)
def test_times_in_order_have_buckets_in_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert bucket_of(low) <= bucket_of(high)
    assert seconds_of(bucket_of(low)) <= seconds_of(bucket_of(high))


@given(st.lists(TIMES, min_size=1), st.floats(0.01, 1))
def test_a_percentile_from_the_counts_is_within_one_percent(
    times: list[float], share: float
) -> None:
    rank = math.ceil(share * len(times))
    true = sorted(times)[rank - 1]
    counts = Counter(map(bucket_of, times))
    buckets = sorted(counts)
    bucket = ranked(buckets, [counts[bucket] for bucket in buckets], share)
    assert bucket is not None
    assert abs(seconds_of(bucket) / true - 1) <= 0.01


def test_of_nothing_there_is_no_percentile() -> None:
    assert ranked((), (), 0.5) is None
    assert ranked((1, 2), (0, 0), 0.5) is None


def test_a_bucket_without_times_is_no_percentile() -> None:
    assert ranked((1, 2, 3), (0, 2, 0), 0.5) == ranked((1, 2, 3), (0, 2, 0), 1.0) == 2


def test_no_time_at_all_has_a_bucket_too() -> None:
    assert bucket_of(0.0) == bucket_of(-1.0) == bucket_of(1e-6) == 0
    assert seconds_of(0) == 1e-6
