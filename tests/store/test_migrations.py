"""A database of an older release is read as it is, and brought up to date where it is opened."""

import asyncio
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import MetaData

from rungwise.errors import StoreError
from rungwise.ledger.rows import attempt_row, entry_row
from rungwise.ledger.sql import SqlLedger, read_entries
from rungwise.ledger.tally import tally
from rungwise.store import tables
from rungwise.store.migrate import NEWEST
from rungwise.store.place import url_of
from rungwise.store.sql import Store
from rungwise.store.tables import TABLES
from rungwise.types import Entry, Outcome
from tests.ledger.steps import Kept, entries, kept, sums
from tests.ledger.test_sql import ENTRY, PLANNED

pytestmark = pytest.mark.anyio

FIRST = """
create table entry (
    id text primary key, at real not null, caller text not null, route text not null,
    step_type text not null, plan_why text not null, state text not null, tier text,
    stream integer not null, first_byte_s real, latency_s real not null, cost_nano integer,
    outcome_right integer, outcome_source text
);
create index entry_at on entry (at);
create table attempt (
    entry_id text not null references entry (id), rung integer not null, tier text not null,
    model text not null, state text not null, reason text not null, fault text,
    started_s real not null, first_piece_s real, ended_s real not null, input integer not null,
    cache_read integer not null, cache_write_5m integer not null,
    cache_write_1h integer not null, output integer not null, reasoning integer not null,
    estimated integer not null, cost_nano integer, engine_s real, probability real,
    calibration text, readings text not null,
    primary key (entry_id, rung)
);
"""
SECOND = """
alter table attempt add column role text not null default 'draft';
alter table attempt add column threshold real;
pragma user_version = 2;
"""
THIRD = 27
"""Columns of an attempt, up to the fifth revision."""
OLD = [
    replace(
        ENTRY,
        baselines=(),
        rungs=(),
        attempts=tuple(
            replace(a, joules=None, billed_as=None, uncached_nano=None, fingerprint=None)
            for a in ENTRY.attempts
        ),
    )
]


def old_file(path: Path, *, version: int = 2, holding: Sequence[Entry] = ()) -> Path:
    """A file as the first (0) or the second (2) release wrote it."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST)
        width = 22
        if version == 2:
            db.executescript(SECOND)
            width = 24
        for entry in holding:
            row = entry_row(entry)[:14]
            db.execute(f"insert into entry values ({', '.join('?' * 14)})", row)
            for rung, attempt in enumerate(entry.attempts):
                tried = attempt_row(entry.id, rung, attempt)[:width]
                db.execute(f"insert into attempt values ({', '.join('?' * width)})", tried)
        db.commit()
    return path


def schema(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("select sql from sqlite_master order by name")]


async def held(path: Path) -> Kept:
    """The tallies of a file that is opened for it."""
    store = Store(path)
    await store.start()
    try:
        return await store.read(kept)
    finally:
        await store.stop()


# ---- new databases ---------------------------------------------------------------------------


async def test_the_steps_lead_to_just_the_tables_that_the_rooms_are_written_on(
    store_url: str,
) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    store = Store(store_url)
    await store.start()
    how = {"compare_server_default": True}
    differences = await store.read(
        lambda connection: compare_metadata(
            MigrationContext.configure(connection, opts=how), TABLES
        )
    )
    await store.stop()
    assert differences == []


def test_the_newest_step_is_the_one_that_the_store_asks_for() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "rungwise.store:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


async def test_two_servers_may_start_on_a_new_database_at_once(store_url: str) -> None:
    stores = [Store(store_url) for _ in range(4)]
    await asyncio.gather(*(store.start() for store in stores))
    for store in stores:
        assert await store.read(kept) == sums([])
        await store.stop()


def test_a_database_that_is_up_to_date_is_opened_without_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom rungwise.store.sql import Store\n"
        f"store = Store(Path({str(tmp_path / 's.db')!r}))\n"
        "async def main():\n    await store.start()\n    await store.stop()\n"
        "asyncio.run(main())\nprint('alembic' in sys.modules)\n"
    )
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [ended.stdout.strip() for ended in said] == ["True", "False"]


def test_the_wheel_carries_the_steps(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    root = Path(__file__).parents[2]
    (wheel,) = WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    carried = set(zipfile.ZipFile(wheel).namelist())
    steps = (root / "src/rungwise/store/migrations").rglob("*.py")
    assert {str(step.relative_to(root / "src")) for step in steps} <= carried


# ---- older files -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2])
async def test_an_older_file_keeps_its_rows_and_takes_new_ones(
    tmp_path: Path, version: int
) -> None:
    bare = replace(OLD[0], attempts=tuple(replace(a, threshold=None) for a in OLD[0].attempts))
    path = old_file(tmp_path / "l.db", version=version, holding=[bare])
    before = schema(path)
    assert list(read_entries(path)) == [bare] and schema(path) == before, "only looked at"
    new = replace(ENTRY, id="req_2", at=2000.0)
    for _ in range(2):  # and the second start finds nothing to do
        store = Store(path)
        await store.start()
        assert await SqlLedger(store).find(bare.id) == bare
        await store.stop()
    await store.start()
    await SqlLedger(store).record(new)
    assert await store.read(kept) == sums([bare, new])
    await store.stop()
    assert list(read_entries(path)) == [bare, new]


@given(holding=entries(old=True))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_tallies_of_an_older_file_are_filled_from_its_rows(
    tmp_path: Path, holding: list[Entry]
) -> None:
    path = tmp_path / "l.db"
    for left in tmp_path.iterdir():
        left.unlink()
    old_file(path, holding=holding)

    lately = max((entry.at for entry in holding), default=0.0) - 14 * 86400
    slots = sums([entry for entry in holding if entry.at >= lately])
    drawn = {name: slots[name] for name in ("slot_tally", "slot_latency")}
    assert asyncio.run(held(path)) == {**sums(holding), **drawn}, "slots of two weeks"
    assert list(read_entries(path)) == sorted(holding, key=lambda e: (e.at, e.id))


def third_file(path: Path, holding: Sequence[Entry]) -> Path:
    """A file as the third release wrote it."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine

    config = Config()
    config.set_main_option("script_location", "rungwise.store:migrations")
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
    engine.dispose()
    with closing(sqlite3.connect(path)) as db:
        for entry in holding:
            db.execute(f"insert into entry values ({', '.join('?' * 15)})", entry_row(entry)[:15])
            for rung, attempt in enumerate(entry.attempts):
                tried = attempt_row(entry.id, rung, attempt)[:THIRD]
                db.execute(f"insert into attempt values ({', '.join('?' * THIRD)})", tried)
        db.commit()
    return path


