"""The demo's figures say what its tasks say."""

import json

from rungwise.demo.figures import Task, figures


def task(step: int, policy: str, right: bool, cost: float | None, tier: str = "tier1") -> Task:
    return Task(
        step=step,
        policy=policy,
        step_type="planning",
        right=right,
        tier=tier,
        latency_s=0.05 if step == 0 else 0.3,
        tokens=10,
        cost_usd=cost,
    )


TASKS = [
    task(0, "auto", True, 0.001),
    task(1, "auto", True, 0.005, "tier3"),
    task(0, "tier1", False, 0.001),
    task(1, "tier1", True, 0.001),
    task(0, "tier2", True, 0.002, "tier2"),
    task(0, "tier3", True, 0.01, "tier3"),
    task(1, "tier3", True, 0.01, "tier3"),
]


def test_key_paths_others_rely_on() -> None:
    measured = json.loads(json.dumps(figures(TASKS).as_json()))
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
    auto = [task(i, "auto", i % 10 != 0, 1.0) for i in range(200)]
    high = [task(i, "tier3", True, 1.0) for i in range(200)]
    against = figures([*auto, *reversed(high)]).against["tier3"]
    assert abs(against.accuracy_lost - 0.1) < 1e-9
    assert 0.04 < against.accuracy_lost_interval[0] < 0.1 < against.accuracy_lost_interval[1] < 0.16
    assert against.cost_saved_interval == (0.0, 0.0)


def test_an_unknown_cost_is_not_a_mean_of_the_known() -> None:
    tasks = [task(0, "auto", True, None), task(1, "auto", True, 0.1), task(0, "tier3", True, 1)]
    found = figures(tasks)
    assert found.policies["auto"].overall.cost_per_task_usd is None
    assert found.against["tier3"].cost_saved_share is None
