"""A shadow's plan is walked over what was drafted here, and estimated where nothing was."""

from dataclasses import replace

import pytest

from rungwise.ledger.shadowed import Course, Start, course, start
from rungwise.types import (
    STOPPED_EARLY,
    Attempt,
    Bar,
    Baseline,
    Confidence,
    Entry,
    Shadow,
)
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

LOW = replace(ATTEMPT, cost_nano=100)
MIDDLE = replace(BARE, cost_nano=1_000)
STEP = replace(ENTRY, attempts=(LOW, MIDDLE), baselines=(Baseline(tier="t3", nano=9_000),))


def led(entry: Entry, *rungs: str) -> Course:
    return course(entry, Shadow(router="pays", rungs=rungs, why=""))


@pytest.mark.parametrize(
    ("live", "shadow", "told"),
    [
        (("t1", "t2"), ("t1", "t3"), "same"),
        (("t1", "t3"), ("t2", "t3"), "higher"),
        (("t3",), ("t2",), "lower"),
        ((), ("t2",), "elsewhere"),
        (("t1",), (), "elsewhere"),
    ],
)
def test_where_a_shadow_starts_is_told_by_the_ladder(
    live: tuple[str, ...], shadow: tuple[str, ...], told: Start
) -> None:
    assert start(live, shadow, ("t1", "t2", "t3")) == told


def test_without_a_ladder_the_plans_themselves_tell_the_order_where_they_can() -> None:
    assert start(("t1", "t2"), ("t2",), ()) == "higher"
    assert start(("t2",), ("t1", "t2"), ()) == "lower"
    assert start(("t1", "t3"), ("t2", "t3"), ()) == "elsewhere"


def test_a_plan_whose_rungs_were_all_drafted_here_is_recorded() -> None:
    assert led(STEP, "t1", "t2", "t3") == Course(basis="recorded", known_nano=1_100)
    assert led(STEP, "t2", "t3") == Course(basis="recorded", known_nano=1_000)


def test_evidence_is_paid_for_on_a_draft_that_is_judged() -> None:
    judged = replace(JUDGED, cost_nano=70)
    step = replace(STEP, attempts=(replace(LOW, ended_s=0.26), judged, MIDDLE))
    assert led(step, "t1", "t2").known_nano == 1_170
    first = replace(LOW, state="released", ended_s=0.26)
    step = replace(STEP, attempts=(first, judged))
    assert led(step, "t1", "t2").known_nano == 170
    assert led(step, "t1").known_nano == 100, "the last rung is not judged"


def test_a_rung_that_nobody_asked_is_estimated_by_its_price_for_the_answers_tokens() -> None:
    assert led(STEP, "t3") == Course(basis="estimated", known_nano=9_000, asked="t3")
    assert led(STEP, "t1", "t3") == Course(basis="estimated", known_nano=9_100, asked="t3")


def test_where_it_has_no_price_either_its_usual_cost_is_lacking() -> None:
    step = replace(STEP, attempts=(MIDDLE,))
    found = led(step, "t1", "t2")
    assert found == Course(
        basis="estimated", asked="t1", priced=False, beyond="t2", rest_nano=1_000
    )
    assert led(step, "t1", "t3").rest_nano == 9_000
    assert led(step, "t1").beyond == ""


def test_a_rung_beyond_whose_cost_is_not_known_from_here_is_not_free() -> None:
    step = replace(STEP, attempts=(MIDDLE,), baselines=(Baseline(tier="t3", nano=None),))
    for beyond in ("t0", "t3"):  # one of this machine, and one without a price
        found = led(step, "t1", beyond)
        assert (found.beyond, found.rest_nano, found.rest_priced) == (beyond, 0, False)
    assert led(step, "t1", "t2").rest_priced and led(step, "t1").rest_priced


def test_a_refused_draft_that_would_have_been_the_last_is_paid_for_and_nobody_labelled_it() -> None:
    assert led(STEP, "t1") == Course(basis="estimated", known_nano=100, asked="t1")


def test_one_that_was_stopped_early_would_have_cost_what_such_drafts_cost() -> None:
    stopped = replace(LOW, reason=f"{STOPPED_EARLY}: p <= 0.4 < 0.8")
    step = replace(STEP, attempts=(stopped, MIDDLE))
    assert led(step, "t1") == Course(basis="estimated", asked="t1", priced=False)


def test_a_draft_is_judged_by_what_the_shadow_asks_of_its_rung() -> None:
    sure = Confidence(probability=0.6, calibration="c")
    low = replace(LOW, confidence=sure, threshold=0.8)
    step = replace(STEP, attempts=(low, MIDDLE))

    def judged(confidence: float, *, waives: bool, step: Entry = step) -> Course:
        bars = (Bar(tier="t1", confidence=confidence, waives=waives),)
        return course(step, Shadow(router="pays", rungs=("t1", "t2"), why="", bars=bars))

    refused = Course(basis="recorded", known_nano=1_100)
    assert judged(0.5, waives=True) == Course(basis="estimated", known_nano=100, asked="t1")
    assert judged(0.7, waives=True) == judged(0.5, waives=False) == refused
    checked = replace(step, attempts=(replace(low, threshold=0.5), MIDDLE))
    assert judged(0.1, waives=True, step=checked) == refused, "a check spoke against it"
    given = replace(step, attempts=(replace(low, state="released", threshold=0.5),))
    assert judged(0.5, waives=True, step=given) == Course(basis="recorded", known_nano=100)
    assert judged(0.9, waives=False, step=given).asked == "t2"


def test_what_was_remembered_costs_no_router_anything() -> None:
    recalled = replace(MIDDLE, state="recalled", cost_nano=0)
    assert led(replace(STEP, attempts=(recalled,)), "t3") == Course(basis="recorded")


@pytest.mark.parametrize(
    "change",
    [
        {"state": "exhausted"},
        {"attempts": (LOW, replace(MIDDLE, cost_nano=None))},
        {"shadow": ()},
    ],
)
def test_of_what_was_not_answered_or_has_no_price_nothing_is_told(
    change: dict[str, object],
) -> None:
    rungs = ("t2",) if "shadow" not in change else ()
    change.pop("shadow", None)
    assert led(replace(STEP, **change), *rungs).basis == "unknown"  # type: ignore[arg-type]


def test_a_rung_that_had_too_much_to_do_is_passed_over_there_too() -> None:
    spilled: Attempt = replace(LOW, state="spilled", cost_nano=0)
    assert led(replace(STEP, attempts=(spilled, MIDDLE)), "t1", "t2").known_nano == 1_000