async def test_a_file_from_before_routing_is_read_as_it_is_and_then_brought_up_to_date(
    tmp_path: Path,
) -> None:
    unprinted = tuple(replace(a, fingerprint=None) for a in ENTRY.attempts)
    told = replace(ENTRY, rungs=(), attempts=unprinted)
    path = third_file(tmp_path / "l.db", [told])
    before = schema(path)
    assert list(read_entries(path)) == [told] and schema(path) == before, "only looked at"
    store = Store(path)
    await store.start()
    await SqlLedger(store).record(replace(PLANNED, id="req_2", at=2000.0))
    await store.stop()
    assert list(read_entries(path)) == [told, replace(PLANNED, id="req_2", at=2000.0)]


async def test_drafts_that_were_judged_before_are_counted_when_a_ledger_is_brought_up_to_date(
    store_url: str,
) -> None:
    """As new ones are, also of the end of a day."""
    given = replace(ENTRY.attempts[0], state="released", threshold=0.5)
    unasked = replace(given, threshold=None)
    asked = replace(given, role="judge", state="asked")
    holding = [
        replace(OLD[0], id=f"old_{n}", at=at, attempts=(attempt,))
        for n, (at, attempt) in enumerate(product((0.0, 86399.9), (given, unasked, asked)))
    ] + OLD

    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, insert

    config = Config()
    config.set_main_option("script_location", "rungwise.store:migrations")
    engine = create_engine(url_of(store_url))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        names = tables.entry.c.keys()[:15]
        rows = [dict(zip(names, entry_row(e), strict=False)) for e in holding]
        connection.execute(insert(tables.entry), rows)
        names = tables.attempt.c.keys()[:THIRD]
        tried = [attempt_row(e.id, 0, e.attempts[0]) for e in holding]
        rows = [dict(zip(names, row[:THIRD], strict=True)) for row in tried]
        connection.execute(insert(tables.attempt), rows)
    engine.dispose()
    store = Store(store_url)
    await store.start()
    found = await store.read(kept)
    await store.stop()
    assert found["judged_tally"] == {(0, "t1", 3, 1)} == sums(holding)["judged_tally"]


