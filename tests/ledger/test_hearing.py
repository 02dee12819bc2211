"""Whatever is said, in whatever order: the tallies are the sums over what is believed."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rungwise.errors import StoreError
from rungwise.ledger.report import read_report
from rungwise.ledger.sayings import Heard, Saying
from rungwise.ledger.sql import SqlLedger, read_entries
from rungwise.ledger.tee import Tee
from rungwise.store import tables
from rungwise.store.sql import Store
from rungwise.types import Attempt, Entry, Outcome, OutcomeSource
from tests.ledger.steps import entries, kept, sums
from tests.ledger.test_sql import BARE, ENTRY, emptied, opened

pytestmark = pytest.mark.anyio

DAY = 86_400.0
STEP = replace(ENTRY, attempts=(replace(BARE, cost_nano=100),))


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[SqlLedger]:
    store, _ = await opened(store_url)
    yield SqlLedger(store, most_per_day=3)
    await store.stop()


def saying(
    answer: str = "req_1", *, right: bool = True, by: str = "anonymous", **more: object
) -> Saying:
    given_: dict[str, object] = {"at": 50.0, **more}
    outcome = Outcome(right=right, **given_)  # type: ignore[arg-type]
    return Saying(answer=answer, by=by, outcome=outcome)


async def one(ledger: SqlLedger, told: Saying) -> Heard:
    (heard,) = await ledger.hear([told])
    return heard


async def test_the_same_thing_said_twice_changes_nothing(ledger: SqlLedger) -> None:
    await ledger.record(STEP)
    first, second = await one(ledger, saying()), await one(ledger, saying(at=99.0))
    assert (first.changed, first.counted, first.news) == (True, True, True)
    assert (second.changed, second.counted, second.news) == (False, True, False)
    assert first.entry is not None and first.entry.outcome == Outcome(right=True, at=50.0)


async def test_said_otherwise_by_the_same_source_it_replaces_what_was_said(
    ledger: SqlLedger, store_url: str
) -> None:
    await ledger.record(STEP)
    await one(ledger, saying())
    again = await one(ledger, saying(right=False))
    assert again.changed and again.counted and not again.news
    line = read_report(store_url).all
    assert (line.labelled, line.right) == (1, 0)


async def test_of_several_sources_the_first_in_their_order_is_believed(ledger: SqlLedger) -> None:
    await ledger.record(STEP)
    sources: list[tuple[OutcomeSource, bool]] = [("audit", False), ("golden", False)]
    for source, right in [*sources, ("caller", True), ("checker", False)]:
        heard = await one(ledger, replace(saying(right=right, source=source), of_any=True))
        assert heard.news == (source == "audit"), "of an answer once: see the Tee"
        assert heard.entry is not None and heard.entry.outcome is not None
        assert heard.entry.outcome.source == source
    late = await one(ledger, saying(right=False))
    assert late.changed and not late.news, "the checker knows better"
    found = await ledger.find("req_1")
    assert found is not None and found.outcome == Outcome(right=False, source="checker")


async def test_an_unknown_answer_and_another_callers_are_alike_unless_one_sees_all(
    ledger: SqlLedger,
) -> None:
    await ledger.record(STEP)
    assert not (await one(ledger, saying("req_2"))).known
    assert not (await one(ledger, saying(by="other"))).known
    assert (await one(ledger, replace(saying(by="other"), of_any=True))).known


async def test_nobody_says_anything_of_an_audit(ledger: SqlLedger) -> None:
    await ledger.record(replace(STEP, audits="req_0", state="audited"))
    assert not (await one(ledger, saying())).known


async def test_beyond_the_days_number_it_is_kept_and_counts_for_nothing(
    ledger: SqlLedger, store_url: str
) -> None:
    for number in range(6):
        await ledger.record(replace(STEP, id=f"req_{number}"))
    told = [await one(ledger, saying(f"req_{n}")) for n in range(4)]
    assert [heard.counted for heard in told] == [True, True, True, False]
    assert read_report(store_url).all.labelled == 3
    mended = await one(ledger, saying("req_0", right=False))
    assert mended.counted, "what counted goes on counting when it is mended"
    tomorrow = await one(ledger, saying("req_4", at=DAY + 1))
    assert tomorrow.counted
    back = await one(ledger, saying("req_5", at=60.0))
    assert not back.counted, "a clock that jumps back finds the day as full as it was"
    many = await ledger.hear([saying(f"req_{n}", source="checker", at=DAY + 2) for n in range(6)])
    assert [heard.counted for heard in many] == [True, True, False, False, False, False]


async def test_a_key_whose_word_does_not_count_moves_nothing_and_takes_nothing_back(
    ledger: SqlLedger, store_url: str
) -> None:
    await ledger.record(STEP)
    heard = await one(ledger, saying(counted=False))
    assert heard.changed and not heard.counted and not heard.news
    assert read_report(store_url).all.labelled == 0
    await one(ledger, saying(right=False))
    again = await one(ledger, saying(counted=False))
    assert not again.changed and not again.counted
    line = read_report(store_url).all
    assert (line.labelled, line.right) == (1, 0)


def of_task(by: str) -> Saying:
    return Saying(task="t", by=by, outcome=Outcome(right=True, at=5.0))


async def test_what_a_task_came_to_goes_to_the_task_and_not_to_its_steps(
    ledger: SqlLedger, store_url: str
) -> None:
    for number in range(3):
        await ledger.record(replace(STEP, id=f"req_{number}", task="t", route=f"r{number}"))
    (own,) = await ledger.hear([of_task("anonymous")])
    (others,) = await ledger.hear([of_task("other")])
    assert own.known and not others.known
    await ledger.record(replace(STEP, id="req_3", task="t"))
    report = read_report(store_url)
    assert report.all.steps == 4 and report.all.labelled == 0
    tasks = {line.key[0]: line.tasks for line in report.lines}
    first = tasks["r0"]
    assert first is not None and (first.tasks, first.labelled, first.right) == (1, 1, 1)
    assert first.cost_per_right_nano == first.cost_nano_each == 400, "a late step costs it too"
    assert tasks["auto"] is not None and tasks["auto"].tasks == 0, "a task is its first step's"
    assert read_report(store_url, ("step_type",)).all.tasks is None


async def test_a_task_of_one_step_labels_that_step_too(ledger: SqlLedger, store_url: str) -> None:
    await ledger.record(replace(STEP, task="t"))
    told = Saying(task="t", by="anonymous", outcome=Outcome(right=False, at=5.0))
    heard = await one(ledger, told)
    assert heard.entry is not None and heard.news and heard.changed
    line = read_report(store_url).all
    assert (line.labelled, line.right) == (1, 0)
    assert line.tasks is not None and (line.tasks.labelled, line.tasks.right) == (1, 0)
    assert not (await one(ledger, told)).changed
    mended = await one(ledger, replace(told, outcome=Outcome(right=True, at=DAY)))
    assert mended.changed and mended.counted and not mended.news
    line = read_report(store_url).all
    assert line.tasks is not None and (line.right, line.tasks.right) == (1, 1)


async def test_audits_have_a_line_of_their_own_and_cost_no_step_anything(
    ledger: SqlLedger, store_url: str
) -> None:
    looked: Attempt = replace(BARE, role="audit", state="asked", cost_nano=7, tier="t3")
    for number in range(2):
        await ledger.record(replace(STEP, id=f"req_{number}"))
        of_it = {"audits": f"req_{number}", "state": "audited", "attempts": (looked,)}
        await ledger.record(replace(STEP, id=f"aud_{number}", **of_it))  # type: ignore[arg-type]
        await ledger.label(f"req_{number}", Outcome(right=number == 0, source="audit"))
    await ledger.label("req_1", Outcome(right=True, source="caller"))
    report = read_report(store_url)
    audits, line = report.audits, report.all
    assert (audits.asked, audits.audited, audits.agreed, audits.cost_nano) == (2, 2, 1, 14)
    assert line.steps == 2 and line.cost_nano == 200 and line.share == {"t2": 1.0}
    assert [rung.tier for rung in line.rungs] == ["t2"]
    assert (line.labelled, line.right) == (2, 2), "the caller is believed"
    assert [e.id for e in read_entries(store_url)] == ["req_0", "req_1"], "audits are no steps"
    assert len(list(read_entries(store_url, audits=True))) == 4


async def test_ten_thousand_at_once_are_all_heard_and_counted_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "l.db")
    await store.start()
    ledger = SqlLedger(store)
    await asyncio.gather(*(ledger.record(replace(STEP, id=f"req_{n}")) for n in range(1000)))
    singles = [saying(f"req_{n % 1000}", right=n % 2 == 0) for n in range(5000)]
    lists = [[saying(f"req_{n}", source="checker") for n in range(1000)] for _ in range(5)]
    await asyncio.gather(*map(ledger.hear, ([told] for told in singles)), *map(ledger.hear, lists))
    found = list(read_entries(tmp_path / "l.db"))
    assert {entry.outcome for entry in found} == {Outcome(right=True, source="checker")}
    assert await store.read(kept) == sums(found)
    rows = await store.read(lambda c: len(c.execute(select(tables.outcome)).all()))
    assert rows == 2000
    await store.stop()


async def test_of_all_lists_one_part_is_in_the_store_at_a_time(tmp_path: Path) -> None:
    store = Store(tmp_path / "l.db")
    await store.start()
    ledger, together, most = SqlLedger(store), 0, 0
    write = store.write

    async def counted(job: Callable[[Any], Any]) -> Any:
        nonlocal together, most
        together += 1
        most = max(most, together)
        try:
            return await write(job)
        finally:
            together -= 1

    store.write = counted  # type: ignore[method-assign,assignment]
    told = [saying(f"req_{n}") for n in range(250)]
    await asyncio.gather(*(ledger.hear(told) for _ in range(5)))
    await store.stop()
    assert most == 1


async def test_a_ledger_that_is_locked_or_gone_is_a_store_error_and_nothing_is_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.store.sqlite.PATIENCE_S", 0.05, raising=False)
    path = tmp_path / "l.db"
    store, ledger = await opened(path)
    await ledger.record(STEP)
    before = await store.read(kept)
    with closing(sqlite3.connect(path)) as other:
        other.execute("drop table slot_tally")
        other.commit()
    with pytest.raises(StoreError):
        await one(ledger, saying())
    assert not await store.read(lambda c: c.execute(select(tables.outcome)).all())
    assert (await store.read(lambda c: c.execute(select(tables.step_tally)).all())) == [
        tuple(row) for row in before["step_tally"]
    ]
    await store.stop()
    with pytest.raises(StoreError, match="not open"):
        await one(ledger, saying())


SOURCES: st.SearchStrategy[OutcomeSource] = st.sampled_from(
    ("checker", "caller", "audit", "golden")
)
SAID = st.lists(
    st.tuples(
        st.integers(0, 5), SOURCES, st.booleans(), st.booleans(), st.sampled_from([0.0, 5.0, DAY])
    ),
    max_size=12,
)
TASKS = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["one", "two"]), st.booleans()))


@given(found=entries(most=5), said=SAID, of_tasks=TASKS, together=st.booleans())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_sequence_of_outcomes_leaves_the_tallies_equal_to_a_recount_from_the_entries(
    store_url: str,
    found: list[Entry],
    said: list[tuple[int, OutcomeSource, bool, bool, float]],
    of_tasks: list[tuple[str, str, bool]],
    together: bool,
) -> None:
    async def all_of_it() -> None:
        store, _ = await opened(store_url)
        ledger = SqlLedger(store, most_per_day=2)
        await store.write(emptied)
        for entry in found:
            await ledger.record(entry)
        sayings = [
            Saying(
                answer=f"req_{n:04}",
                by="x",
                of_any=True,
                outcome=Outcome(right=right, source=source, counted=counted, at=at),
            )
            for n, source, right, counted, at in said
        ]
        sayings += [
            Saying(task=name, by=caller, outcome=Outcome(right=right, at=1.0))
            for caller, name, right in of_tasks
        ]
        for part in [sayings] if together else [[told] for told in sayings]:
            await ledger.hear(part)
        now = {entry.id: entry for entry in read_entries(store_url)}
        tasks = await store.read(lambda c: c.execute(select(tables.task)).all())
        of = {(t.caller, t.id): bool(t.right) for t in tasks if t.right is not None and t.counted}
        held = await store.read(kept)
        audits = sums([now[entry.id] for entry in found], of)
        assert {n: r for n, r in held.items() if n != "audit_tally"} == {
            n: r for n, r in audits.items() if n != "audit_tally"
        }
        rows = await store.read(lambda c: c.execute(select(tables.outcome)).all())
        looks = [row for row in rows if row.source == "audit" and row.entry_id in now]
        came = {e.id for e in found if e.outcome is not None and e.outcome.source == "audit"}
        fresh = [row for row in looks if row.entry_id not in came]
        if not came:
            told = [row[-2:] for row in held["audit_tally"]]
            assert sum(int(str(n)) for n, _ in told) == len(fresh)
            assert sum(int(str(n)) for _, n in told) == sum(bool(row.right) for row in fresh)
        await store.stop()

    asyncio.run(all_of_it())


@given(found=entries(most=4), tasks=st.booleans())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_and_struck_out_leaves_every_tally_as_if_it_had_never_been(
    store_url: str, found: list[Entry], tasks: bool
) -> None:
    from rungwise.ledger.lost import strike

    async def all_of_it() -> None:
        store, ledger = await opened(store_url)
        await store.write(emptied)
        for entry in found:
            await ledger.record(entry)
        for entry in found:
            await store.write(lambda c, entry=entry: strike(c, entry))  # type: ignore[misc]
        assert await store.read(kept) == sums([])
        assert not await store.read(lambda c: c.execute(select(tables.task)).all())
        await store.stop()

    asyncio.run(all_of_it())


async def test_what_was_said_of_a_task_outlives_the_entry_that_was_counted_as_lost(
    ledger: SqlLedger, store_url: str
) -> None:
    lost = replace(STEP, task="t", state="lost", attempts=(replace(BARE, state="lost"),))
    await ledger.record(lost)
    await ledger.hear([of_task("anonymous")])
    await ledger.record(replace(STEP, task="t"))
    tasks = read_report(store_url).all.tasks
    assert tasks is not None and (tasks.tasks, tasks.labelled, tasks.right) == (1, 1, 1)
    assert tasks.labelled_nano == 100 and tasks.unpriced == 0


async def test_whoever_listens_hears_of_an_answer_when_it_is_first_believed_and_no_more(
    ledger: SqlLedger,
) -> None:
    steps: list[str] = []
    audits: list[str] = []
    told: list[Outcome | None] = []
    tee = Tee(
        ledger,
        readers=[lambda entry: steps.append(entry.id)],
        told=[lambda entry: told.append(entry.outcome)],
        audited=[lambda entry: audits.append(entry.id)],
    )
    await tee.record(STEP)
    await tee.record(replace(STEP, id="aud_1", audits="req_1", state="audited"))
    assert (steps, audits) == (["req_1"], ["aud_1"])
    await tee.label("req_1", Outcome(right=True, source="audit"))
    await tee.hear([saying(right=False), saying(right=False), saying(counted=False)])
    assert [(o.right, o.source) for o in told if o is not None] == [(True, "audit")]
