"""Why is an answer as it is? GET /v1/answers/{id}, for the caller who asked."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from rungwise.contracts import Ledger
from rungwise.edge.door import visit_of
from rungwise.edge.extension import foreseen, shadowed, usd
from rungwise.errors import UnknownAnswer
from rungwise.types import Attempt, Entry, Json, JsonObject, TierFault

__all__ = ["AnswerRoutes"]

UNSAID: frozenset[TierFault] = frozenset({"unauthorised", "rate_limited"})
"""What an upstream says with these is of the owner's own key and account."""


class AnswerRoutes:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def answer(self, request: Request) -> Response:
        """Another caller's answer is as unknown as one that never was."""
        id = request.path_params["id"]
        entry = await self._ledger.find(id)
        if entry is None or entry.caller != visit_of(request).caller.name:
            raise UnknownAnswer(f"no answer {id!r:.80}", param="id", code="answer_not_found")
        return JSONResponse(_entry(entry))


def _entry(entry: Entry) -> JsonObject:
    outcome = entry.outcome
    return {
        "id": entry.id,
        "object": "answer",
        "at": entry.at,
        "route": entry.route,
        "step_type": entry.step_type.value,
        "plan": entry.plan_why,
        "rungs": list(entry.rungs),
        "forecasts": foreseen(entry.forecasts),
        "shadow": shadowed(entry.shadow),
        "stream": entry.stream,
        "state": entry.state,
        "tier": entry.tier,
        "latency_ms": _ms(entry.latency_s),
        "first_byte_ms": _ms(entry.first_byte_s),
        "usage": asdict(entry.usage),
        "cost_usd": usd(entry.cost_nano),
        "baselines_usd": {baseline.tier: usd(baseline.nano) for baseline in entry.baselines},
        "outcome": {"right": outcome.right, "source": outcome.source} if outcome else None,
        "attempts": [_attempt(attempt) for attempt in entry.attempts],
    }


def _attempt(attempt: Attempt) -> JsonObject:
    confidence = attempt.confidence
    return {
        "role": attempt.role,
        "tier": attempt.tier,
        "model": attempt.model,
        "state": attempt.state,
        "reason": None if attempt.fault in UNSAID else attempt.reason,
        "fault": attempt.fault,
        "readings": {reading.signal: _number(reading.value) for reading in attempt.readings},
        "confidence": {
            "probability": _number(confidence.probability),
            "calibration": confidence.calibration,
        }
        if confidence
        else None,
        "threshold": attempt.threshold,
        "verdict": _verdict(attempt),
        "usage": asdict(attempt.usage),
        "cost_usd": usd(attempt.cost_nano),
        "started_ms": _ms(attempt.started_s),
        "first_piece_ms": _ms(attempt.first_piece_s),
        "ended_ms": _ms(attempt.ended_s),
        "engine_s": attempt.engine_s,
        "joules": attempt.joules,
        "billed_as": attempt.billed_as,
        "cost_without_prompt_cache_usd": usd(attempt.uncached_nano),
    }


def _verdict(attempt: Attempt) -> Literal["accepted", "escalated"] | None:
    """None where no verdict on it came about: it failed, was left, or is itself evidence."""
    match attempt.state:
        case "released" | "left" | "broken_off":
            return "accepted"
        case "abandoned":
            return "escalated"
        case _:
            return None


def _ms(seconds: float | None) -> float | None:
    """Milliseconds, to the microsecond."""
    return None if seconds is None else round(seconds * 1000, 3)


def _number(value: float) -> Json:
    return value if math.isfinite(value) else None
