"""What is told of an answer beyond its protocol? The extension `rungwise`."""

from __future__ import annotations

from collections.abc import Sequence

from rungwise.types import Attempt, Forecast, JsonObject, Released, Settled, Shadow

__all__ = ["extension", "foreseen", "shadowed", "usd"]


def extension(released: Released, settled: Settled) -> JsonObject:
    """Why each attempt ended as it did is told by GET /v1/answers/{id}, not here."""
    return {
        "tier": released.tier,
        "recalled": released.recalled,
        "rungs_tried": released.rungs_tried,
        "step_type": released.step_type.value,
        "cost_usd": usd(settled.cost_nano),
        "attempts": [_attempt(attempt) for attempt in settled.attempts],
    }


def _attempt(attempt: Attempt) -> JsonObject:
    return {
        "tier": attempt.tier,
        "role": attempt.role,
        "state": attempt.state,
        "confidence": attempt.confidence.probability if attempt.confidence else None,
        "threshold": attempt.threshold,
        "cost_usd": usd(attempt.cost_nano),
    }


def foreseen(forecasts: Sequence[Forecast]) -> JsonObject:
    """P(acceptable) of each rung's draft, before there was one; empty where nobody foresees any."""
    return {forecast.tier: forecast.probability for forecast in forecasts}


def shadowed(shadow: Shadow | None) -> JsonObject | None:
    """What another router would have planned; nothing of it was done."""
    if shadow is None:
        return None
    return {"router": shadow.router, "rungs": list(shadow.rungs), "why": shadow.why}


def usd(nano: int | None) -> float | None:
    """Dollars of nano-dollars; None stays "unknown"."""
    return None if nano is None else nano / 1e9
