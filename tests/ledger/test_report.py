"""The report's arithmetic."""

from dataclasses import replace

from rungwise.ledger.report import as_json, as_table, percentile, summarise
from rungwise.types import Outcome
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY


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
