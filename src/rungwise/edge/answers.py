"""Why is an answer as it is? GET /v1/answers/{id}, for the caller who asked, or who sees all."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from rungwise.contracts import Ledger
from rungwise.edge.extension import foreseen, shadowed, usd
from rungwise.edge.quoting import Quoted
from rungwise.edge.sight import only_of
from rungwise.errors import UnknownAnswer
from rungwise.ledger.books import Books, Said
from rungwise.types import Attempt, Entry, Json, JsonObject, Outcome, TierFault

__all__ = ["AnswerRoutes"]

UNSAID: frozenset[TierFault] = frozenset({"unauthorised", "rate_limited"})
"""What an upstream says with these is of the owner's own key and account: for its eyes alone."""
AGREED = {"agreed": True, "disagreed": False}
"""By the word that an audit's plan begins with: what it found (see auditing/audit.py)."""


class AnswerRoutes:
    def __init__(self, ledger: Ledger, books: Books | None = None) -> None:
        """Without books only the outcome that is believed is told, and no audit."""
        self._ledger, self._books = ledger, books

    async def answer(self, request: Request) -> Response:
        """Another caller's answer is as unknown as one that never was. An audit is nobody's but
        the owner's: it tells of rungs that the caller may not know."""
        id, own = request.path_params["id"], only_of(request)
        entry = await self._ledger.find(id)
        if entry is None or (own is not None and (entry.caller != own or entry.audits is not None)):
            raise UnknownAnswer(f"no answer {id!r:.80}", param="id", code="answer_not_found")
        said = await self._said(entry)
        return Quoted(_entry(entry, said, sees_all=own is None))

    async def _said(self, entry: Entry) -> Said:
        if self._books is not None:
            return await self._books.said(entry.id)
        return Said(outcomes=(entry.outcome,) if entry.outcome else (), audits=())


def _entry(entry: Entry, said: Said, *, sees_all: bool) -> JsonObject:
    outcome = entry.outcome
    audits = said.audits if sees_all else ()
    return {
        "id": entry.id,
        "object": "answer",
        "at": entry.at,
        "caller": entry.caller,
        "route": entry.route,
        "step_type": entry.step_type.value,
        "task": entry.task,
        "audits": entry.audits,
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
        "outcomes": [_outcome(one) for one in said.outcomes],
        "audited_by": [_audit(audit) for audit in audits],
        "attempts": [_attempt(attempt, sees_all=sees_all) for attempt in entry.attempts],
    }


def _outcome(outcome: Outcome) -> JsonObject:
    """Without the correction itself: no texts are told here."""
    return {
        "source": outcome.source,
        "right": outcome.right,
        "at": outcome.at,
        "label": outcome.label,
        "reward": outcome.reward,
        "corrected": outcome.corrected,
        "counted": outcome.counted,
    }


def _audit(audit: Entry) -> JsonObject:
    """Its own finding, whatever another one said after it; None where it came to nothing."""
    return {
        "id": audit.id,
        "at": audit.at,
        "agreed": AGREED.get(audit.plan_why.partition(":")[0]),
        "cost_usd": usd(audit.cost_nano),
        "attempts": [_attempt(attempt, sees_all=True) for attempt in audit.attempts],
    }


def _attempt(attempt: Attempt, *, sees_all: bool) -> JsonObject:
    confidence = attempt.confidence
    unsaid = attempt.fault in UNSAID and not sees_all
    return {
        "role": attempt.role,
        "tier": attempt.tier,
        "model": attempt.model,
        "state": attempt.state,
        "reason": None if unsaid else attempt.reason,
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
        "fingerprint": attempt.fingerprint,
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
