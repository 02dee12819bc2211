"""Which window of the ladder a table and a wish leave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.config import RouteConfig
from rungwise.errors import CallerError
from rungwise.policy.table import Table
from rungwise.policy.window import Window
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import StepType, Wish

LADDER = (ScriptedTier("t1"), ScriptedTier("t2"), ScriptedTier("t3", local=False))
NAMES = st.none() | st.sampled_from([tier.name for tier in LADDER])


def window(route: RouteConfig, wish: Wish) -> Window:
    return Table(LADDER, {StepType.PLANNING: route}).window(StepType.PLANNING, wish)


@given(NAMES, NAMES, NAMES, NAMES, st.booleans())
def test_a_window_lies_within_every_limit_and_holds_its_start(
    start: str | None, top: str | None, floor: str | None, ceiling: str | None, local: bool
) -> None:
    if floor and ceiling and floor > ceiling:
        return
    wish = Wish(floor=floor, ceiling=ceiling, local_only=local)
    try:
        found = window(RouteConfig(start=start, ceiling=top), wish)
    except CallerError:
        return
    assert found.start in found.rungs and set(found.rungs) <= set(found.reach)
    assert found.usual == found.above(found.start) and found.usual[-1] == found.rungs[-1]
    for limit in (top, ceiling):
        assert limit is None or max(found.reach) <= limit
    assert floor is None or min(found.rungs) >= floor
    assert not local or "t3" not in found.reach


def test_rungs_below_the_start_are_there_for_whoever_foresees_that_they_will_do() -> None:
    found = window(RouteConfig(start="t3"), Wish())
    assert found.rungs == ("t1", "t2", "t3") and found.usual == ("t3",)
    assert window(RouteConfig(start="t3"), Wish(floor="t2")).rungs == ("t2", "t3")


def test_raised_is_the_next_rung_or_the_highest() -> None:
    found = window(RouteConfig(ceiling="t2"), Wish())
    assert [found.raised(rung) for rung in ("t1", "t2")] == ["t2", "t2"]


def test_an_owner_without_a_row_gets_the_shipped_place() -> None:
    table = Table(LADDER, {})
    assert table.window(StepType.CLASSIFICATION, Wish()).start == "t1"
    assert table.window(StepType.PLANNING, Wish()).start == "t2"
    assert table.window(StepType.MULTI_STEP_REASONING, Wish()).start == "t3"


def test_a_pin_is_a_window_of_its_own() -> None:
    found = Table(LADDER, {}).pinned("t2", Wish())
    assert found.rungs == found.reach == ("t2",) and found.why == ("pinned to t2",)
    with pytest.raises(CallerError, match="not on this machine"):
        Table(LADDER, {}).pinned("t3", Wish(local_only=True))
