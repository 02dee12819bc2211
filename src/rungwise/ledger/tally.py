"""What does an entry add to the counts that reports are read from?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import add
from types import MappingProxyType
from typing import TypeAlias

from rungwise.days import day_of
from rungwise.ledger.buckets import bucket_of
from rungwise.ledger.rows import model_name
from rungwise.ledger.shadowed import course, start
from rungwise.types import Attempt, Entry, Outcome, Shadow

__all__ = ["Row", "Tallies", "outcome_rows", "tally"]

Row: TypeAlias = tuple[object, ...]
"""One row of a tally's table: its key, then what is added to each of its numbers."""
_Key: TypeAlias = tuple[int | str, ...]
_Sums: TypeAlias = "dict[_Key, tuple[float, ...]]"

_NONE: Mapping[str, str] = MappingProxyType({})
_SEEN = ("released", "left", "broken_off")
_UNASKED = ("spilled", "recalled")
"""A rung that was not asked for anything: its attempt is none of the rung's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Rows to add to the tables of the same names in store/tables.py, one for each key."""

    steps: tuple[Row, ...] = ()
    rungs: tuple[Row, ...] = ()
    latencies: tuple[Row, ...] = ()
    baselines: tuple[Row, ...] = ()
    shadows: tuple[Row, ...] = ()
    judged: tuple[Row, ...] = ()


def tally(entries: Iterable[Entry], models: Mapping[str, str] = _NONE) -> Tallies:
    """What these entries add up to; `models` are by tier, lowest first, what they are counted as,
    so that an upstream which gives ever new ids makes no ever new rows. Others' count as told.

    A draft that was doubted makes its step `escalated`; what is not priced adds 0 and counts as
    `unpriced`. Latencies and baselines are of answered steps. A baseline is compared where its own
    price and that of the answer are known, else it is `unpriced`.
    """
    steps: _Sums = {}
    rungs: _Sums = {}
    latencies: _Sums = {}
    baselines: _Sums = {}
    shadows: _Sums = {}
    judged: _Sums = {}
    for entry in entries:
        group = (day_of(entry.at), entry.route, entry.step_type.value, entry.caller)
        cost = entry.cost_nano
        _count(steps, (*group, entry.tier or ""), _step(entry, cost))
        for attempt in entry.attempts:
            model = _model(attempt, models)
            _count(rungs, (*group, attempt.tier, model, attempt.role), _rung(attempt))
            if _judged(attempt, entry.rungs):
                _count(judged, (group[0], attempt.tier), (1, _doubted(attempt)))
        if entry.state == "answered":
            day, *work, caller = group
            answered = entry.tier or "", bucket_of(entry.latency_s)
            _count(latencies, (day, *work, "", *answered), (1,))
            _count(latencies, (day, "", "", caller, *answered), (1,))
        for baseline in entry.baselines:
            known = baseline.nano is not None and cost is not None
            told = (baseline.nano or 0, 0, cost or 0) if known else (0, 1, 0)
            _count(baselines, (*group, baseline.tier), (1, *told))
        if entry.shadow is not None:
            key, numbers = _shadow(entry, entry.shadow, tuple(models))
            _count(shadows, (*group, *key), numbers)
    return Tallies(
        steps=_rows(steps),
        rungs=_rows(rungs),
        latencies=_rows(latencies),
        baselines=_rows(baselines),
        shadows=_rows(shadows),
        judged=_rows(judged),
    )


def outcome_rows(entry: Entry, after: Outcome) -> Tallies:
    """What it adds to the tallies that this is said of the entry now."""
    before = entry.outcome
    labelled = int(before is None)
    right = int(after.right) - int(before is not None and before.right)
    if not labelled and not right:
        return Tallies()
    group = (day_of(entry.at), entry.route, entry.step_type.value, entry.caller)
    nano = labelled * (entry.cost_nano or 0)
    step = (*group, entry.tier or "", 0, 0, labelled, right, 0, 0, 0, 0, 0, nano)
    if entry.shadow is None:
        return Tallies(steps=(step,))
    found = course(entry, entry.shadow)
    key = (entry.shadow.router, found.basis, found.asked, found.beyond)
    said = (*group, *key, 0, 0, 0, 0, labelled, right, 0, 0, 0, 0, 0)
    return Tallies(steps=(step,), shadows=(said,))


def _step(entry: Entry, cost: int | None) -> tuple[int, ...]:
    states = [attempt.state for attempt in entry.attempts]
    labelled = entry.outcome is not None
    return (
        1,
        entry.state == "answered",
        labelled,
        entry.outcome is not None and entry.outcome.right,
        any(_doubted(attempt) for attempt in entry.attempts),
        "spilled" in states,
        "recalled" in states,
        cost or 0,
        cost is None,
        labelled * (cost or 0),
    )


def _model(attempt: Attempt, models: Mapping[str, str]) -> str:
    """A lost one's is as it was told: who strikes it out may call the rung's model otherwise."""
    own = None if attempt.state == "lost" else models.get(attempt.tier)
    return own or model_name(attempt.model)


def _rung(attempt: Attempt) -> tuple[float, ...]:
    usage, cost, uncached = attempt.usage, attempt.cost_nano, attempt.uncached_nano
    doubted = _doubted(attempt)
    return (
        attempt.state not in _UNASKED,
        attempt.state in _SEEN,
        doubted,
        attempt.state == "failed",
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        doubted * usage.completion_tokens,
        usage.estimated,
        cost or 0,
        cost is None,
        uncached - cost if uncached is not None and cost is not None else 0,
        attempt.engine_s or 0.0,
        attempt.joules or 0.0,
    )


def _shadow(
    entry: Entry, shadow: Shadow, ladder: tuple[str, ...]
) -> tuple[_Key, tuple[float, ...]]:
    """Its key within the group, and what is added there."""
    found, where = course(entry, shadow), start(entry.rungs, shadow.rungs, ladder)
    told = found.basis != "unknown"
    return (shadow.router, found.basis, found.asked, found.beyond), (
        1,
        where == "same",
        where == "lower",
        where == "higher",
        entry.outcome is not None,
        entry.outcome is not None and entry.outcome.right,
        (entry.cost_nano or 0) if told else 0,
        found.known_nano,
        told and not found.priced,
        found.rest_nano,
        not found.rest_priced,
    )


def _judged(attempt: Attempt, rungs: Sequence[str]) -> bool:
    """Whether it could have been refused: the last rung of a plan, a pinned one too, is not judged.
    Without its plan, as in older entries, by what was asked of it."""
    if attempt.role != "draft" or attempt.state not in (*_SEEN, "abandoned"):
        return False
    told = attempt.state == "abandoned" or attempt.threshold is not None
    return told or attempt.tier in rungs[:-1]


def _doubted(attempt: Attempt) -> bool:
    return attempt.state == "abandoned" and attempt.role == "draft"


def _count(sums: _Sums, key: _Key, numbers: tuple[float, ...]) -> None:
    before = sums.get(key)
    sums[key] = numbers if before is None else tuple(map(add, before, numbers))


def _rows(sums: _Sums) -> tuple[Row, ...]:
    return tuple((*key, *map(_number, numbers)) for key, numbers in sums.items())


def _number(value: float) -> float:
    """A truth counts as 1; Postgres would not take it for a number."""
    return int(value) if value is True or value is False else value
