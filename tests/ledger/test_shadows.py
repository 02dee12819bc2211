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
    assert (line.key, line.router, line.tasks) == (("auto",), "pays", 2)
    assert (line.same, line.lower, line.higher) == (0, 0, 2), "it starts at t2, not at t1"
    assert (line.recorded, line.estimated, line.unknown) == (2, 0, 0)
    assert (line.live_nano, line.nano) == (2_200, 2_000)
    assert line.saved == pytest.approx(1 / 11)
    assert (line.labelled, line.right, line.shadow_accuracy) == (1, 1, 1.0)


async def test_a_rung_that_nobody_asked_is_estimated_and_its_accuracy_is_not_told(
    store_url: str,
) -> None:
    wrong = replace(shadowed(CLIMBED, "t3"), outcome=Outcome(right=False))
    (line,) = (await told(store_url, [wrong])).lines
    assert (line.recorded, line.estimated, line.higher) == (0, 1, 1)
    assert (line.estimated_nano, line.live_nano) == (9_000, 1_100)
    assert line.saved == pytest.approx(1 - 9_000 / 1_100)
    assert line.accuracy == 0.0 and line.shadow_accuracy is None


async def test_a_rung_without_a_price_costs_the_mean_of_its_drafts_and_is_refused_as_often(
    store_url: str,
) -> None:
    given = replace(LOW, state="released", cost_nano=300)
    low = shadowed(replace(CLIMBED, attempts=(given,)), "t1", "t2")
    high = shadowed(replace(CLIMBED, attempts=(MIDDLE,), rungs=("t2",)), "t1", "t2")
    report = await told(store_url, [low, shadowed(CLIMBED, "t1", "t2"), high])
    (line,) = report.lines
    assert (line.same, line.lower, line.recorded, line.estimated) == (2, 1, 2, 1)
    assert line.recorded_nano == 300 + 1_100
    assert line.estimated_nano == (300 + 100) // 2 + 1_000 // 2, "one draft of two was refused"


async def test_what_nobody_can_tell_is_counted_apart(store_url: str) -> None:
    failed = replace(CLIMBED, state="exhausted", attempts=(LOW,))
    unpriced = replace(CLIMBED, attempts=(LOW, BARE))
    never = shadowed(CLIMBED, "t0", "t2")
    (line,) = (await told(store_url, [failed, unpriced, never])).lines
    assert (line.tasks, line.unknown, line.nano, line.live_nano) == (3, 3, 0, 0)
    assert line.saved is line.recorded_share is None


async def test_lines_are_by_group_and_router_and_add_up(store_url: str) -> None:
    steps = [
        CLIMBED,
        replace(CLIMBED, caller="b"),
        shadowed(CLIMBED, "t1", "t2", router="route"),
        replace(CLIMBED, shadow=None),
    ]
    report = await told(store_url, steps, "key", "day")
    assert {(line.key[0], line.router, line.tasks) for line in report.lines} == {
        ("anonymous", "pays", 1),
        ("anonymous", "route", 1),
        ("b", "pays", 1),
    }
    assert [(line.router, line.tasks, line.nano) for line in report.all] == [
        ("pays", 2, 2_000),
        ("route", 1, 1_100),
    ]


async def test_table_json_and_csv_tell_the_same(store_url: str) -> None:
    steps = [replace(CLIMBED, outcome=Outcome(right=True)), shadowed(CLIMBED, "t3")]
    report = await told(store_url, steps, "route", "key")
    shown = json.loads(json.dumps(as_json(report)))
    (row,) = csv.DictReader(io.StringIO(as_csv(report)))
    assert (row["route"], row["key"], row["router"]) == ("auto", "anonymous", "pays")
    assert float(row["shadow_cost_usd"]) == shown["all"][0]["shadow_cost_usd"] == 1e-5
    assert shown["groups"][0]["recorded_share"] == 0.5
    table = as_table(report)
    assert "50%" in table and "1.000 [0.21, 1.00] n=1" in table
    assert "0.0000010 of it recorded, for 1 steps" in table
    assert "0.0000090 estimated, for 1" in table


async def test_where_no_shadow_planned_nothing_is_told(store_url: str) -> None:
    report = await told(store_url, [replace(CLIMBED, shadow=None)])
    assert (report.lines, report.all) == ((), ())
    assert as_csv(report).count("\n") == 1 and as_table(report)
