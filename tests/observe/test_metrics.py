"""Metrics are a reading of the entry."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from rungwise.errors import TierError
from rungwise.ledger.sql import SqlLedger
from rungwise.ledger.tee import Tee
from rungwise.observe.gpu_usage import GpuWatch
from rungwise.observe.metrics import Metrics
from rungwise.store.sql import Store
from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.tiers.local.standing import Standing
from rungwise.types import (
    Alarm,
    AlarmKind,
    AttemptRole,
    Entry,
    Outcome,
    OutcomeSource,
    StepType,
    TierFault,
)
from tests.doubles.nvml import PlayedNvml
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED

pytestmark = pytest.mark.anyio

DOCS = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")


def samples(*entries: Entry) -> dict[tuple[str, ...], float]:
    """Values by name and labels; the labels sorted."""
    metrics = Metrics()
    for entry in entries:
        metrics.read(entry)
    return told_by(metrics)


def told_by(metrics: Metrics) -> dict[tuple[str, ...], float]:
    body, kind = metrics.render()
    assert kind.startswith("text/plain")
    return {
        (s.name, *sorted(s.labels.values())): s.value
        for family in text_string_to_metric_families(body.decode())
        for s in family.samples
    }


def test_one_entry_is_counted_whole() -> None:
    told = samples(ENTRY)
    assert told["rungwise_answers_total", "answered", "auto", "planning", "t2"] == 1
    assert told["rungwise_attempts_total", "abandoned", "draft", "t1"] == 1
    assert told["rungwise_tokens_total", "cache_read", "draft", "t1"] == 5
    assert told["rungwise_cost_usd_total", "draft", "t1"] == 1234e-9
    assert told["rungwise_unpriced_attempts_total", "draft", "t2"] == 1
    assert ("rungwise_cost_usd_total", "draft", "t2") not in told
    assert told["rungwise_first_byte_seconds_count", "auto"] == 1


def test_drafts_and_evidence_on_them_are_counted_apart() -> None:
    told = samples(replace(ENTRY, attempts=(ATTEMPT, JUDGED, replace(JUDGED, tier="t2"), BARE)))
    assert told["rungwise_attempts_total", "asked", "judge", "t3"] == 1
    assert told["rungwise_tokens_total", "input", "judge", "t3"] == 20
    assert told["rungwise_cost_usd_total", "judge", "t3"] == 70e-9
    assert told["rungwise_tokens_total", "draft", "input", "t2"] == 10


def test_evidence_that_failed_is_counted_as_unverified() -> None:
    failed = replace(JUDGED, state="failed", fault="timeout")
    told = samples(replace(ENTRY, attempts=(ATTEMPT, failed, replace(BARE, state="failed"))))
    assert told["rungwise_unverified_total", "judge", "t3"] == 1
    assert not any(key[0] == "rungwise_unverified_total" and "draft" in key for key in told)
    assert not any(key[0] == "rungwise_unverified_total" for key in samples(ENTRY))


def test_a_doubted_draft_is_counted_with_why_and_what_it_had_written() -> None:
    early = replace(ATTEMPT, reason="stopped early: p <= 0.18 < 0.90")
    told = samples(ENTRY, ENTRY, replace(ENTRY, attempts=(early, BARE)))
    assert told["rungwise_escalations_total", "confidence", "t1"] == 2
    assert told["rungwise_escalations_total", "early", "t1"] == 1
    assert told["rungwise_abandoned_tokens_total", "t1"] == 9
    assert ("rungwise_abandoned_tokens_total", "t2") not in told


def test_the_confidence_of_drafts_is_a_histogram_per_tier() -> None:
    told = samples(ENTRY)
    assert told["rungwise_confidence_count", "t1"] == 1
    assert told["rungwise_confidence_bucket", "0.05", "t1"] == 0
    assert told["rungwise_confidence_bucket", "0.1", "t1"] == 1
    assert told["rungwise_confidence_bucket", "1.0", "t1"] == 1
    assert ("rungwise_confidence_count", "t2") not in told


def test_a_lost_entry_is_counted() -> None:
    metrics = Metrics()
    metrics.entry_lost(ENTRY)
    assert b"rungwise_lost_entries_total 1.0" in metrics.render()[0]


def test_engines_tell_whether_they_are_up_and_how_often_they_were_started_again() -> None:
    @dataclass
    class Kept:
        name: str
        up: bool
        restarts: int

    metrics, kept = Metrics(), [Kept("tier1", True, 3), Kept("tier2", False, 0)]
    for engine in kept:
        metrics.watch_engine(engine)
    body = metrics.render()[0].decode()
    assert 'rungwise_engine_up{tier="tier1"} 1.0' in body
    assert 'rungwise_engine_up{tier="tier2"} 0.0' in body
    assert 'rungwise_engine_restarts_total{tier="tier1"} 3.0' in body
    kept[1].up = True
    assert 'rungwise_engine_up{tier="tier2"} 1.0' in metrics.render()[0].decode()


# ---- steps -----------------------------------------------------------------------------------

RELEASED = replace(BARE, cost_nano=5_000, first_piece_s=0.4)
PRICED = replace(ENTRY, attempts=(ATTEMPT, RELEASED))


def test_a_step_costs_what_its_attempts_cost_together() -> None:
    told = samples(PRICED, PRICED)
    cost = told["rungwise_answer_cost_usd_total", "auto", "planning"]
    assert cost == pytest.approx(2 * 6234e-9)
    assert ("rungwise_unpriced_answers_total", "auto", "planning") not in told


def test_a_step_with_an_unknown_price_says_so_and_counts_what_is_known() -> None:
    told = samples(ENTRY)
    assert told["rungwise_unpriced_answers_total", "auto", "planning"] == 1
    assert told["rungwise_answer_cost_usd_total", "auto", "planning"] == 1234e-9
    assert not any(key[0].startswith("rungwise_baseline") for key in told), "nothing to compare"


def test_a_baseline_is_compared_with_the_same_steps_only() -> None:
    told = samples(PRICED)
    assert told["rungwise_baseline_cost_usd_total", "t2"] == 900e-9
    assert told["rungwise_baseline_answers_cost_usd_total", "t2"] == pytest.approx(6234e-9)
    assert ("rungwise_baseline_cost_usd_total", "t3") not in told, "its price is unknown"


def test_a_step_that_was_escalated_is_counted_once_however_many_drafts_were_doubted() -> None:
    told = samples(replace(PRICED, attempts=(ATTEMPT, ATTEMPT, RELEASED)))
    assert told["rungwise_escalated_steps_total", "auto", "planning"] == 1
    alone = samples(replace(PRICED, attempts=(RELEASED,)))
    assert ("rungwise_escalated_steps_total", "auto", "planning") not in alone


def test_a_task_is_counted_with_its_first_step() -> None:
    of_one = replace(PRICED, task="mend the tests")
    other = replace(of_one, caller="another")
    told = samples(of_one, of_one, other, PRICED, PRICED)
    assert told["rungwise_tasks_total", "auto"] == 4


def test_a_step_that_a_cap_ended_is_counted_once_with_an_entry_or_without() -> None:
    metrics = Metrics(["t1", "t2"])
    short = replace(PRICED, state="exhausted", attempts=(ATTEMPT,))
    metrics.refused_for_money(short)
    metrics.read(short)
    for number in range(3):  # nothing was begun: no entry of these is read
        unbegun = replace(PRICED, id=f"req_{number}", state="cancelled", attempts=())
        metrics.refused_for_money(replace(unbegun, route="no such route"))
    told = told_by(metrics)
    assert told["rungwise_refused_for_money_total", "auto"] == 1
    assert told["rungwise_refused_for_money_total", "other"] == 3
    assert told["rungwise_answers_total", "auto", "none", "planning", "unpaid"] == 1
    assert not [key for key in told if key[0] == "rungwise_answers_total" and "cancelled" in key]


def test_a_step_that_a_ledger_without_room_ended_is_not_one_that_a_cap_did() -> None:
    told = samples(replace(PRICED, state="exhausted", attempts=(ATTEMPT,)))
    assert told["rungwise_answers_total", "auto", "exhausted", "none", "planning"] == 1
    assert not told.get(("rungwise_refused_for_money_total", "auto"))


@pytest.mark.parametrize("fault", get_args(TierFault))
def test_only_what_a_caller_is_told_as_its_own_fault_ended_rejected(fault: TierFault) -> None:
    failed = replace(BARE, state="failed", fault=fault)
    own = TierError("t2", fault, "no").caller_fault
    for drafts, rejected in (
        ((failed,), own),
        ((ATTEMPT, failed), own),
        ((replace(ATTEMPT, state="failed", fault="timeout"), failed), False),
        ((replace(ATTEMPT, state="failed", fault="too_long"), failed), own),
    ):
        told = samples(replace(PRICED, state="exhausted", attempts=drafts))
        state = "rejected" if rejected else "exhausted"
        (key,) = [key for key in told if key[0] == "rungwise_answers_total" and told[key]]
        assert state in key


def test_drafts_are_timed_from_their_own_begin() -> None:
    told = samples(PRICED)
    assert told["rungwise_attempt_seconds_sum", "t2"] == pytest.approx(0.6)
    assert told["rungwise_first_piece_seconds_sum", "t2"] == pytest.approx(0.1)
    recalled = replace(PRICED, attempts=(replace(RELEASED, state="recalled"),))
    assert ("rungwise_attempt_seconds_sum", "t2") not in samples(recalled)


def test_a_failure_is_counted_by_its_kind() -> None:
    failed = replace(ATTEMPT, state="failed", fault="rate_limited")
    told = samples(replace(PRICED, attempts=(failed, RELEASED)))
    assert told["rungwise_attempt_faults_total", "draft", "rate_limited", "t1"] == 1


def test_an_outcome_counts_for_its_route_and_for_the_tier_that_answered() -> None:
    metrics = Metrics()
    for id, right in (("a", True), ("b", True), ("c", False)):
        said = Outcome(right=right, source="checker")
        metrics.read_outcome(replace(PRICED, id=id, outcome=said))
    metrics.read_outcome(PRICED)
    told = told_by(metrics)
    assert told["rungwise_outcomes_total", "auto", "checker", "planning", "true"] == 2
    assert told["rungwise_tier_outcomes_total", "false", "t2"] == 1


async def test_of_an_answer_the_first_outcome_that_counts_does(tmp_path: Path) -> None:
    metrics, store = Metrics(), Store(tmp_path / "ledger.db")
    await store.start()
    ledger = Tee(SqlLedger(store), readers=[], told=[metrics.read_outcome])
    await ledger.record(PRICED)
    await ledger.label(PRICED.id, Outcome(right=False, source="caller", counted=False))
    for right, source in ((True, "audit"), (False, "caller"), (True, "caller")):
        await ledger.label(PRICED.id, Outcome(right=right, source=source))
    await store.stop()
    told = told_by(metrics)
    counted = {key: told[key] for key in told if key[0].endswith("outcomes_total") and told[key]}
    assert counted == {
        ("rungwise_outcomes_total", "audit", "auto", "planning", "true"): 1,
        ("rungwise_tier_outcomes_total", "t2", "true"): 1,
    }


def test_what_alerts_and_rules_see_rise_is_there_at_zero_before() -> None:
    metrics = Metrics(["t1", "t2"])
    told = told_by(metrics)
    for route in ("auto", "auto:planning", "t1"):
        assert told["rungwise_refused_for_money_total", route] == 0
    assert told["rungwise_unpriced_attempts_total", "draft", "t1"] == 0
    assert told["rungwise_tier_outcomes_total", "false", "t2"] == 0
    assert told["rungwise_lost_entries_total",] == 0
    metrics.read_outcome(replace(PRICED, outcome=Outcome(right=True)))
    assert told_by(metrics)["rungwise_outcomes_total", "auto", "caller", "false", "planning"] == 0


def test_only_answered_steps_are_timed_as_in_the_ledgers_percentiles() -> None:
    broken = replace(PRICED, state="broken_off")
    told = samples(PRICED, broken, replace(PRICED, state="exhausted", attempts=()))
    assert told["rungwise_answer_seconds_count", "auto", "planning"] == 1


def test_the_energy_of_drafts_is_told_apart_from_that_of_evidence() -> None:
    judged = replace(JUDGED, joules=7.0)
    told = samples(replace(PRICED, attempts=(ATTEMPT, judged, RELEASED)))
    assert told["rungwise_joules_total", "draft", "t1"] == ATTEMPT.joules
    assert told["rungwise_joules_total", "judge", "t3"] == 7.0


def test_a_route_of_the_servers_own_is_known_where_it_is_named() -> None:
    golden = replace(PRICED, route="golden")
    for more, named in (((), "other"), (("golden",), "golden")):
        metrics = Metrics(["t1", "t2"], more_routes=more)
        metrics.read(golden)
        assert told_by(metrics)["rungwise_tasks_total", named] == 1


def test_an_audit_is_no_step_of_a_callers() -> None:
    metrics = Metrics()
    asked = replace(JUDGED, role="audit")
    metrics.read_audit(replace(ENTRY, state="audited", audits="req_0", attempts=(asked,)))
    told = told_by(metrics)
    assert told["rungwise_cost_usd_total", "audit", "t3"] == 70e-9
    assert not any(told[key] for key in told if key[0].startswith("rungwise_answer"))


# ---- how many series -------------------------------------------------------------------------

NAMES = st.text(min_size=1, max_size=8)


@given(
    st.lists(
        st.builds(
            lambda caller, route, tier, model, kind, role, source, task: replace(
                ENTRY,
                caller=caller,
                route=route,
                step_type=kind,
                task=task,
                attempts=(
                    replace(ATTEMPT, tier=tier, model=model, billed_as=model, role=role),
                    replace(RELEASED, tier=tier, model=model),
                ),
                outcome=Outcome(right=True, source=source),
            ),
            NAMES,
            NAMES,
            NAMES,
            NAMES,
            st.sampled_from(StepType),
            st.sampled_from(get_args(AttemptRole)),
            st.sampled_from(get_args(OutcomeSource)),
            NAMES,
        ),
        max_size=30,
    )
)
@settings(deadline=None)
def test_no_name_of_a_caller_or_of_an_upstream_makes_a_series(entries: list[Entry]) -> None:
    metrics = Metrics(["t1", "t2"])
    for entry in entries:
        metrics.read(entry)
        metrics.read_outcome(entry)
        metrics.read_audit(entry)
    known = {"t1", "t2", "other", "none", "true", "false"} | {kind.value for kind in StepType}
    known |= {"auto"} | {f"auto:{kind.value}" for kind in StepType}
    for family in metrics.registry.collect():
        for sample in family.samples:
            for label in ("tier", "route", "step_type", "right"):
                assert sample.labels.get(label, "other") in known


def test_a_hundred_tiers_and_ten_thousand_junk_names_make_no_more_series() -> None:
    metrics = Metrics(["t1", "t2"])

    def series() -> int:
        return len(metrics.render()[0].splitlines())

    metrics.read(replace(PRICED, route="junk", attempts=(replace(RELEASED, tier="junk"),)))
    before = series()
    for number in range(10_000):
        junk = replace(RELEASED, tier=f"t-{number}", model=f"m-{number}")
        metrics.read(
            replace(
                PRICED,
                route=f"r-{number}",
                caller=f"c-{number}",
                task=f"k-{number}",
                attempts=(junk,),
            )
        )
    assert series() == before


# ---- what is watched -------------------------------------------------------------------------


@dataclass
class Book:
    on: Sequence[Alarm] = ()
    begun: Mapping[AlarmKind, int] = field(default_factory=dict)


def alarm(about: str) -> Alarm:
    return Alarm(id=about, kind="accuracy", about=about, why="0.9 -> 0.7", began_at=1.0)


def test_an_alarm_is_one_while_it_is_on_and_a_hundred_at_most_have_names() -> None:
    metrics, book = Metrics(), Book([alarm("tier1")])
    metrics.watch_alarms(book)
    told = told_by(metrics)
    assert told["rungwise_alarm", "accuracy", "tier1"] == 1
    book.on = [alarm(f"a{number % 300}") for number in range(600)]
    named = [key for key in told_by(metrics) if key[0] == "rungwise_alarm"]
    assert len(named) == 101 and ("rungwise_alarm", "accuracy", "other") in named
    book.on = ()
    assert not [key for key in told_by(metrics) if key[0] == "rungwise_alarm"]


def test_alarms_are_counted_as_they_begin_and_every_kind_from_zero() -> None:
    metrics = Metrics()
    metrics.watch_alarms(Book(begun={"golden": 2}))
    told = told_by(metrics)
    assert told["rungwise_alarms_total", "golden"] == 2, "though none of them is on any more"
    assert told["rungwise_alarms_total", "price"] == 0


@dataclass
class State:
    name: str = "accuracy:tier1"
    kind: str = "accuracy"
    about: str = "tier1"
    seen: int = 700
    usual: float | None = 0.9
    now: float | None = None
    evidence: float | None = 2.5
    bound: float | None = 9.2


def test_a_detector_tells_what_it_has_gathered_and_when_it_alarms() -> None:
    metrics = Metrics()
    metrics.watch_drift(lambda: [State()])
    told = told_by(metrics)
    which = ("accuracy", "accuracy:tier1", "tier1")
    assert told["rungwise_drift_evidence", *which] == 2.5
    assert told["rungwise_drift_bound", *which] == 9.2
    assert told["rungwise_drift_seen_total", *which] == 700
    assert ("rungwise_drift_now", *which) not in told, "not known yet"


@dataclass
class Audits:
    drawn: int = 9
    begun: int = 7
    agreed: int = 4
    disagreed: int = 1
    undecided: int = 1
    failed: int = 1
    skipped: Mapping[str, int] = field(default_factory=lambda: Counter({"budget": 2}))


@dataclass
class Rung:
    """A local rung as the metrics see it."""

    name: str = "tier1"
    up: bool = True
    restarts: int = 1
    stats: EngineStats | None = field(default_factory=EngineStats)

    def standing(self) -> Standing:
        return Standing(up_s=20.0, busy_s=5.0, idle_joules=90.0, idle_nano=2_000_000)


def watching() -> Metrics:
    """With everything that a server can have."""
    metrics, rung = Metrics(["t1", "t2", "t3"]), Rung()
    assert rung.stats is not None
    rung.stats.guessed = 4
    rung.stats.stand(0, running=2, waiting=1, kv_use=0.5)
    metrics.watch_engine(rung)
    metrics.watch_engine_metrics(rung)
    metrics.watch_alarms(Book([alarm("tier1")]))
    metrics.watch_drift(lambda: [State(now=0.8)])
    metrics.watch_audits(Audits())
    metrics.watch_calibrations(lambda: [("t1", "of-today", False)])
    metrics.watch_breaker("t2", lambda: True)
    metrics.watch_ready(lambda: {"t1": True})
    metrics.watch_closing(lambda: False, lambda: 3)
    gpus = GpuWatch(PlayedNvml(gpus=2), unix=lambda: 1.0)
    gpus.look()
    metrics.watch_gpus(lambda: gpus.usage, {"tier1": ("1", "GPU-played-0"), "gone": ("7",)})
    return metrics


def test_what_is_watched_is_told() -> None:
    told = told_by(watching())
    assert told["rungwise_audits_total", "agreed"] == 4
    assert told["rungwise_audits_skipped_total", "budget"] == 2
    assert told["rungwise_calibration_believed", "of-today", "t1"] == 0
    assert told["rungwise_breaker_open", "t2"] == told["rungwise_tier_ready", "t1"] == 1
    assert (told["rungwise_draining",], told["rungwise_open_answers",]) == (0, 3)
    assert told["rungwise_engine_running", "tier1"] == 2
    assert told["rungwise_engine_kv_cache_use", "tier1"] == 0.5
    assert told["rungwise_engine_idle_cost_usd_total", "tier1"] == 0.002
    assert told["rungwise_engine_first_token_seconds_count", "tier1"] == 0
    assert told["rungwise_gpu_engine", "0", "tier1"] == told["rungwise_gpu_engine", "1", "tier1"]
    assert not [key for key in told if "gone" in key], "a GPU that is not here has no engine"
    assert told["rungwise_gpu_memory_total_bytes", "0"] == 85_520_809_984
    assert told["rungwise_gpu_throttled", "0", "power_cap"] == 0


async def test_beside_the_event_loop_the_same_is_told() -> None:
    metrics = watching()
    metrics.read(PRICED)
    (said, kind), (beside, same) = metrics.render(), await metrics.rendered()
    assert kind == same

    def names(text: bytes) -> list[str]:
        return [line.split(" ")[0] for line in text.decode().splitlines() if line[0] != "#"]

    assert names(said) == names(beside)


def test_without_nvml_no_gpu_has_a_series() -> None:
    metrics = Metrics()
    metrics.watch_gpus(lambda: (), {"tier1": ("0",)})
    assert not [key for key in told_by(metrics) if key[0].startswith("rungwise_gpu")]


# ---- the docs --------------------------------------------------------------------------------


def test_the_docs_tell_every_metric_with_its_type_and_labels_and_no_other() -> None:
    metrics = watching()
    for entry in (ENTRY, PRICED, replace(PRICED, state="exhausted", attempts=())):
        metrics.read(entry)
    full = replace(ATTEMPT, state="failed", fault="timeout", role="judge")
    metrics.read(replace(PRICED, attempts=(full, replace(RELEASED, state="recalled"))))
    metrics.read(replace(PRICED, attempts=(replace(ATTEMPT, state="spilled"), RELEASED)))
    metrics.read_outcome(replace(PRICED, outcome=Outcome(right=True)))
    there: dict[str, tuple[str, frozenset[str]]] = {}
    for family in metrics.registry.collect():
        if not family.name.startswith("rungwise_"):
            continue
        labels = [
            frozenset(sample.labels) - {"le"}
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        if family.name not in (
            "rungwise_escalation_alarm",
            "rungwise_escalating_keys",
            "rungwise_escalation_alarms",
        ):
            assert labels, f"{family.name} is not shown here"
        name = f"{family.name}_total" if family.type == "counter" else family.name
        there[name] = (family.type, labels[0] if labels else frozenset())
    row = re.compile(r"^\| `(rungwise_\w+)` \| (\w+) \| ?([\w, ]*?) ?\|", re.MULTILINE)
    told = {
        name: (kind, frozenset(filter(None, labels.strip().split(", "))))
        for name, kind, labels in row.findall(DOCS)
    }
    there["rungwise_escalation_alarm"] = ("gauge", frozenset({"key"}))
    assert told == there
