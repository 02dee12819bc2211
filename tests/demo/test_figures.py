"""The demo's table says what its tasks say."""

from rungwise.demo.figures import Task, figures, table


def task(policy: str, right: bool, tier: str, cost: float | None, ms: float = 100) -> Task:
    return Task(
        policy=policy,
        step_type="planning",
        right=right,
        tier=tier,
        latency_s=ms / 1000,
        tokens=10,
        cost_usd=cost,
    )


def measured() -> dict[str, object]:
    return figures(
        [
            task("auto", True, "tier1", 0.001, 50),
            task("auto", True, "tier3", 0.005, 300),
            task("tier1", False, "tier1", 0.001),
            task("tier1", True, "tier1", 0.001),
            task("tier2", True, "tier2", 0.002),
            task("tier3", True, "tier3", 0.01),
            task("tier3", True, "tier3", 0.01),
        ]
    )


def test_key_paths_others_rely_on() -> None:
    policies = measured()["policies"]
    auto = policies["auto"]["overall"]  # type: ignore[index]
    assert auto["accuracy"] == 1.0
    assert auto["cost_per_task_usd"] == 0.003
    assert auto["share"] == {"tier1": 0.5, "tier2": 0.0, "tier3": 0.5}
    assert (auto["p50_ms"], auto["p95_ms"]) == (50.0, 300.0)
    assert policies["tier1"]["by_step_type"]["planning"]["accuracy"] == 0.5  # type: ignore[index]
    against = measured()["against"]["tier3"]  # type: ignore[index]
    assert against["accuracy_lost"] == 0.0
    assert abs(against["cost_saved_share"] - 0.7) < 1e-9


def test_an_unknown_cost_is_not_a_mean_of_the_known() -> None:
    found = figures([task("auto", True, "tier1", None), task("auto", True, "tier1", 0.1)])
    assert found["policies"]["auto"]["overall"]["cost_per_task_usd"] is None  # type: ignore[index]


def test_the_table_holds_every_policy() -> None:
    text = table(measured())
    assert all(name in text for name in ("auto", "tier1", "tier2", "tier3", "planning"))
