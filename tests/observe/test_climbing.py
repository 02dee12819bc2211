"""A caller that climbs too often is noticed once, named, and forgotten when it stops."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rungwise.config.access import EscalationAlarmConfig
from rungwise.observe.climbing import Climbing
from rungwise.observe.metrics import Metrics
from rungwise.types import Entry, StepType
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

LADDER = ("t1", "t2", "t3")
SURE = replace(BARE, tier="t1")
FLAT = replace(ENTRY, attempts=(SURE,), rungs=("t1", "t2", "t3"))
CLIMBED = replace(FLAT, attempts=(ATTEMPT, BARE))
RAISED = replace(FLAT, attempts=(BARE,), rungs=("t2", "t3"))


def climbing(*, share: float = 0.5, least: int = 5, window: int = 20, most: int = 9) -> Climbing:
    config = EscalationAlarmConfig(share=share, least=least, window=window)
    return Climbing(config, LADDER, dict.fromkeys(StepType, "t1"), most_keys=most)


def alarmed(step: Entry, times: int = 20) -> bool:
    watched = climbing()
    for _ in range(times):
        watched.read(step)
    return bool(watched.alarmed)


def test_a_refused_draft_and_a_start_above_the_usual_rung_are_climbs() -> None:
    assert alarmed(CLIMBED) and alarmed(RAISED)
    assert not alarmed(FLAT)


@pytest.mark.parametrize(
    "step",
    [
        replace(RAISED, route="t2"),
        replace(RAISED, rungs=()),
        replace(RAISED, rungs=("t9",)),
        replace(FLAT, attempts=(replace(ATTEMPT, state="spilled"), BARE)),
        replace(FLAT, attempts=(SURE, replace(JUDGED, state="abandoned"))),
        replace(CLIMBED, state="exhausted"),
        replace(CLIMBED, attempts=(ATTEMPT, replace(BARE, state="recalled"))),
    ],
    ids=["pinned", "no plan", "another ladder", "spilled", "judged", "not answered", "recalled"],
)
def test_other_steps_are_none(step: Entry) -> None:
    assert not alarmed(step)


def test_where_a_step_type_usually_starts_higher_that_is_no_climb() -> None:
    usual = dict.fromkeys(StepType, "t2")
    watched = Climbing(EscalationAlarmConfig(least=5), LADDER, usual)
    for _ in range(20):
        watched.read(RAISED)
    assert not watched.alarmed


def test_what_is_billed_as_a_climb_is_one_though_its_step_type_usually_starts_there() -> None:
    """A text that looks hard gets the step type of hard ones, and its start."""
    looks_hard = replace(RAISED, usual="t1")
    usual = dict.fromkeys(StepType, "t2")
    for step, climbs in ((looks_hard, True), (replace(RAISED, usual="t2"), False)):
        watched = Climbing(EscalationAlarmConfig(least=5), LADDER, usual)
        for _ in range(20):
            watched.read(step)
        assert bool(watched.alarmed) is climbs


def test_a_callers_own_floor_counts_though_it_is_billed_as_none() -> None:
    assert alarmed(replace(RAISED, usual="t2"))


def test_nothing_is_said_of_a_key_with_few_steps_or_by_chance() -> None:
    assert not alarmed(CLIMBED, times=4)
    watched = climbing()
    for number in range(200):
        watched.read(CLIMBED if number % 10 > 3 else FLAT)
    assert not watched.alarmed, "0.6 of 20 may well be 0.5"


def test_an_episode_is_told_once_and_ends_when_the_share_has_fallen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = climbing()
    with caplog.at_level(logging.INFO):
        for step in [CLIMBED] * 50 + [FLAT] * 9:
            watched.read(step)
        assert watched.alarmed == ["anonymous"] and watched.alarms == 1
        watched.read(FLAT)
        assert watched.alarmed == [] and watched.alarms == 1
        for _ in range(20):
            watched.read(CLIMBED)
    assert watched.alarms == 2
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 2 and warned[0].startswith("anonymous climbs: 5 of its last 5 steps")


def test_only_the_last_steps_of_the_window_count() -> None:
    short, long = climbing(window=10), climbing(window=100)
    for watched in (short, long):
        for step in [FLAT] * 30 + [CLIMBED] * 10:
            watched.read(step)
    assert short.alarmed and not long.alarmed


def test_each_key_is_watched_by_itself_and_not_more_than_so_many() -> None:
    watched = climbing(most=2)
    for number in range(20):
        for key in ("a", "b"):
            watched.read(replace(CLIMBED if key == "a" else FLAT, id=str(number), caller=key))
    assert watched.alarmed == ["a"]
    watched.read(replace(FLAT, caller="c"))
    assert watched.alarmed == [], "a asked longest ago and is forgotten"


def test_a_share_of_one_never_alarms() -> None:
    watched = climbing(share=1.0)
    for _ in range(100):
        watched.read(CLIMBED)
    assert not watched.alarmed


def test_the_window_must_hold_the_least_number_of_steps() -> None:
    with pytest.raises(ValueError, match="never be reached"):
        EscalationAlarmConfig(least=10, window=9)


def test_prometheus_sees_how_many_keys_and_names_a_few() -> None:
    watched, metrics = climbing(most=99), Metrics()
    metrics.watch_climbing(watched)
    for number in range(60):
        for _ in range(20):
            watched.read(replace(CLIMBED, caller=f"key{number}"))
    body, _ = metrics.render()
    told = {
        (s.name, *s.labels.values()): s.value
        for family in text_string_to_metric_families(body.decode())
        for s in family.samples
    }
    assert told[("rungwise_escalating_keys",)] == told[("rungwise_escalation_alarms_total",)] == 60
    assert sum(name[0] == "rungwise_escalation_alarm" for name in told) == 50
    assert told["rungwise_escalation_alarm", "key0"] == 1.0
