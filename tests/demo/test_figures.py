"""The demo's figures say what its answered steps say."""

import json
from dataclasses import replace

from tests.ledger.test_sql import ENTRY

from rungwise.demo.figures import Answered, Doubts, figures


def answered(
    step: int, route: str, right: bool, cost: float | None, tier: str = "tier1"
) -> Answered:
    return Answered(
        step=step,
        route=route,
        step_type="planning",
        right=right,
        tier=tier,
        latency_s=0.05 if step == 0 else 0.3,
        tokens=10,
        cost_usd=cost,
    )


ANSWERED = [
    answered(0, "auto", True, 0.001),
    answered(1, "auto", True, 0.005, "tier3"),
    answered(0, "tier1", False, 0.001),
    answered(1, "tier1", True, 0.001),
    answered(0, "tier2", True, 0.002, "tier2"),
    answered(0, "tier3", True, 0.01, "tier3"),
    answered(1, "tier3", True, 0.01, "tier3"),
]


def test_key_paths_others_rely_on() -> None:
    measured = json.loads(json.dumps(figures(ANSWERED).as_json()))
    assert list(measured["policies"]) == ["auto", "tier1", "tier2", "tier3"]
    auto = measured["policies"]["auto"]["overall"]
    assert auto["accuracy"] == 1.0
    assert auto["cost_per_task_usd"] == 0.003
    assert auto["share"] == {"tier1": 0.5, "tier2": 0.0, "tier3": 0.5}
    assert (auto["p50_ms"], auto["p95_ms"]) == (50.0, 300.0)
    assert measured["policies"]["tier1"]["by_step_type"]["planning"]["accuracy"] == 0.5
    against = measured["against"]["tier3"]
    assert against["accuracy_lost"] == 0.0
    assert abs(against["cost_saved_share"] - 0.7) < 1e-9
    low, high = against["cost_saved_interval"]
    assert 0.5 - 1e-9 <= low <= 0.7 <= high <= 0.9 + 1e-9


def test_steps_are_paired_and_the_interval_holds_the_difference() -> None:
    auto = [answered(i, "auto", i % 10 != 0, 1.0) for i in range(200)]
    high = [answered(i, "tier3", True, 1.0) for i in range(200)]
    against = figures([*auto, *reversed(high)]).against["tier3"]
    assert abs(against.accuracy_lost - 0.1) < 1e-9
    assert 0.04 < against.accuracy_lost_interval[0] < 0.1 < against.accuracy_lost_interval[1] < 0.16
    assert against.cost_saved_interval == (0.0, 0.0)


def test_an_unknown_cost_is_not_a_mean_of_the_known() -> None:
    found = figures(
        [
            answered(0, "auto", True, None),
            answered(1, "auto", True, 0.1),
            answered(0, "tier3", True, 1),
        ]
    )
    assert found.routes["auto"].overall.cost_per_task_usd is None
    assert found.against["tier3"].cost_saved_share is None


def test_doubts_are_those_of_the_ledgers_auto_entries() -> None:
    assert figures(ANSWERED).doubts is None
    entries = [ENTRY, replace(ENTRY, id="2", route="tier1")]
    assert figures(ANSWERED, entries).doubts == Doubts(escalated=1, abandoned_tokens=3)
