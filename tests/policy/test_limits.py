"""Which plans keep to what the caller allows, and which come nearest."""

from hypothesis import given
from hypothesis import strategies as st

from rungwise.policy.limits import Limits, within
from rungwise.policy.pays import Prospect, Rung
from tests.policy.foreseeing import Uninformed

RUNGS = [
    Rung(tier=f"t{k}", right=p, nano=nano, seconds=s, reach=Uninformed())
    for k, (p, nano, s) in enumerate([(0.6, 10.0, 4.0), (0.8, 50.0, 2.0), (0.9, 200.0, 1.0)])
]
FOUND = [
    Prospect((0,), (), 0.6, 10.0, 4.0, 1.0),
    Prospect((1,), (), 0.8, 50.0, 2.0, 2.0),
    Prospect((2,), (), 0.9, 200.0, 1.0, 3.0),
    Prospect((0, 2), (0.5,), 0.85, 90.0, 4.4, 4.0),
]


def kept(**limits: float) -> tuple[list[tuple[int, ...]], int]:
    found, told = within(FOUND, Limits(**limits), RUNGS)
    return [prospect.rungs for prospect in found], len(told)


def test_without_limits_all_remain() -> None:
    assert kept() == ([(0,), (1,), (2,), (0, 2)], 0)


def test_cost_and_time_are_those_of_all_its_rungs_and_quality_is_the_plans() -> None:
    assert kept(nano=200.0) == ([(0,), (1,), (2,)], 0)
    assert kept(seconds=4.0) == ([(0,), (1,), (2,)], 0)
    assert kept(least_right=0.85) == ([(2,), (0, 2)], 0)


def test_where_none_keeps_to_a_limit_the_nearest_remain_and_it_is_said() -> None:
    assert kept(nano=1.0) == ([(0,)], 1)
    assert kept(seconds=0.1) == ([(2,)], 1)
    assert kept(least_right=0.95) == ([(2,)], 1)


def test_money_goes_before_time_and_time_before_quality() -> None:
    assert kept(nano=60.0, seconds=1.0) == ([(1,)], 1)
    assert kept(seconds=2.0, least_right=0.95) == ([(2,)], 1)
    assert kept(nano=10.0, seconds=1.0, least_right=0.99) == ([(0,)], 2)


limits = st.none() | st.floats(-10, 300)


@given(limits, limits, limits)
def test_something_always_remains(
    nano: float | None, seconds: float | None, right: float | None
) -> None:
    found, _ = within(FOUND, Limits(nano=nano, seconds=seconds, least_right=right), RUNGS)
    assert found and all(prospect in FOUND for prospect in found)
