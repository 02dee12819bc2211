"""The report's arithmetic."""

from dataclasses import replace

from rungwise.ledger.report import as_json, as_table, percentile, summarise
from rungwise.types import Outcome
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED


def test_percentiles_are_nearest_ranks() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(i) for i in range(1, 101)], 0.95) == 95.0


def test_lines_per_route_and_step_type() -> None:
    priced = replace(
        ENTRY, attempts=(ATTEMPT, replace(BARE, cost_nano=1_000_000)), outcome=Outcome(right=True)
    )
    wrong = replace(priced, id="2", outcome=Outcome(right=False), latency_s=2.0)
    other = replace(ENTRY, id="3", route="t2", attempts=(BARE,))
    failed = replace(priced, id="4", state="exhausted", outcome=None, attempts=(ATTEMPT,))
    lines = {line.group: line for line in summarise([priced, wrong, other, failed])}
    assert next(iter(lines)) == "all"
    auto = lines["auto"]
    assert (auto.tasks, auto.answered, auto.labelled, auto.accuracy) == (3, 2, 2, 0.5)
    assert auto.cost_per_task_usd == (1_001_234 * 2 + 1234) / 3 / 1e9
    assert auto.p95_ms == 2000.0
    assert auto.share == {"t2": 1.0}
    assert lines["t2"].unpriced == 1 and lines["t2"].cost_per_task_usd is None
    assert lines["t2 / planning"].accuracy is None
    assert lines["all"].cached_tokens == 15
    assert "planning" in as_table(list(lines.values()))
    assert len(as_json(lines.values())["groups"]) == 5  # type: ignore[arg-type]


def test_evidence_and_head_starts_cost_but_are_no_tasks_rungs_or_doubts() -> None:
    priced = replace(BARE, cost_nano=1000)
    plain = replace(ENTRY, attempts=(ATTEMPT, priced))
    ahead = replace(priced, tier="t3", state="outrun")
    late = replace(JUDGED, state="failed", fault="timeout")
    more = replace(ENTRY, id="2", attempts=(ATTEMPT, JUDGED, late, ahead, priced))
    (without, *_), (line, *_) = summarise([plain]), summarise([more])
    assert (line.tasks, line.answered, line.share) == (1, 1, {"t2": 1.0})
    assert (line.escalated, line.abandoned_tokens) == (1, 3)
    assert line.tokens == without.tokens + 21 + 21 + 14
    assert line.cost_per_task_usd == (1234 + 70 + 70 + 1000 + 1000) / 1e9


def test_the_share_of_tasks_with_a_doubted_draft_and_what_the_drafts_had_written() -> None:
    sure = replace(ENTRY, id="2", attempts=(BARE,))
    twice = replace(ENTRY, id="3", attempts=(ATTEMPT, ATTEMPT, BARE))
    (line, *_) = summarise([ENTRY, sure, twice, replace(sure, id="4")])
    assert (line.escalation_rate, line.abandoned_tokens) == (0.5, 9)
    told = as_json([line])["groups"][0]  # type: ignore[index]
    assert (told["escalation_rate"], told["abandoned_tokens"]) == (0.5, 9)
    head, row = as_table([line]).splitlines()
    assert "escalated  abandoned tokens" in head and "50%" in row
