"""What does an entry add to the counts that reports are read from?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import add
from types import MappingProxyType
from typing import TypeAlias

from rungwise.days import day_of
from rungwise.escalations import escalations
from rungwise.ledger.buckets import COARSE, bucket_of, slot_of
from rungwise.ledger.rows import model_name
from rungwise.ledger.shadowed import course, start
from rungwise.types import Attempt, Entry, Outcome, Shadow

__all__ = ["Row", "Tallies", "outcome_rows", "tally"]

Row: TypeAlias = tuple[object, ...]
"""One row of a tally's table: its key, then what is added to each of its numbers."""
_Key: TypeAlias = tuple[int | str, ...]
_Group: TypeAlias = tuple[int, str, str, str]
_Sums: TypeAlias = "dict[_Key, tuple[float, ...]]"

_ONE, _ENDED, _BEGUN = (1,), (1, 0), (0, 1)
_NONE: Mapping[str, str] = MappingProxyType({})
_SEEN = ("released", "left", "broken_off")
_UNASKED = ("spilled", "recalled")
"""A rung that was not asked for anything: its attempt is none of the rung's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Rows to add to the tables of store/tables/, one for each key."""

    step_tally: tuple[Row, ...] = ()
    task_tally: tuple[Row, ...] = ()
    """Of the steps that name no task: each is one of its own. See ledger/tasks.py."""
    rung_tally: tuple[Row, ...] = ()
    time_tally: tuple[Row, ...] = ()
    doubt_tally: tuple[Row, ...] = ()
    slot_tally: tuple[Row, ...] = ()
    slot_latency: tuple[Row, ...] = ()
    baseline_tally: tuple[Row, ...] = ()
    shadow_tally: tuple[Row, ...] = ()
    judged_tally: tuple[Row, ...] = ()

    def __iter__(self) -> Iterator[tuple[str, tuple[Row, ...]]]:
        """Each table that grows, and its rows."""
        for name in _TABLES:
            if rows := getattr(self, name):
                yield name, rows


_TABLES = tuple(field.name for field in fields(Tallies))


def tally(entries: Iterable[Entry], models: Mapping[str, str] = _NONE) -> Tallies:
    """What these entries add up to; `models` are by tier, lowest first, what they are counted as,
    so that an upstream which gives ever new ids makes no ever new rows. Others' count as told.

    A draft that was doubted makes its step `escalated`; what is not priced adds 0 and counts as
    `unpriced`. Latencies, first bytes and baselines are of answered steps. A baseline is compared
    where its own price and that of the answer are known, else it is `unpriced`. An audit is no
    step: it counts among what its rungs did, and nowhere else.
    """
    found: defaultdict[str, _Sums] = defaultdict(dict)
    for entry in entries:
        group = (day_of(entry.at), entry.route, entry.step_type.value, entry.caller)
        rungs = found["rung_tally"]
        for attempt in entry.attempts:
            rung = (*group, attempt.tier, _model(attempt, models), attempt.role)
            _count(rungs, rung, _rung(attempt))
        if entry.audits is None:
            cost, tier = entry.cost_nano, entry.tier or ""
            _step(found, entry, group, cost, tier)
            if entry.state == "answered":
                _times(found, entry, group, tier)
            _compared(found, entry, group, cost, models)
    return Tallies(**{name: _rows(sums) for name, sums in found.items() if sums})


def outcome_rows(entry: Entry, after: Outcome | None) -> Tallies:
    """What it adds to the tallies that this is said of the entry now."""
    before = entry.outcome
    labelled = int(after is not None) - int(before is not None)
    right = int(after is not None and after.right) - int(before is not None and before.right)
    if not labelled and not right:
        return Tallies()
    day, tier = day_of(entry.at), entry.tier or ""
    group = (day, entry.route, entry.step_type.value, entry.caller)
    nano = labelled * (entry.cost_nano or 0)
    right_priced = right * int(entry.cost_nano is not None)
    slot = (slot_of(entry.at), entry.route, entry.caller, tier, 0, 0, 0, labelled, right, 0, 0, 0)
    own = (day, entry.route, entry.caller, 0, labelled, right, 0, 0, nano, right_priced)
    said: tuple[Row, ...] = ()
    if entry.shadow is not None:
        found = course(entry, entry.shadow)
        key = (entry.shadow.router, found.basis, found.asked, found.beyond)
        said = ((*group, *key, 0, 0, 0, 0, labelled, right, 0, 0, 0, 0, 0),)
    own_tier = (*group, tier, 0, 0, labelled, right, 0, 0, 0, 0, 0, nano, right_priced)
    return Tallies(
        step_tally=(own_tier,),
        task_tally=(own,) if entry.task is None else (),
        slot_tally=(slot,),
        shadow_tally=said,
    )


