"""What would be done, and what can it cost? The answer to a dry run."""

from __future__ import annotations

from rungwise.edge.extension import foreseen, shadowed, usd
from rungwise.types import Bid, JsonObject, Quote

__all__ = ["shown_quote"]


def shown_quote(quote: Quote) -> JsonObject:
    """From the least to every rung's worst case (see types.Quote); null is "price unknown"."""
    plan = quote.plan
    return {
        "object": "plan",
        "step_type": plan.step_type.value,
        "plan": plan.why,
        "rungs": [_rung(bid) for bid in quote.bids],
        "forecasts": foreseen(plan.forecasts),
        "shadow": shadowed(plan.shadow),
        "min_cost_usd": usd(quote.least_nano),
        "max_cost_usd": usd(quote.most_nano),
    }


def _rung(bid: Bid) -> JsonObject:
    return {"tier": bid.tier, "max_cost_usd": usd(bid.nano)}