async def test_a_ledger_from_before_outcomes_comes_up_with_all_that_it_adds_up_to(
    store_url: str,
) -> None:
    """Tallies and outcomes of 0004, in both databases: what is said later goes on from there."""
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, insert

    doubted = OLD[0].attempts[0]
    attempts = (doubted, replace(doubted, tier="t2", state="released", ended_s=0.9))
    early = replace(doubted, reason="stopped early: p .1")
    holding = [
        replace(PLANNED, id="req_1", at=1.7e9, attempts=attempts),
        replace(PLANNED, id="req_2", at=1.7e9 + 1, attempts=(early, *attempts[1:])),
        replace(PLANNED, id="req_3", at=1.7e9 + 301, outcome=Outcome(right=True)),
        replace(PLANNED, id="req_4", at=1.7e9, outcome=Outcome(right=False, source="checker")),
        replace(PLANNED, id="req_5", at=1.7e9, first_byte_s=None, latency_s=1e-7),
        replace(
            PLANNED,
            id="req_6",
            at=1.7e9,
            attempts=(replace(attempts[1], cost_nano=7),),
            outcome=Outcome(right=True),
        ),
    ]
    config = Config()
    config.set_main_option("script_location", "rungwise.store:migrations")
    engine = create_engine(url_of(store_url))
    added = dict(tally(holding))
    # at that time neither right ones with a price nor when answers began were added up
    added["step_tally"] = tuple(row[:-1] for row in added["step_tally"])
    added["latency_tally"] = tuple(row[:-1] for row in added["time_tally"] if row[-2])
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        old = MetaData()
        old.reflect(connection)
        for name in ("step", "rung", "latency", "baseline", "shadow", "judged"):
            table = old.tables[f"{name}_tally"]
            names = table.c.keys()
            rows = [dict(zip(names, row, strict=True)) for row in added[table.name]]
            connection.execute(insert(table), rows)
        names = tables.entry.c.keys()[:20]
        rows = [dict(zip(names, entry_row(e), strict=False)) for e in holding]
        connection.execute(insert(old.tables["entry"]), rows)
        names = tables.attempt.c.keys()[:THIRD]
        for entry in holding:
            for rung, attempt in enumerate(entry.attempts):
                tried = attempt_row(entry.id, rung, attempt)[:THIRD]
                row = dict(zip(names, tried, strict=True))
                connection.execute(insert(old.tables["attempt"]), row)
    engine.dispose()
    store = Store(store_url)
    await store.start()
    ledger = SqlLedger(store)
    assert await store.read(kept) == sums(holding)
    assert await ledger.label("req_4", Outcome(right=False, source="checker"))
    assert await store.read(kept) == sums(holding), "it had said so"
    await ledger.label("req_4", Outcome(right=True, source="checker"))
    await ledger.label("req_3", Outcome(right=False, source="audit"))
    holding[3] = replace(holding[3], outcome=Outcome(right=True, source="checker"))
    late = await store.read(kept)
    await store.stop()
    assert {**late, "audit_tally": frozenset()} == sums(holding), "the caller is believed"


def test_two_processes_may_open_an_older_file_at_once(tmp_path: Path) -> None:
    path = old_file(tmp_path / "l.db", holding=OLD)
    code = (
        "import asyncio\nfrom pathlib import Path\nfrom rungwise.store.sql import Store\n"
        f"store = Store(Path({str(path)!r}))\n"
        "async def main():\n    await store.start()\n    await store.stop()\n"
        "asyncio.run(main())\n"
    )
    children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert asyncio.run(held(path)) == sums(OLD)


async def test_a_step_that_fails_leaves_an_older_file_as_it_was(tmp_path: Path) -> None:
    path = old_file(tmp_path / "l.db", holding=OLD)
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table repeat (what text)")  # the last step will find it in its way
    before = schema(path)
    with pytest.raises(StoreError, match=r"l\.db: .*repeat"):
        await Store(path).start()
    assert schema(path) == before
    assert list(read_entries(path)) == OLD


# ---- later releases --------------------------------------------------------------------------


async def test_a_database_of_a_later_release_is_refused_and_left_alone(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    await store.write(
        lambda c: c.exec_driver_sql("update alembic_version set version_num = '0099'")
    )
    await store.stop()
    with pytest.raises(StoreError, match=rf".*revision 0099.*knows {NEWEST}.*newer rungwise"):
        await store.start()


async def test_a_file_of_an_unknown_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = old_file(tmp_path / "l.db", holding=OLD)
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma user_version = 99")
    before = schema(path)
    with pytest.raises(StoreError, match=r"l\.db: .*version 99.*ledger\.path"):
        await Store(path).start()
    assert schema(path) == before


async def test_earlier_releases_are_told_that_the_file_is_not_theirs(tmp_path: Path) -> None:
    for path in (old_file(tmp_path / "old.db", holding=OLD), tmp_path / "new.db"):
        store = Store(path)
        await store.start()
        await store.stop()
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("pragma user_version").fetchone() == (3,), "they know 2"
