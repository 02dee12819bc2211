"""Metrics are a reading of the entry."""

from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families

from rungwise.observe.metrics import Metrics
from rungwise.types import Entry
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED


def samples(*entries: Entry) -> dict[tuple[str, ...], float]:
    """Values by name and labels; the labels sorted."""
    metrics = Metrics()
    for entry in entries:
        metrics.read(entry)
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
