"""The shadow's report says what its plans would have come to, and how much of that is known."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rungwise.ledger.shadows import ShadowReport, read_shadows
from rungwise.ledger.shadows_shown import as_csv, as_json, as_table
from rungwise.ledger.sql import SqlLedger
from rungwise.store.sql import Store
from rungwise.types import Baseline, Entry, Outcome, Shadow
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY

pytestmark = pytest.mark.anyio

MODELS = {"t1": "m", "t2": "n", "t3": "o"}
LOW = replace(ATTEMPT, cost_nano=100)
MIDDLE = replace(BARE, cost_nano=1_000)
CLIMBED = replace(
    ENTRY,
    attempts=(LOW, MIDDLE),
    baselines=(Baseline(tier="t2", nano=900), Baseline(tier="t3", nano=9_000)),
    shadow=Shadow(router="pays", rungs=("t2", "t3"), why=""),
)


def shadowed(entry: Entry, *rungs: str, router: str = "pays") -> Entry:
    return replace(entry, shadow=Shadow(router=router, rungs=rungs, why=""))


async def told(place: str, entries: Sequence[Entry], *by: str) -> ShadowReport:
    store = Store(place)
    await store.start()
    try:
        ledger = SqlLedger(store, models=MODELS)
        for number, entry in enumerate(entries):
            await ledger.record(replace(entry, id=f"req_{number}", outcome=None))
            if entry.outcome is not None:
                await ledger.label(f"req_{number}", entry.outcome)
    finally:
        await store.stop()
    return read_shadows(place, by or ("route",))  # type: ignore[arg-type]


async def test_a_shadow_that_leads_to_the_same_draft_is_recorded_with_its_outcome(
    store_url: str,
) -> None:
    right = replace(CLIMBED, outcome=Outcome(right=True))
    report = await told(store_url, [right, CLIMBED])
    (line,) = report.lines
    assert (line.key, line.router, line.steps) == (("auto",), "pays", 2)
    assert (line.same, line.lower, line.higher) == (0, 0, 2), "it starts at t2, not at t1"
    assert (line.recorded, line.estimated, line.unknown) == (2, 0, 0)
    assert (line.recorded_live_nano, line.recorded_nano) == (2_200, 2_000)
    assert line.recorded_saved == pytest.approx(1 / 11) and line.estimated_saved is None
    assert (line.recorded_labelled, line.accuracy) == (1, 1.0)


async def test_a_rung_that_nobody_asked_is_estimated_and_its_accuracy_is_not_told(
    store_url: str,
) -> None:
    wrong = replace(shadowed(CLIMBED, "t3"), outcome=Outcome(right=False))
    (line,) = (await told(store_url, [wrong])).lines
    assert (line.recorded, line.estimated, line.higher) == (0, 1, 1)
    assert (line.estimated_nano, line.estimated_live_nano) == (9_000, 1_100)
    assert line.estimated_saved == pytest.approx(1 - 9_000 / 1_100) and line.recorded_saved is None
    assert line.accuracy is None


async def test_what_is_saved_is_told_apart_for_what_is_known_and_what_is_estimated(
    store_url: str,
) -> None:
    same, dear = shadowed(CLIMBED, "t1", "t2"), shadowed(CLIMBED, "t3")
    report = await told(store_url, [same] * 9 + [dear])
    (line,) = report.all
    assert (line.recorded, line.recorded_saved) == (9, 0.0)
    assert (line.estimated, line.estimated_saved) == (1, pytest.approx(-7.18, abs=0.01))
    assert not hasattr(line, "saved"), "no sum of a fact and a guess"
    table = as_table(report)
    assert "pays: 9 steps recorded, 0% saved, 0.0000099 USD instead of 0.0000099" in table
    assert "1 steps estimated, -718% saved, 0.0000090 USD instead of 0.0000011" in table
    assert "accuracy is the same" in table


async def test_a_rung_without_a_price_costs_the_mean_of_its_drafts_and_is_refused_as_often(
    store_url: str,
) -> None:
    given = replace(LOW, state="released", cost_nano=300)
    low = shadowed(replace(CLIMBED, attempts=(given,)), "t1", "t2")
    high = shadowed(replace(CLIMBED, attempts=(MIDDLE,), rungs=("t2",)), "t1", "t2")
    pinned = replace(low, rungs=("t1",), shadow=None, attempts=(replace(given, threshold=None),))
    steps = [low, shadowed(CLIMBED, "t1", "t2"), high, *[replace(pinned, route="t1")] * 2]
    (line,) = (await told(store_url, steps)).lines
    assert (line.same, line.lower, line.recorded, line.estimated) == (2, 1, 2, 1)
    assert line.recorded_nano == 300 + 1_100
    mean = (300 + 100 + 300 + 300) // 4
    assert line.estimated_nano == mean + 1_000 // 2, "one of two was refused that could have been"


async def test_what_a_refusal_leads_to_costs_the_mean_of_its_drafts_where_it_has_no_price(
    store_url: str,
) -> None:
    """Both rungs are of this machine: no price foretells what their drafts cost."""
    here = replace(CLIMBED, baselines=())
    climbed = shadowed(here, "t1", "t2")
    dear = replace(BARE, tier="t3", cost_nano=8_000)
    never = shadowed(replace(here, attempts=(dear,), rungs=("t3",)), "t1", "t2")
    (line,) = (await told(store_url, [climbed, never])).lines
    assert (line.recorded, line.estimated, line.unknown) == (1, 1, 0)
    assert line.estimated_nano == 100 + 1_000, "every judged draft of t1 was refused"


async def test_where_nobody_knows_what_a_refusal_costs_nothing_is_told(store_url: str) -> None:
    here = replace(CLIMBED, baselines=())
    dear = replace(here, attempts=(replace(BARE, tier="t3", cost_nano=8_000),), rungs=("t3",))
    steps = [replace(here, shadow=None), shadowed(dear, "t1", "t0")]
    (line,) = (await told(store_url, steps)).lines
    assert (line.estimated, line.unknown) == (0, 1)


async def test_a_rung_whose_drafts_nobody_judged_is_not_taken_for_one_that_is_never_refused(
    store_url: str,
) -> None:
    pinned = replace(CLIMBED, attempts=(MIDDLE,), rungs=("t2",), shadow=None)
    low = replace(CLIMBED, attempts=(replace(LOW, state="released"),), rungs=("t1", "t2"))
    steps = [pinned, shadowed(low, "t2", "t3"), shadowed(low, "t2")]
    (line,) = (await told(store_url, steps)).lines
    assert (line.estimated, line.estimated_nano, line.unknown) == (1, 900, 1)


async def test_what_nobody_can_tell_is_counted_apart(store_url: str) -> None:
    failed = replace(CLIMBED, state="exhausted", attempts=(LOW,))
    unpriced = replace(CLIMBED, attempts=(LOW, BARE))
    never = shadowed(CLIMBED, "t0", "t2")
    (line,) = (await told(store_url, [failed, unpriced, never])).lines
    assert (line.steps, line.unknown) == (3, 3)
    assert line.recorded_saved is line.estimated_saved is line.recorded_share is None


async def test_lines_are_by_group_and_router_and_add_up(store_url: str) -> None:
    steps = [
        CLIMBED,
        replace(CLIMBED, caller="b"),
        shadowed(CLIMBED, "t1", "t2", router="route"),
        replace(CLIMBED, shadow=None),
    ]
    report = await told(store_url, steps, "key", "day")
    assert {(line.key[0], line.router, line.steps) for line in report.lines} == {
        ("anonymous", "pays", 1),
        ("anonymous", "route", 1),
        ("b", "pays", 1),
    }
    assert [(line.router, line.steps, line.recorded_nano) for line in report.all] == [
        ("pays", 2, 2_000),
        ("route", 1, 1_100),
    ]


async def test_table_json_and_csv_tell_the_same(store_url: str) -> None:
    steps = [replace(CLIMBED, outcome=Outcome(right=True)), shadowed(CLIMBED, "t3")]
    report = await told(store_url, steps, "route", "key")
    shown = json.loads(json.dumps(as_json(report)))
    (row,) = csv.DictReader(io.StringIO(as_csv(report)))
    assert (row["route"], row["key"], row["router"]) == ("auto", "anonymous", "pays")
    total = shown["all"][0]
    assert float(row["recorded_shadow_usd"]) == total["recorded_shadow_usd"] == 1e-6
    assert float(row["estimated_shadow_usd"]) == total["estimated_shadow_usd"] == 9e-6
    assert shown["groups"][0]["recorded_share"] == 0.5 and total["recorded_accuracy"] == 1.0
    table = as_table(report)
    assert "1.000 [0.21, 1.00] n=1" in table and "both right, recorded" in table


async def test_where_no_shadow_planned_nothing_is_told(store_url: str) -> None:
    report = await told(store_url, [replace(CLIMBED, shadow=None)])
    assert (report.lines, report.all) == ((), ())
    assert as_csv(report).count("\n") == 1 and as_table(report)
