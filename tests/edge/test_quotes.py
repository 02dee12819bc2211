"""A dry run tells the plan, what was foreseen, what a shadow would do, and what it can cost."""

from rungwise.edge.quotes import shown_quote
from rungwise.types import Bid, Forecast, Plan, Quote, Shadow, StepType

PLAN = Plan(rungs=("t1", "t2"), step_type=StepType.PLANNING, why="because")
BIDS = (
    Bid(tier="t1", nano=0, escalation=False),
    Bid(tier="t2", nano=7_000, escalation=True),
)


def test_what_nobody_foresaw_is_empty_and_without_a_shadow_it_is_null() -> None:
    assert shown_quote(Quote(plan=PLAN, bids=BIDS, least_nano=0)) == {
        "object": "plan",
        "step_type": "planning",
        "plan": "because",
        "rungs": [
            {"tier": "t1", "max_cost_usd": 0.0},
            {"tier": "t2", "max_cost_usd": 7e-6},
        ],
        "forecasts": {},
        "shadow": None,
        "min_cost_usd": 0.0,
        "max_cost_usd": 7e-6,
    }


def test_forecasts_are_told_by_tier_and_a_shadow_with_its_reason() -> None:
    plan = Plan(
        rungs=("t1",),
        step_type=StepType.PLANNING,
        why="because",
        forecasts=(Forecast(tier="t1", probability=0.25), Forecast(tier="t2", probability=0.75)),
        shadow=Shadow(router="pays", rungs=("t2",), why="pays: t2"),
        sketch=b"never told",
    )
    told = shown_quote(Quote(plan=plan, bids=BIDS[:1], least_nano=0))
    assert told["forecasts"] == {"t1": 0.25, "t2": 0.75}
    assert told["shadow"] == {"router": "pays", "rungs": ["t2"], "why": "pays: t2"}
    assert "sketch" not in told and "conversation" not in told
