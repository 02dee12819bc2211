"""Which steps do the ledger's tests write down? Any that could have happened, and sums of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import add
from typing import get_args

from hypothesis import strategies as st
from sqlalchemy import Connection, select

from rungwise.days import day_of
from rungwise.ledger.tally import tally
from rungwise.store import tables
from rungwise.types import (
    Attempt,
    Baseline,
    Confidence,
    Entry,
    Forecast,
    Outcome,
    OutcomeSource,
    Reading,
    Shadow,
    StepType,
    Usage,
)

__all__ = ["entries", "kept", "sums"]

Kept = dict[str, frozenset[tuple[object, ...]]]
NANO = st.none() | st.integers(0, 10**12)
COUNT = st.integers(0, 10**6)
SECONDS = st.floats(0, 1000)
BINARY = st.integers(0, 64).map(lambda sixteenths: sixteenths / 16)
"""Seconds and joules whose sums are exact in any order."""
USAGES = st.builds(
    Usage,
    input=COUNT,
    cache_read=COUNT,
    cache_write_5m=COUNT,
    cache_write_1h=COUNT,
    output=COUNT,
    reasoning=COUNT,
    estimated=st.booleans(),
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=9)


RUNGS = st.lists(st.sampled_from(["t1", "t2", "t3"]), max_size=3, unique=True).map(
    lambda rungs: tuple(sorted(rungs))
)


def attempts(*, old: bool) -> st.SearchStrategy[Attempt]:
    """As the first releases could make them, or today's."""
    states = "released left broken_off abandoned failed cancelled outrun asked".split()
    told = st.none() | TEXTS
    new = {} if old else {"joules": st.none() | BINARY, "billed_as": told, "fingerprint": told}
    return st.builds(
        Attempt,
        tier=st.sampled_from(["t1", "t2"]),
        model=st.sampled_from(["m", "n"]),
        state=st.sampled_from(states if old else [*states, "spilled", "recalled", "lost"]),
        reason=TEXTS,
        fault=st.sampled_from([None, "timeout"]),
        usage=USAGES,
        cost_nano=NANO,
        started_s=SECONDS,
        first_piece_s=st.none() | SECONDS,
        ended_s=SECONDS,
        readings=st.sampled_from([(), (Reading(signal="s", value=-1.5),)]),
        confidence=st.sampled_from([None, Confidence(probability=0.5, calibration="c")]),
        engine_s=st.none() | BINARY,
        role=st.sampled_from(["draft", "judge"]),
        threshold=st.none() | st.floats(0, 1),
        uncached_nano=st.none() if old else NANO,
        **new,
    )


def entries(*, old: bool = False, most: int = 8) -> st.SearchStrategy[list[Entry]]:
    planned = {
        "rungs": RUNGS,
        "forecasts": RUNGS.map(
            lambda rungs: tuple(Forecast(tier=rung, probability=1 / 3) for rung in rungs)
        ),
        "shadow": st.none()
        | st.builds(Shadow, router=st.sampled_from(["pays", "route"]), rungs=RUNGS, why=TEXTS),
        "conversation": st.none() | TEXTS,
        "sketch": st.none() | st.binary(max_size=9),
        "task": st.sampled_from([None, None, "one", "two"]),
    }
    one = st.builds(
        Entry,
        id=st.just(""),
        at=st.sampled_from([0.0, 86399.9, 86400.0, 1.7e9]),
        caller=st.sampled_from(["a", "b"]),
        route=st.sampled_from(["auto", "t1"]),
        step_type=st.sampled_from([StepType.PLANNING, StepType.OPEN_CHAT]),
        plan_why=TEXTS,
        attempts=st.lists(attempts(old=old), max_size=4).map(tuple),
        state=st.sampled_from("answered broken_off exhausted cancelled".split()),
        first_byte_s=st.none() | SECONDS,
        latency_s=SECONDS,
        stream=st.booleans(),
        outcome=st.none()
        | st.builds(Outcome, right=st.booleans(), source=st.sampled_from(get_args(OutcomeSource))),
        baselines=st.just(())
        if old
        else st.lists(
            st.builds(Baseline, tier=st.sampled_from(["t2", "t3"]), nano=NANO),
            max_size=2,
            unique_by=lambda baseline: baseline.tier,
        ).map(tuple),
        **({} if old else planned),
    )
    return st.lists(one, max_size=most).map(_named)


def _named(found: list[Entry]) -> list[Entry]:
    return [replace(entry, id=f"req_{n:04}") for n, entry in enumerate(found)]


def sums(found: Sequence[Entry], said: Mapping[tuple[str, str], bool] = {}) -> Kept:
    """What every tally must hold for these entries, in the order they were written in, by table.
    `said` is what is believed of tasks, by caller and name."""
    added = dict.fromkeys(TALLIES, frozenset()) | {
        name: frozenset(rows) for name, rows in tally(found)
    }
    return {**added, "task_tally": frozenset(_tasks(found, said))}


def _tasks(
    found: Sequence[Entry], said: Mapping[tuple[str, str], bool]
) -> list[tuple[object, ...]]:
    """Those with a name and those without, added up one after another."""
    named: dict[tuple[str, str], list[Entry]] = {}
    for entry in found:
        if entry.task is not None and entry.audits is None:
            named.setdefault((entry.caller, entry.task), []).append(entry)
    sums = {(int(str(r[0])), *r[1:3]): r[3:] for r in dict(tally(found)).get("task_tally", ())}
    for key, steps in named.items():
        right, costs = said.get(key), [entry.cost_nano for entry in steps]
        cost = sum(c for c in costs if c is not None) if None not in costs else 0
        labelled, priced = right is not None, None not in costs
        own = (1, int(labelled), int(right is True), cost, int(not priced), labelled * cost)
        own = (*own, int(right is True and priced))
        place = (day_of(steps[0].at), steps[0].route, steps[0].caller)
        sums[place] = tuple(map(add, sums.get(place, (0,) * 7), own))
    return [(*place, *numbers) for place, numbers in sums.items()]


TALLIES = (
    *("step_tally", "task_tally", "rung_tally", "time_tally"),
    *("doubt_tally", "slot_tally", "slot_latency", "baseline_tally", "shadow_tally"),
    *("judged_tally", "audit_tally"),
)


def kept(connection: Connection) -> Kept:
    """What every tally does hold."""
    found = [tables.TABLES.tables[name] for name in TALLIES]
    return {t.name: frozenset(tuple(r) for r in connection.execute(select(t))) for t in found}
