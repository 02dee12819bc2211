"""Whether it is cheaper to stay with a warm prefix than to move to a cold one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.affinity import HOSTED_WARM_S, stays, warm_tokens
from rungwise.policy.memory import Past

costs, shares = st.floats(0, 1e12), st.floats(0, 1)


@pytest.mark.parametrize(
    ("warm", "cold", "climbs", "expected"),
    [
        (100.0, 200.0, 0.0, True),
        (200.0, 100.0, 0.0, False),
        (200.0, 100.0, 0.6, True),
        (200.0, 100.0, 0.4, False),
        (None, 100.0, 0.5, False),
        (100.0, None, 0.5, False),
        (100.0, 200.0, None, False),
    ],
)
def test_it_stays_where_that_costs_no_more_than_to_move_and_perhaps_climb_back(
    warm: float | None, cold: float | None, climbs: float | None, expected: bool
) -> None:
    assert stays(warm_nano=warm, cold_nano=cold, climbs=climbs) is expected


@given(costs, costs, shares, shares)
def test_the_surer_it_is_to_climb_back_the_more_it_stays(
    warm: float, cold: float, one: float, two: float
) -> None:
    less, more = sorted((one, two))
    if stays(warm_nano=warm, cold_nano=cold, climbs=less):
        assert stays(warm_nano=warm, cold_nano=cold, climbs=more)


def test_how_long_a_prefix_is_warm() -> None:
    past = Past(tier="t2", at=1000.0, prompt_tokens=70)
    for later, local, expected in (
        (0.0, False, 70),
        (HOSTED_WARM_S - 1, False, 70),
        (HOSTED_WARM_S, False, 0),
        (-1.0, False, 70),  # a clock that was set back
        (-HOSTED_WARM_S, False, 0),
        (1e6, True, 70),
    ):
        assert warm_tokens(past, "t2", local=local, now=1000.0 + later) == expected
    assert warm_tokens(past, "t1", local=True, now=1000.0) == 0
    assert warm_tokens(None, "t1", local=True, now=1000.0) == 0
