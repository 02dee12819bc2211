"""Is everything that the page asks for measured, on a ledger that holds what it needs?"""

from __future__ import annotations

import argparse

from rungwise.lab.bench.ledger import drawn, measure_ledger


def test_every_look_at_a_small_ledger_is_timed() -> None:
    told = measure_ledger(argparse.Namespace(entries=300, rounds=1))
    looks = told["looks"]
    assert isinstance(looks, dict)
    for kind in ("series", "latencies", "answers", "wrong answers", "figures", "calibrations"):
        assert any(name.startswith(kind) for name in looks), kind
    assert told["entries"] == 300 and told["days"] == 14


def test_what_is_drawn_has_outcomes_tasks_and_confidences() -> None:
    entries = list(drawn(200, begin=0.0))
    assert sum(entry.outcome is not None for entry in entries) == 10
    assert sum(entry.task is not None for entry in entries) == 100
    assert all(entry.attempts[0].confidence is not None for entry in entries)
