"""What was recorded can be read back, whole, once, and only with its outcome."""

import asyncio
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.errors import StoreError
from rungwise.ledger.sql import SqliteLedger, check_file, read_entries
from rungwise.ledger.tee import Tee
from rungwise.types import (
    Attempt,
    Confidence,
    Entry,
    Outcome,
    Reading,
    StepType,
    Usage,
)

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
    engine_s=0.05,
    threshold=0.9,
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
)


async def opened(path: Path) -> SqliteLedger:
    ledger = SqliteLedger(path)
    await ledger.start()
    return ledger


async def test_an_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a" / "ledger.db"
    ledger = await opened(path)
    await ledger.record(ENTRY)
    assert list(read_entries(path)) == [ENTRY], "readable while the server has it open"
    assert await ledger.settle("req_1", Outcome(right=True, source="checker"))
    assert not await ledger.settle("req_2", Outcome(right=True))
    await ledger.stop()
    assert list(read_entries(path)) == [
        replace(ENTRY, outcome=Outcome(right=True, source="checker"))
    ]


async def test_evidence_on_a_draft_comes_back_with_its_role(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await opened(path)
    outrun = replace(BARE, state="outrun", threshold=None)
    entry = replace(ENTRY, attempts=(ATTEMPT, JUDGED, outrun, BARE))
    await ledger.record(entry)
    await ledger.stop()
    assert list(read_entries(path)) == [entry]


async def test_an_entry_is_found_by_its_id_with_what_was_said_of_it(tmp_path: Path) -> None:
    ledger = await opened(tmp_path / "ledger.db")
    await asyncio.gather(ledger.record(ENTRY), ledger.record(replace(ENTRY, id="req_2")))
    assert await ledger.find("req_1") == ENTRY
    assert await ledger.find("req_") is None
    await ledger.settle("req_2", Outcome(right=False))
    told = await ledger.find("req_2")
    assert told == replace(ENTRY, id="req_2", outcome=Outcome(right=False))
    tee = Tee(ledger, readers=[])
    assert await tee.find("req_1") == ENTRY and await tee.find("") is None
    await ledger.stop()
    with pytest.raises(StoreError, match="not open"):
        await tee.find("req_1")


async def test_many_at_once_are_all_written_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await opened(path)
    entries = [replace(ENTRY, id=f"req_{i}", at=float(i)) for i in range(500)]
    await asyncio.gather(*(ledger.record(entry) for entry in entries))
    await ledger.stop()
    assert list(read_entries(path)) == entries
    assert len(list(read_entries(path, since=400.0))) == 100


async def test_a_caller_that_gives_up_waiting_does_not_stop_the_others(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await opened(path)
    impatient = asyncio.ensure_future(ledger.record(ENTRY))
    patient = asyncio.ensure_future(ledger.record(replace(ENTRY, id="req_2")))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    await ledger.stop()
    assert {entry.id for entry in read_entries(path)} == {"req_1", "req_2"}


async def test_faults_are_store_errors_that_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(StoreError, match=r"ledger\.db"):
        await opened(path)
    with pytest.raises(StoreError, match="not open"):
        await SqliteLedger(tmp_path / "x.db").record(ENTRY)
    with pytest.raises(StoreError, match="no ledger there"):
        list(read_entries(tmp_path / "none.db"))
    with pytest.raises(StoreError, match=r"ledger\.db"):
        list(read_entries(path))


async def test_a_doubled_id_is_refused_and_later_entries_still_land(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await opened(path)
    await ledger.record(ENTRY)
    with pytest.raises(StoreError):
        await ledger.record(ENTRY)
    await ledger.record(replace(ENTRY, id="req_2"))
    await ledger.stop()
    assert len(list(read_entries(path))) == 2


async def test_no_text_of_prompts_or_answers_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await opened(path)
    await ledger.stop()
    columns = {
        row[1]
        for table in ("entry", "attempt")
        for row in sqlite3.connect(path).execute(f"pragma table_info({table})")
    }
    assert not columns & {"text", "messages", "prompt", "answer", "draft"}


async def test_one_entry_that_cannot_be_written_takes_no_other_with_it(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "l.db")
    await ledger.start()
    huge = replace(ENTRY, id="huge", attempts=(replace(ATTEMPT, usage=Usage(input=2**70)),))
    half = replace(ENTRY, id="half", attempts=(replace(ATTEMPT, reason="\ud800"),))
    entries = [replace(ENTRY, id="a"), huge, half, replace(ENTRY, id="b")]
    ends = await asyncio.gather(*map(ledger.record, entries), return_exceptions=True)
    assert [type(end) for end in ends] == [type(None), StoreError, StoreError, type(None)]
    await ledger.record(replace(ENTRY, id="c"))
    await ledger.stop()
    assert {entry.id for entry in read_entries(tmp_path / "l.db")} == {"a", "b", "c"}


async def test_an_entry_that_is_lost_is_counted_logged_and_does_not_stop_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing(SqliteLedger):
        async def record(self, entry: Entry) -> None:
            raise StoreError("disk full")

    seen: list[Entry] = []
    lost: list[None] = []
    tee = Tee(Failing(Path("x")), readers=[seen.append], lost=lambda: lost.append(None))
    with caplog.at_level("ERROR", logger="rungwise"):
        await tee.record(ENTRY)
    assert seen == [ENTRY] and len(lost) == 1
    assert "disk full" in caplog.text and ENTRY.id in caplog.text


# ---- files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["we?ird#.db", "a%20b.db", "c d&mode=rwc.db", "?", "é.db"])
def test_a_name_that_means_something_in_an_address_is_only_a_name(
    tmp_path: Path, name: str
) -> None:
    async def write() -> None:
        ledger = await opened(tmp_path / name)
        await ledger.record(ENTRY)
        await ledger.stop()

    asyncio.run(write())
    assert [found.id for found in read_entries(tmp_path / name)] == ["req_1"]
    check_file(tmp_path / name)
    beside = ("", "-wal", "-shm")  # what SQLite puts there itself
    assert {path.name for path in tmp_path.iterdir()} <= {name + more for more in beside}


def test_a_file_that_can_be_made_is_not_made_by_looking(tmp_path: Path) -> None:
    check_file(tmp_path / "x.db")
    check_file(tmp_path / "new" / "folder" / "x.db")
    (tmp_path / "empty.db").touch()
    check_file(tmp_path / "empty.db")
    assert [p.name for p in tmp_path.iterdir()] == ["empty.db"]


def test_what_stands_against_a_file_is_named_with_it(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"no database at all " * 100)
    for path, said in (
        (tmp_path, "is no file"),
        (garbage, "not a database"),
        (garbage / "x.db", "is no folder"),
        (tmp_path / ("x" * 300), "too long"),
    ):
        with pytest.raises(StoreError, match=said) as raised:
            check_file(path)
        assert str(raised.value).startswith(f"{path}: ") and "ledger.path" in str(raised.value)


def test_a_file_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # a double: root may write anywhere
    with pytest.raises(StoreError, match="permissions"):
        check_file(tmp_path / "x.db")
