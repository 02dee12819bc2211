"""How does an Entry look as rows of a table, and back?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from rungwise.types import (
    Attempt,
    Bar,
    Baseline,
    Confidence,
    Entry,
    Forecast,
    Outcome,
    Reading,
    Shadow,
    StepType,
    Usage,
)

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

__all__ = ["attempt_of", "attempt_row", "entry_of", "entry_row", "model_name", "writable"]

_MODEL_CHARS = 200
"""So much is kept of a model's id: an upstream may give any."""

_USAGE = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")


def entry_row(entry: Entry) -> tuple[object, ...]:
    """A value for each column of store/tables/'s `entry`, in order."""
    outcome = entry.outcome
    return (
        entry.id,
        entry.at,
        entry.caller,
        entry.route,
        entry.step_type.value,
        writable(entry.plan_why),
        entry.state,
        entry.tier,
        entry.stream,
        entry.first_byte_s,
        entry.latency_s,
        entry.cost_nano,
        outcome.right if outcome else None,
        writable(outcome.source) if outcome else None,
        _object({baseline.tier: baseline.nano for baseline in entry.baselines}),
        _list(entry.rungs),
        _object({forecast.tier: forecast.probability for forecast in entry.forecasts}),
        None if entry.shadow is None else _shadow(entry.shadow),
        None if entry.conversation is None else writable(entry.conversation),
        entry.sketch,
        None if entry.task is None else writable(entry.task),
        entry.audits,
    )


def attempt_row(entry_id: str, rung: int, attempt: Attempt) -> tuple[object, ...]:
    """As for `entry_row`; `rung` is the attempt's place in its entry."""
    usage, confidence = attempt.usage, attempt.confidence
    return (
        entry_id,
        rung,
        attempt.tier,
        model_name(attempt.model),
        attempt.state,
        writable(attempt.reason),
        attempt.fault,
        attempt.started_s,
        attempt.first_piece_s,
        attempt.ended_s,
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        usage.estimated,
        attempt.cost_nano,
        attempt.engine_s,
        confidence.probability if confidence else None,
        confidence.calibration if confidence else None,
        _object({reading.signal: reading.value for reading in attempt.readings}),
        attempt.role,
        attempt.threshold,
        attempt.joules,
        None if attempt.billed_as is None else model_name(attempt.billed_as),
        attempt.uncached_nano,
        None if attempt.fingerprint is None else model_name(attempt.fingerprint),
    )


def entry_of(row: RowMapping, attempts: tuple[Attempt, ...]) -> Entry:
    """Also from a database that was not brought up to date, because it is only read."""
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
        baselines=tuple(
            Baseline(tier=tier, nano=nano)
            for tier, nano in json.loads(row.get("baselines", "{}")).items()
        ),
        rungs=tuple(json.loads(row.get("rungs", "[]"))),
        forecasts=tuple(
            Forecast(tier=tier, probability=probability)
            for tier, probability in json.loads(row.get("forecasts", "{}")).items()
        ),
        shadow=_shadow_of(row.get("shadow")),
        conversation=row.get("conversation"),
        sketch=row.get("sketch"),
        task=row.get("task"),
        audits=row.get("audits"),
    )


def attempt_of(row: RowMapping) -> Attempt:
    """As for `entry_of`."""
    known = row["probability"] is not None
    return Attempt(
        tier=row["tier"],
        model=row["model"],
        state=row["state"],
        reason=row["reason"],
        fault=row["fault"],
        usage=Usage(**{part: row[part] for part in _USAGE}, estimated=bool(row["estimated"])),
        cost_nano=row["cost_nano"],
        started_s=row["started_s"],
        first_piece_s=row["first_piece_s"],
        ended_s=row["ended_s"],
        readings=tuple(
            Reading(signal=name, value=value) for name, value in json.loads(row["readings"]).items()
        ),
        confidence=Confidence(probability=row["probability"], calibration=row["calibration"])
        if known
        else None,
        engine_s=row["engine_s"],
        role=row.get("role", "draft"),
        threshold=row.get("threshold"),
        joules=row.get("joules"),
        billed_as=row.get("billed_as"),
        uncached_nano=row.get("uncached_nano"),
        fingerprint=row.get("fingerprint"),
    )


def _object(values: Mapping[str, float | None]) -> str:
    return json.dumps(values) if values else "{}"


@lru_cache(1024)
def _list(names: tuple[str, ...]) -> str:
    """The few plans that there are come again and again."""
    return json.dumps(names)


def _shadow(shadow: Shadow) -> str:
    bars = [(bar.tier, bar.confidence, bar.waives) for bar in shadow.bars]
    return json.dumps([shadow.router, shadow.rungs, writable(shadow.why), bars])


def _shadow_of(told: str | None) -> Shadow | None:
    if told is None:
        return None
    router, rungs, why, bars = json.loads(told)
    asked = tuple(Bar(tier=tier, confidence=p, waives=waives) for tier, p, waives in bars)
    return Shadow(router=router, rungs=tuple(rungs), why=why, bars=asked)


def model_name(told: str) -> str:
    """What is written of a model's id."""
    return writable(told[:_MODEL_CHARS])


def writable(text: str) -> str:
    """What others wrote, without what a database cannot hold: a line of the ledger is not lost over
    an upstream's odd error."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")
