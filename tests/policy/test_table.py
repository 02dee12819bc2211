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


@given(NAMES, NAMES, NAMES, NAMES, st.booleans(), st.sets(st.sampled_from(["t1", "t2", "t3"])))
def test_a_window_lies_within_every_limit_and_holds_its_start(
    start: str | None,
    top: str | None,
    floor: str | None,
    ceiling: str | None,
    local: bool,
    without: set[str],
) -> None:
    without -= {start or "", top or ""}
    if (floor and ceiling and floor > ceiling) or len(without) == 3:
        return
    wish = Wish(floor=floor, ceiling=ceiling, local_only=local)
    try:
        found = window(RouteConfig(start=start, ceiling=top, without=tuple(without)), wish)
    except CallerError:
        return
    assert without.isdisjoint(found.reach)
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


def test_a_rung_that_is_passed_over_is_neither_asked_nor_shown_the_request() -> None:
    found = window(RouteConfig(start="t1", without=("t2",)), Wish())
    assert found.rungs == found.usual == found.reach == ("t1", "t3")
    assert found.why == ("planning starts at t1", "it passes over t2")
    assert found.raised("t1") == "t3"


def test_a_start_that_is_passed_over_moves_to_the_next_rung_that_is_left() -> None:
    table = Table(LADDER, {kind: RouteConfig(without=("t1", "t3")) for kind in StepType})
    for kind in (StepType.CLASSIFICATION, StepType.MULTI_STEP_REASONING):
        found = table.window(kind, Wish())
        assert found.rungs == ("t2",) and found.why[0] == f"{kind.value} starts at t2"
    assert window(RouteConfig(without=("t2",)), Wish()).start == "t3", "the shipped place is t2"


def test_a_callers_floor_and_ceiling_may_name_a_rung_that_is_passed_over() -> None:
    route = RouteConfig(start="t1", without=("t2",))
    assert window(route, Wish(floor="t2")).rungs == ("t3",)
    assert window(route, Wish(ceiling="t2")).rungs == ("t1",)
    with pytest.raises(CallerError, match="passes over every rung"):
        window(route, Wish(floor="t2", ceiling="t2"))
    with pytest.raises(CallerError, match="t3 stands above t2"):
        window(RouteConfig(without=("t3",)), Wish(floor="t3"))


def test_a_pin_wins_over_what_its_type_passes_over() -> None:
    table = Table(LADDER, {StepType.PLANNING: RouteConfig(without=("t2",))})
    assert table.pinned("t2", Wish(step_type=StepType.PLANNING)).rungs == ("t2",)


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
