"""The demo's figures say what its answered steps say."""

import json
from dataclasses import replace

from tests.ledger.test_sql import ENTRY

from rungwise.demo.figures import Answered, Doubts, Local, figures
from rungwise.types import StepType, Usage


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
        id=f"{route}-{step}",
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
    assert auto["cost_per_step_usd"] == 0.003
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
    assert found.routes["auto"].overall.cost_per_step_usd is None
    assert found.against["tier3"].cost_saved_share is None


def test_doubts_are_those_of_the_ledgers_auto_entries() -> None:
    assert figures(ANSWERED).doubts is None
    entries = [replace(ENTRY, id="auto-0"), replace(ENTRY, id="tier1-0", route="tier1")]
    entries.append(replace(ENTRY, id="another"))
    assert figures(ANSWERED, entries).doubts == Doubts(escalated=1, abandoned_tokens=3)


def test_cached_prompts_and_the_local_rung_are_read_from_the_ledger() -> None:
    assert figures(ANSWERED).local is None
    assert figures(ANSWERED).routes["auto"].overall.cached_share is None
    draft = replace(ENTRY.attempts[0], engine_s=0.25, cost_nano=4000, joules=30.0)
    hosted = replace(draft, tier="tier3", engine_s=None, cost_nano=9000, joules=None)
    draft = replace(draft, usage=Usage(input=10, cache_read=30))
    hosted = replace(hosted, usage=Usage(input=60))
    entries = [
        replace(ENTRY, id="auto-0", step_type=StepType.PLANNING, attempts=(draft, hosted)),
        replace(ENTRY, id="auto-1", step_type=StepType.OPEN_CHAT, attempts=(hosted,)),
    ]
    found = figures(ANSWERED, entries)
    assert found.local == Local(engine_s=0.25, joules=30.0, cost_usd=4e-6)
    auto = found.routes["auto"]
    assert auto.overall.cached_share == 30 / 160
    assert auto.overall.local_cost_per_step_usd == 2e-6
    assert auto.by_step_type["planning"].cached_share == 0.3
    assert auto.by_step_type["planning"].local_cost_per_step_usd == 4e-6
    assert found.routes["tier1"].overall.cached_share is None, "none of its entries were written"
    told = json.loads(json.dumps(found.as_json()))
    assert told["local"] == {"engine_s": 0.25, "joules": 30.0, "cost_usd": 4e-6}
    assert told["policies"]["auto"]["overall"]["cached_share"] == 0.1875


def test_an_unknown_local_price_or_energy_stays_unknown() -> None:
    known = replace(ENTRY.attempts[0], engine_s=0.25, cost_nano=4000, joules=30.0)
    unknown = replace(known, cost_nano=None, joules=None)
    found = figures(ANSWERED, [replace(ENTRY, id="auto-0", attempts=(known, unknown))])
    assert found.local == Local(engine_s=0.5, joules=None, cost_usd=None)
    assert found.routes["auto"].overall.local_cost_per_step_usd is None
