"""The report says what the entries say, group by group, on both databases."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from rungwise.errors import StoreError
from rungwise.ledger.lines import Group, Report
from rungwise.ledger.report import read_report, report
from rungwise.ledger.shown import as_csv, as_json, as_table
from rungwise.ledger.sql import SqlLedger
from rungwise.store.database import Database
from rungwise.store.sql import Store
from rungwise.types import Baseline, Entry, Outcome, StepType
from tests.ledger.test_sql import ATTEMPT, BARE, ENTRY, JUDGED
from tests.store.test_migrations import OLD, old_file

pytestmark = pytest.mark.anyio

DAY = 86_400.0
ANSWER = replace(BARE, cost_nano=1_000_000, uncached_nano=1_500_000)
STEP = replace(ENTRY, outcome=None, attempts=(ATTEMPT, ANSWER))


async def told(place: str, entries: Sequence[Entry], *by: Group, **days: int) -> Report:
    store = Store(place)
    await store.start()
    try:
        ledger = SqlLedger(store)
        for number, entry in enumerate(entries):
            await ledger.record(replace(entry, id=f"req_{number}", outcome=None))
            if entry.outcome is not None:
                await ledger.label(f"req_{number}", entry.outcome)
    finally:
        await store.stop()
    return read_report(place, by or ("route",), **days)  # type: ignore[arg-type]


async def test_tasks_accuracy_cost_and_share_of_each_route(store_url: str) -> None:
    right = replace(STEP, outcome=Outcome(right=True))
    wrong = replace(STEP, outcome=Outcome(right=False))
    pinned = replace(STEP, route="t2", attempts=(BARE,))
    failed = replace(STEP, state="exhausted", attempts=(ATTEMPT,))
    report = await told(store_url, [right, wrong, pinned, failed])
    lines = {line.key: line for line in report.lines}
    auto, other = lines[("auto",)], lines[("t2",)]
    assert (auto.steps, auto.answered, auto.labelled, auto.accuracy) == (3, 2, 2, 0.5)
    assert auto.cost_per_step_nano == (1_001_234 * 2 + 1234) / 3
    assert auto.cost_per_right_nano == 2 * 1_001_234, "two were paid for, one of them was right"
    assert auto.share == {"t2": 1.0} and auto.escalation_rate == 1.0
    assert other.unpriced == 1 and other.cost_per_step_nano is None and other.accuracy is None
    assert report.all.steps == 4 and report.all.key == ()


async def test_a_right_answer_costs_what_the_labelled_ones_with_a_price_did(store_url: str) -> None:
    """Those without one are neither in the bill nor among those who share it."""
    right, wrong = (Outcome(right=told) for told in (True, False))
    steps = [replace(STEP, outcome=said) for said in (right, wrong)]
    steps += [replace(STEP, attempts=(BARE,), outcome=right)] * 3
    line = (await told(store_url, [*steps, *(replace(s, task=f"t{s.id}") for s in steps[2:])])).all
    assert (line.labelled, line.right, line.right_priced, line.unpriced) == (8, 7, 1, 6)
    assert line.cost_per_right_nano == 2 * 1_001_234
    assert line.tasks is not None and line.tasks.cost_per_right_nano == 2 * 1_001_234


async def test_nobody_knows_what_a_right_answer_costs_while_none_has_a_price(
    store_url: str,
) -> None:
    steps = [replace(STEP, attempts=(BARE,), outcome=Outcome(right=True))]
    line = (await told(store_url, [*steps, replace(STEP, outcome=Outcome(right=False))])).all
    assert line.right == 1 and line.cost_per_right_nano is None
    assert line.tasks is not None and line.tasks.cost_per_right_nano is None


async def test_evidence_and_head_starts_cost_but_are_no_tasks_and_no_doubts(store_url: str) -> None:
    ahead = replace(ANSWER, tier="t3", state="outrun")
    report = await told(store_url, [replace(STEP, attempts=(ATTEMPT, JUDGED, ahead, ANSWER))])
    (line,) = report.lines
    assert (line.steps, line.answered, line.share) == (1, 1, {"t2": 1.0})
    assert (line.escalated, line.abandoned_tokens) == (1, 3)
    assert line.cost_nano == 1234 + 70 + 2_000_000


async def test_the_share_of_cached_prompt_and_what_it_saved(store_url: str) -> None:
    report = await told(store_url, [STEP])
    rungs = {rung.tier: rung for rung in report.all.rungs}
    assert rungs["t1"].cached_tokens == 5 and rungs["t1"].prompt_tokens == 15
    cached, prompt = 5 + BARE.usage.cache_read, 15 + BARE.usage.prompt_tokens
    assert report.all.cached_share == cached / prompt
    assert report.all.saved_nano == (2000 - 1234) + 500_000


async def test_percentiles_of_latency_are_within_one_percent(store_url: str) -> None:
    steps = [replace(STEP, latency_s=number / 10) for number in range(1, 101)]
    report = await told(store_url, steps)
    assert report.all.times.p50_s == pytest.approx(5.0, rel=0.01)
    assert report.all.times.p95_s == pytest.approx(9.5, rel=0.01)


async def test_a_baseline_is_set_against_what_the_same_answers_did_cost(store_url: str) -> None:
    baselines = (Baseline(tier="t2", nano=4_004_936), Baseline(tier="t3", nano=None))
    report = await told(store_url, [replace(STEP, baselines=baselines)] * 2)
    against = report.all.against
    assert against["t2"].saved == pytest.approx(0.75)
    assert against["t2"].answers == 2 and against["t3"].answers == 0
    assert against["t3"].saved is None


async def test_days_bound_the_report_and_are_a_group(store_url: str) -> None:
    steps = [replace(STEP, at=day * DAY + 5) for day in (10, 11, 11, 12)]
    report = await told(store_url, steps, "day", since_day=11, until_day=12)
    assert [(line.key, line.steps) for line in report.lines] == [(("11",), 2), (("12",), 1)]
    assert as_json(report)["groups"][0]["day"] == "1970-01-12"  # type: ignore[index]


async def test_every_group_and_two_at_once(store_url: str) -> None:
    types = (StepType.PLANNING, StepType.OPEN_CHAT)
    steps = [replace(STEP, caller=caller, step_type=kind) for caller, kind in product("ab", types)]
    report = await told(store_url, [*steps, steps[0]], "key", "step_type")
    assert report.lines[0].key == ("a", "planning")
    assert sorted(line.steps for line in report.lines) == [1, 1, 1, 2]


async def test_by_tier_a_step_is_the_answering_models(store_url: str) -> None:
    low = replace(ANSWER, tier="t1", model="m")
    quick = replace(STEP, attempts=(low,), latency_s=1.0, outcome=Outcome(right=True))
    slow = replace(STEP, latency_s=4.0, baselines=(Baseline(tier="t2", nano=5),))
    failed = replace(STEP, state="exhausted", attempts=(ATTEMPT,))
    report = await told(store_url, [quick, slow, slow, failed], "tier")
    lines = {line.key[0]: line for line in report.lines}
    assert {tier: line.steps for tier, line in lines.items()} == {"t1": 1, "t2": 2, "": 1}
    assert lines["t1"].accuracy == 1.0 and lines["t1"].times.p50_s == pytest.approx(1.0, rel=0.01)
    assert lines["t2"].times.p50_s == pytest.approx(4.0, rel=0.01)
    assert [rung.model for rung in lines["t2"].rungs] == ["n"]
    assert report.all.steps == 4 and report.all.times.p95_s == pytest.approx(4.0, rel=0.01)
    assert as_table(report)


async def test_latency_by_caller_and_kind_of_work_at_once_is_not_known(store_url: str) -> None:
    report = await told(store_url, [STEP], "key")
    assert (
        report.lines[0].times.p50_s
        == report.all.times.p50_s
        == pytest.approx(STEP.latency_s, rel=0.01)
    )
    both = read_report(store_url, ("key", "route"))
    assert both.lines[0].times.p50_s is None and both.lines[0].steps == 1
    assert both.all.times == report.all.times


@pytest.mark.parametrize("by", [("route",), ("step_type", "day"), ("key", "route")])
async def test_of_one_caller_all_together_has_latencies_where_its_groups_have_none(
    store_url: str, by: tuple[Group, ...]
) -> None:
    steps = [
        replace(STEP, route=route, caller=caller, latency_s=latency)
        for route, caller, latency in (("auto", "a", 1.0), ("t2", "a", 3.0), ("auto", "b", 9.0))
    ]
    await told(store_url, steps)
    with Database(store_url).looking() as connection:
        own, every = report(connection, by, caller="a"), report(connection, by)
    assert {line.times.p50_s for line in own.lines} == {None}
    assert own.all.times.p50_s == pytest.approx(1.0, rel=0.01)
    assert own.all.times.p95_s == own.all.times.p99_s == pytest.approx(3.0, rel=0.01)
    assert every.all.times.p99_s == pytest.approx(9.0, rel=0.01)
    assert own.all.first_bytes.p99_s is not None


async def test_idle_time_is_a_line_of_its_own(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    ledger = SqlLedger(store)
    numbers = {"up_s": 7200.0, "busy_s": 3600.0, "idle_joules": 5.0}
    await ledger.note_idle(3, "t1", idle_nano=2_000_000_000, **numbers)
    await ledger.note_idle(3, "t9", idle_nano=None, **numbers)
    await store.stop()
    report = await told(store_url, [STEP])
    assert [(idle.tier, idle.nano, idle.unpriced_s) for idle in report.idle] == [
        ("t1", 2_000_000_000, 0.0),
        ("t9", 0, 3600.0),
    ]
    text = as_table(report)
    assert "t1 was idle for 1.00 of 2.00 hours, for 2.0000000 USD" in text
    assert "t9 was idle for 1.00 of 2.00 hours, at an unknown price" in text


async def test_table_json_and_csv_tell_the_same(store_url: str) -> None:
    baselines = (Baseline(tier="t3", nano=2_002_468),)
    steps = [replace(STEP, outcome=Outcome(right=True), baselines=baselines)]
    report = await told(store_url, steps, "route", "key")
    shown = json.loads(json.dumps(as_json(report)))
    (row,) = csv.DictReader(io.StringIO(as_csv(report)))
    assert row["route"] == "auto" and row["key"] == ENTRY.caller
    assert float(row["cost_usd"]) == shown["groups"][0]["cost_usd"] == 1_001_234 / 1e9
    assert float(row["saved_against_t3"]) == shown["all"]["against"]["t3"]["saved"] == 0.5
    assert float(row["share_t2"]) == 1.0
    table = as_table(report)
    assert "auto" in table and "1.000 [0.21, 1.00] n=1" in table
    assert "against all-t3: 50% saved" in table


async def test_nothing_in_the_ledger_is_no_fault(store_url: str) -> None:
    report = await told(store_url, [])
    assert (report.all.steps, report.lines, report.idle) == (0, (), ())
    assert as_csv(report).count("\n") == 1 and as_table(report)


def test_an_older_ledger_is_left_as_it_is_and_it_is_told_what_to_do(tmp_path: Path) -> None:
    path = old_file(tmp_path / "l.db", holding=OLD)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"l\.db: .*older release; start the server with it once"):
        read_report(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["l.db"]


async def test_a_later_ledger_needs_a_newer_release(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    later = "update alembic_version set version_num = '0099'"
    await store.write(lambda c: c.exec_driver_sql(later).close())
    await store.stop()
    with pytest.raises(StoreError, match=r"revision 0099.*newer rungwise"):
        read_report(store_url)


def test_where_no_ledger_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no ledger there"):
        read_report(tmp_path / "l.db")
    assert not list(tmp_path.iterdir())
