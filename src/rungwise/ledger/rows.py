"""How does an Entry look as rows of a table, and back?"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict

from rungwise.types import Attempt, Confidence, Entry, Outcome, Reading, StepType, Usage

__all__ = ["INSERT_ATTEMPT", "INSERT_ENTRY", "attempt_of", "attempt_row", "entry_of", "entry_row"]

INSERT_ENTRY = (
    "insert into entry (id, at, caller, route, step_type, plan_why, state, tier, stream,"
    " first_byte_s, latency_s, cost_nano, outcome_right, outcome_source)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_ATTEMPT = (
    "insert into attempt (entry_id, rung, tier, model, state, reason, fault, started_s,"
    " first_piece_s, ended_s, input, cache_read, cache_write_5m, cache_write_1h, output,"
    " reasoning, estimated, cost_nano, engine_s, probability, calibration, readings, role,"
    " threshold)"
    " values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


def entry_row(entry: Entry) -> tuple[object, ...]:
    return (
        entry.id,
        entry.at,
        entry.caller,
        entry.route,
        entry.step_type.value,
        entry.plan_why,
        entry.state,
        entry.tier,
        entry.stream,
        entry.first_byte_s,
        entry.latency_s,
        entry.cost_nano,
        entry.outcome.right if entry.outcome else None,
        entry.outcome.source if entry.outcome else None,
    )


def attempt_row(entry_id: str, rung: int, attempt: Attempt) -> tuple[object, ...]:
    """`rung` is the attempt's place in its entry."""
    usage = asdict(attempt.usage)
    return (
        entry_id,
        rung,
        attempt.tier,
        attempt.model,
        attempt.state,
        attempt.reason,
        attempt.fault,
        attempt.started_s,
        attempt.first_piece_s,
        attempt.ended_s,
        *(usage[part] for part in _USAGE),
        usage["estimated"],
        attempt.cost_nano,
        attempt.engine_s,
        attempt.confidence.probability if attempt.confidence else None,
        attempt.confidence.calibration if attempt.confidence else None,
        json.dumps({reading.signal: reading.value for reading in attempt.readings}),
        attempt.role,
        attempt.threshold,
    )


def entry_of(row: sqlite3.Row, attempts: tuple[Attempt, ...]) -> Entry:
    right = row["outcome_right"]
    return Entry(
        id=row["id"],
        at=row["at"],
        caller=row["caller"],
        route=row["route"],
        step_type=StepType(row["step_type"]),
        plan_why=row["plan_why"],
        attempts=attempts,
        state=row["state"],
        first_byte_s=row["first_byte_s"],
        latency_s=row["latency_s"],
        stream=bool(row["stream"]),
        outcome=None
        if right is None
        else Outcome(right=bool(right), source=row["outcome_source"] or "caller"),
    )


def attempt_of(row: sqlite3.Row) -> Attempt:
    """Also from a file that was not brought up to date, because it is only read."""
    told = dict(row)
    known = told["probability"] is not None
    return Attempt(
        tier=told["tier"],
        model=told["model"],
        state=told["state"],
        reason=told["reason"],
        fault=told["fault"],
        usage=Usage(**{part: told[part] for part in _USAGE}, estimated=bool(told["estimated"])),
        cost_nano=told["cost_nano"],
        started_s=told["started_s"],
        first_piece_s=told["first_piece_s"],
        ended_s=told["ended_s"],
        readings=tuple(
            Reading(signal=name, value=value)
            for name, value in json.loads(told["readings"]).items()
        ),
        confidence=Confidence(probability=told["probability"], calibration=told["calibration"])
        if known
        else None,
        engine_s=told["engine_s"],
        role=told.get("role", "draft"),
        threshold=told.get("threshold"),
    )
