"""What was recorded can be read back, whole, once, and only with its outcome."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from rungwise.errors import StoreError
from rungwise.ledger.sql import SqliteLedger, SqlLedger, read_entries
from rungwise.ledger.tee import Tee
from rungwise.store import tables
from rungwise.store.sql import Store
from rungwise.types import (
    Attempt,
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
from tests.ledger.steps import Kept, entries, kept, sums

pytestmark = pytest.mark.anyio

ATTEMPT = Attempt(
    tier="t1",
    model="m",
    state="abandoned",
    reason="p 0.10 < 0.90",
    usage=Usage(input=10, cache_read=5, output=3, estimated=True),
    cost_nano=1234,
    started_s=0.1,
    first_piece_s=0.2,
    ended_s=0.3,
    readings=(Reading(signal="mean_logprob", value=-1.5),),
    confidence=Confidence(probability=0.1, calibration="c"),
    engine_s=0.0625,
    threshold=0.9,
    joules=12.5,
    billed_as="m-2026",
    fingerprint="fp_1",
    uncached_nano=2000,
)
JUDGED = Attempt(
    tier="t3",
    model="o",
    state="asked",
    reason="evidence on a draft",
    usage=Usage(input=20, output=1),
    cost_nano=70,
    started_s=0.2,
    first_piece_s=0.25,
    ended_s=0.25,
    role="judge",
)
BARE = Attempt(
    tier="t2",
    model="n",
    state="released",
    reason="the last rung of its plan",
    usage=Usage(input=10, output=4),
    cost_nano=None,
    started_s=0.3,
    first_piece_s=None,
    ended_s=0.9,
)
ENTRY = Entry(
    id="req_1",
    at=1000.5,
    caller="anonymous",
    route="auto",
    step_type=StepType.PLANNING,
    plan_why="because",
    attempts=(ATTEMPT, BARE),
    state="answered",
    first_byte_s=0.4,
    latency_s=0.9,
    stream=True,
    baselines=(Baseline(tier="t2", nano=900), Baseline(tier="t3", nano=None)),
    rungs=("t1", "t2"),
)
PLANNED = replace(
    ENTRY,
    forecasts=(Forecast(tier="t1", probability=0.625), Forecast(tier="t2", probability=1 / 3)),
    shadow=Shadow(router="pays", rungs=("t2", "t3"), why="pays: t2 (p .9)"),
    conversation="0123456789abcdef",
    sketch=bytes(range(256)),
)


async def opened(place: str | Path) -> tuple[Store, SqlLedger]:
    store = Store(place)
    await store.start()
    return store, SqlLedger(store)


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[SqlLedger]:
    store, ledger = await opened(store_url)
    yield ledger
    await store.stop()


async def tallies(place: str) -> Kept:
    store, _ = await opened(place)
    try:
        return await store.read(kept)
    finally:
        await store.stop()


async def test_an_entry_comes_back_as_it_was(store_url: str, ledger: SqlLedger) -> None:
    await ledger.record(ENTRY)
    assert list(read_entries(store_url)) == [ENTRY], "readable while the server has it open"
    assert await ledger.label("req_1", Outcome(right=True, source="checker"))
    assert await ledger.label("req_2", Outcome(right=True)) is None
    told = replace(ENTRY, outcome=Outcome(right=True, source="checker"))
    assert list(read_entries(store_url)) == [told]


async def test_what_was_planned_comes_back_with_it(store_url: str, ledger: SqlLedger) -> None:
    await ledger.record(PLANNED)
    assert await ledger.find("req_1") == PLANNED
    assert list(read_entries(store_url)) == [PLANNED]
    assert "sketch" not in repr(PLANNED), "nobody wants to read it in a log"


async def test_evidence_on_a_draft_comes_back_with_its_role(
    store_url: str, ledger: SqlLedger
) -> None:
    outrun = replace(BARE, state="outrun", threshold=None)
    entry = replace(ENTRY, attempts=(ATTEMPT, JUDGED, outrun, BARE))
    await ledger.record(entry)
    assert list(read_entries(store_url)) == [entry]


async def test_an_entry_is_found_by_its_id_with_what_was_said_of_it(ledger: SqlLedger) -> None:
    await asyncio.gather(ledger.record(ENTRY), ledger.record(replace(ENTRY, id="req_2")))
    assert await ledger.find("req_1") == ENTRY
    assert await ledger.find("req_") is None
    await ledger.label("req_2", Outcome(right=False))
    told = await ledger.find("req_2")
    assert told == replace(ENTRY, id="req_2", outcome=Outcome(right=False))
    tee = Tee(ledger, readers=[])
    assert await tee.find("req_1") == ENTRY and await tee.find("") is None


async def test_a_ledger_with_a_file_of_its_own_opens_and_closes_it(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "a" / "l.db")
    with pytest.raises(StoreError, match="not open"):
        await ledger.record(ENTRY)
    await ledger.start()
    await ledger.record(ENTRY)
    await ledger.stop()
    with pytest.raises(StoreError, match="not open"):
        await ledger.find("req_1")
    assert list(read_entries(tmp_path / "a" / "l.db")) == [ENTRY]


@given(found=entries(), said=st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=6))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tallies_are_the_sums_over_the_entries_whatever_is_said_of_them(
    store_url: str, found: list[Entry], said: list[tuple[int, bool]]
) -> None:
    async def all_of_it() -> None:
        store, ledger = await opened(store_url)
        await store.write(emptied)
        await asyncio.gather(*map(ledger.record, found))
        for number, right in said:
            known = number < len(found)
            outcome = Outcome(right=right, source="checker")
            told = await ledger.label(f"req_{number:04}", outcome)
            assert (told is not None) is known
            if known:
                found[number] = replace(found[number], outcome=outcome)
        assert await store.read(kept) == sums(found)
        await store.stop()

    asyncio.run(all_of_it())
    assert list(read_entries(store_url)) == sorted(found, key=lambda e: (e.at, e.id))


def emptied(connection: Connection) -> None:
    for table in reversed(tables.TABLES.sorted_tables):
        connection.execute(table.delete())


async def test_many_at_once_are_all_written_once(store_url: str, ledger: SqlLedger) -> None:
    entries = [replace(ENTRY, id=f"req_{i:03}", at=float(i)) for i in range(500)]
    await asyncio.gather(*(ledger.record(entry) for entry in entries))
    assert list(read_entries(store_url)) == entries
    assert len(list(read_entries(store_url, since=400.0))) == 100
    assert await tallies(store_url) == sums(entries)


async def test_reading_holds_a_few_entries_at_once_however_many_there_are(
    store_url: str, ledger: SqlLedger
) -> None:
    sketch = bytes(4096)
    many = [replace(PLANNED, id=f"req_{i:05}", at=float(i), sketch=sketch) for i in range(4000)]
    await asyncio.gather(*map(ledger.record, many))
    tracemalloc.start()
    count = sum(entry.sketch == sketch for entry in read_entries(store_url))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 4000 and most < 12 * 2**20, "all of them are 16 MiB of sketches alone"


async def test_entries_are_read_from_one_time_up_to_another(
    store_url: str, ledger: SqlLedger
) -> None:
    for i in range(5):
        await ledger.record(replace(ENTRY, id=f"req_{i}", at=float(i)))
    found = read_entries(store_url, since=1.0, until=3.0)
    assert [(entry.id, len(entry.attempts)) for entry in found] == [("req_1", 2), ("req_2", 2)]


async def test_a_ledger_that_stops_has_written_what_was_to_be_recorded(
    store_url: str, ledger: SqlLedger
) -> None:
    entries = [replace(ENTRY, id=f"req_{i:03}") for i in range(300)]
    recording = [asyncio.ensure_future(ledger.record(entry)) for entry in entries]
    await asyncio.sleep(0)
    await ledger.stop()
    assert all(task.done() and task.exception() is None for task in recording)
    await ledger.stop()
    assert list(read_entries(store_url)) == entries


async def test_a_caller_that_gives_up_waiting_does_not_stop_the_others(
    store_url: str, ledger: SqlLedger
) -> None:
    impatient = asyncio.ensure_future(ledger.record(ENTRY))
    patient = asyncio.ensure_future(ledger.record(replace(ENTRY, id="req_2")))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert {entry.id for entry in read_entries(store_url)} == {"req_1", "req_2"}


async def test_faults_are_store_errors_that_name_the_place(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(StoreError, match="no ledger there"):
        list(read_entries(tmp_path / "none.db"))
    with pytest.raises(StoreError, match=r"ledger\.db"):
        list(read_entries(path))
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/books") as raised:
        list(read_entries("postgresql://me:s3cr3t@127.0.0.1:1/books"))
    assert "s3cr3t" not in str(raised.value)


async def test_a_doubled_id_is_refused_counts_once_and_later_entries_still_land(
    store_url: str, ledger: SqlLedger
) -> None:
    await ledger.record(ENTRY)
    with pytest.raises(StoreError):
        await ledger.record(ENTRY)
    second = replace(ENTRY, id="req_2")
    ends = await asyncio.gather(
        *map(ledger.record, [ENTRY, second, second]), return_exceptions=True
    )
    assert [type(end) for end in ends] == [StoreError, type(None), StoreError]
    assert len(list(read_entries(store_url))) == 2
    assert await tallies(store_url) == sums([ENTRY, second])


async def test_one_entry_that_cannot_be_written_takes_no_other_with_it(
    store_url: str, ledger: SqlLedger
) -> None:
    huge = replace(ENTRY, id="huge", attempts=(replace(ATTEMPT, usage=Usage(input=2**70)),))
    entries = [replace(ENTRY, id="a"), huge, replace(ENTRY, id="b")]
    ends = await asyncio.gather(*map(ledger.record, entries), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), StoreError, type(None)]
    await ledger.record(replace(ENTRY, id="c"))
    assert {entry.id for entry in read_entries(store_url)} == {"a", "b", "c"}


@given(text=st.text(min_size=1) | st.just("\ud800\0"))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_entry_is_lost_over_the_odd_words_of_an_upstream(store_url: str, text: str) -> None:
    tried = replace(BARE, reason=text, billed_as=text, model=text)
    entry = replace(ENTRY, plan_why=text, attempts=(tried,))

    async def written() -> Entry | None:
        store, ledger = await opened(store_url)
        await store.write(emptied)
        await ledger.record(entry)
        found = await ledger.find(entry.id)
        assert await ledger.label(entry.id, Outcome(right=True, source=text))
        await store.stop()
        return found

    found = asyncio.run(written())
    assert found is not None
    whole = text.isascii() and "\0" not in text
    assert not whole or found == entry
    assert len(found.attempts[0].reason) == len(text)


async def test_of_a_model_s_id_no_more_is_written_than_an_index_can_hold(
    store_url: str, ledger: SqlLedger
) -> None:
    endless = replace(BARE, model=10**6 * "x", billed_as=10**6 * "y")
    await ledger.record(replace(ENTRY, attempts=(endless,)))
    (found,) = read_entries(store_url)
    assert found.attempts == (replace(BARE, model=200 * "x", billed_as=200 * "y"),)


async def test_an_entry_takes_the_place_of_the_one_that_counted_it_as_lost(
    store_url: str, ledger: SqlLedger
) -> None:
    lost = replace(
        ENTRY,
        route="unknown",
        attempts=(replace(ATTEMPT, state="lost"),),
        state="lost",
        baselines=(),
    )
    other = replace(lost, id="req_2")
    for entry in (lost, other):
        await ledger.record(entry)
    await ledger.label("req_1", Outcome(right=True))
    told = replace(ENTRY, outcome=Outcome(right=True))
    await ledger.record(ENTRY)
    assert await ledger.find("req_1") == told
    assert await tallies(store_url) == sums([told, other])
    for again in (ENTRY, lost, other):
        with pytest.raises(StoreError):
            await ledger.record(again)
    assert await tallies(store_url) == sums([told, other])


async def test_what_was_set_aside_is_settled_with_the_entries_or_not_at_all(
    store_url: str,
) -> None:
    def settle(connection: Connection, entries: Sequence[Entry]) -> None:
        for entry in entries:
            connection.execute(insert(tables.server).values(id=entry.id, seen_at=0.0))
            if entry.id == "bad":
                raise StoreError("no such reservation")

    store = Store(store_url)
    await store.start()
    ledger = SqlLedger(store, settle=settle)
    entries = [replace(ENTRY, id=id) for id in ("a", "bad", "b")]
    ends = await asyncio.gather(*map(ledger.record, entries), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), StoreError, type(None)]
    settled = await store.read(lambda c: set(c.scalars(select(tables.server.c.id))))
    await store.stop()
    assert settled == {"a", "b"} == {entry.id for entry in read_entries(store_url)}


async def test_idle_time_adds_up_by_day_and_without_a_price_counts_as_unpriced(
    store_url: str,
) -> None:
    store, ledger = await opened(store_url)
    for nano in (5, None, 7):
        await ledger.note_idle(3, "t1", up_s=10, busy_s=4, idle_joules=2.5, idle_nano=nano)
    await ledger.note_idle(4, "t1", up_s=1, busy_s=1, idle_joules=0, idle_nano=0)
    rows = await store.read(lambda c: [tuple(row) for row in c.execute(select(tables.idle_tally))])
    await store.stop()
    assert sorted(rows) == [(3, "t1", 30, 12, 7.5, 12, 6), (4, "t1", 1, 1, 0, 0, 0)]


def test_no_text_of_prompts_or_answers_is_stored() -> None:
    columns = set(tables.entry.columns.keys()) | set(tables.attempt.columns.keys())
    assert not columns & {"text", "messages", "prompt", "answer", "draft"}


async def test_an_entry_that_is_lost_is_counted_logged_and_does_not_stop_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Entry] = []
    lost: list[Entry] = []
    closed = SqlLedger(Store(Path("x.db")))
    tee = Tee(closed, readers=[seen.append], lost=[lost.append])
    with caplog.at_level("ERROR", logger="rungwise"):
        await tee.record(ENTRY)
    assert seen == lost == [ENTRY]
    assert "is not open" in caplog.text and ENTRY.id in caplog.text


# ---- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["we?ird#.db", "a%20b.db", "c d&mode=rwc.db", "?", "é.db"])
def test_a_name_that_means_something_in_an_address_is_only_a_name(
    tmp_path: Path, name: str
) -> None:
    async def write() -> None:
        store, ledger = await opened(tmp_path / name)
        await ledger.record(ENTRY)
        await store.stop()

    asyncio.run(write())
    assert [found.id for found in read_entries(tmp_path / name)] == ["req_1"]
    beside = ("", "-wal", "-shm")  # what SQLite puts there itself
    assert {path.name for path in tmp_path.iterdir()} <= {name + more for more in beside}