def _step(
    found: Mapping[str, _Sums], entry: Entry, group: _Group, cost: int | None, tier: str
) -> None:
    day, route, _, caller = group
    states = [attempt.state for attempt in entry.attempts]
    labelled, right = (
        int(entry.outcome is not None),
        int(bool(entry.outcome and entry.outcome.right)),
    )
    nano, unpriced = cost or 0, int(cost is None)
    answered, escalated, dropped = int(entry.state == "answered"), 0, 0
    for draft, why in escalations(entry) if "abandoned" in states else ():
        written = draft.usage.completion_tokens
        escalated, dropped = 1, dropped + written
        _count(found["doubt_tally"], (*group, draft.tier, why), (1, written))
    happened = (escalated, int("spilled" in states), int("recalled" in states))
    said = (labelled * nano, right * (1 - unpriced))
    told = (1, answered, labelled, right, *happened, nano, unpriced, *said)
    _count(found["step_tally"], (*group, tier), told)
    if entry.task is None:
        own = (1, labelled, right, nano, unpriced, *said)
        _count(found["task_tally"], (day, route, caller), own)
    drawn = (1, answered, escalated, labelled, right, nano, unpriced, dropped)
    _count(found["slot_tally"], (slot_of(entry.at), route, caller, tier), drawn)


def _times(found: Mapping[str, _Sums], entry: Entry, group: _Group, tier: str) -> None:
    """Of an answered step."""
    day, route, kind, caller = group
    whole, first = bucket_of(entry.latency_s), entry.first_byte_s
    of_all, of_caller = (day, route, kind, "", tier), (day, "", "", caller, tier)
    times = found["time_tally"]
    _count(times, (*of_all, whole), _ENDED)
    _count(times, (*of_caller, whole), _ENDED)
    if first is not None:
        bucket = bucket_of(first)
        _count(times, (*of_all, bucket), _BEGUN)
        _count(times, (*of_caller, bucket), _BEGUN)
    _count(found["slot_latency"], (slot_of(entry.at), route, whole // COARSE), _ONE)


def _compared(
    found: Mapping[str, _Sums],
    entry: Entry,
    group: _Group,
    cost: int | None,
    models: Mapping[str, str],
) -> None:
    """With what was refused, with baselines, and with what its shadow would have done."""
    for attempt in entry.attempts:
        if _judged(attempt, entry.rungs):
            _count(found["judged_tally"], (group[0], attempt.tier), (1, int(attempt.doubted)))
    for baseline in entry.baselines:
        known = baseline.nano is not None and cost is not None
        told = (baseline.nano or 0, 0, cost or 0) if known else (0, 1, 0)
        _count(found["baseline_tally"], (*group, baseline.tier), (1, *told))
    if entry.shadow is not None:
        key, numbers = _shadow(entry, entry.shadow, tuple(models))
        _count(found["shadow_tally"], (*group, *key), numbers)


def _model(attempt: Attempt, models: Mapping[str, str]) -> str:
    """A lost one's is as it was told: who strikes it out may call the rung's model otherwise."""
    own = None if attempt.state == "lost" else models.get(attempt.tier)
    return own or model_name(attempt.model)


def _rung(attempt: Attempt) -> tuple[float, ...]:
    usage, cost, uncached = attempt.usage, attempt.cost_nano, attempt.uncached_nano
    doubted = int(attempt.doubted)  # as every truth here: Postgres takes no other for a number
    return (
        int(attempt.state not in _UNASKED),
        int(attempt.state in _SEEN),
        doubted,
        int(attempt.state == "failed"),
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output,
        usage.reasoning,
        doubted * usage.completion_tokens,
        int(usage.estimated),
        cost or 0,
        int(cost is None),
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
        int(where == "same"),
        int(where == "lower"),
        int(where == "higher"),
        int(entry.outcome is not None),
        int(entry.outcome is not None and entry.outcome.right),
        (entry.cost_nano or 0) if told else 0,
        found.known_nano,
        int(told and not found.priced),
        found.rest_nano,
        int(not found.rest_priced),
    )


def _judged(attempt: Attempt, rungs: Sequence[str]) -> bool:
    """Whether it could have been refused: the last rung of a plan, a pinned one too, is not judged.
    Without its plan, as in older entries, by what was asked of it."""
    if attempt.role != "draft" or attempt.state not in (*_SEEN, "abandoned"):
        return False
    told = attempt.state == "abandoned" or attempt.threshold is not None
    return told or attempt.tier in rungs[:-1]


def _count(sums: _Sums, key: _Key, numbers: tuple[float, ...]) -> None:
    before = sums.get(key)
    sums[key] = numbers if before is None else tuple(map(add, before, numbers))


def _rows(sums: _Sums) -> tuple[Row, ...]:
    return tuple([key + numbers for key, numbers in sums.items()])
