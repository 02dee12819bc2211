"""A store keeps what it said it kept, in order, on SQLite and on PostgreSQL."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from rungwise.errors import CallerError, StoreError
from rungwise.store.database import Database
from rungwise.store.postgres import _LOCK
from rungwise.store.sql import Store
from rungwise.store.tables import server, spending

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[Store]:
    store = Store(store_url)
    await store.start()
    yield store
    await store.stop()


def put(id: str, at: float = 0.0) -> Callable[[Connection], str]:
    def job(connection: Connection) -> str:
        connection.execute(insert(server).values(id=id, seen_at=at))
        return id

    return job


def names(connection: Connection) -> list[str]:
    return list(connection.scalars(select(server.c.id).order_by(server.c.seen_at, server.c.id)))


async def test_what_was_written_is_read_and_outlives_the_store(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    assert await store.write(put("a")) == "a"
    assert await store.read(names) == ["a"]
    await store.stop()
    again = Store(store_url)
    await again.start()
    assert await again.read(names) == ["a"]
    await again.stop()


async def test_what_arrives_together_shares_a_transaction_in_the_order_it_came(
    store: Store,
) -> None:
    def moment(number: int) -> Callable[[Connection], tuple[int, int]]:
        def job(connection: Connection) -> tuple[int, int]:
            put(f"{number:03}")(connection)
            return id(connection.get_transaction()), len(names(connection))

        return job

    ends = await asyncio.gather(*(store.write(moment(number)) for number in range(50)))
    assert len({transaction for transaction, _ in ends}) == 1
    assert [seen for _, seen in ends] == list(range(1, 51))


async def test_a_job_that_raises_takes_nothing_with_it_and_is_heard_as_it_is(
    store: Store,
) -> None:
    def spoilt(connection: Connection) -> None:
        put("spoilt")(connection)
        raise CallerError("not this one")

    jobs = [put("a"), spoilt, put("a"), put("b"), lambda c: put("x" + chr(0xD800))(c), put("c")]
    ends = await asyncio.gather(*map(store.write, jobs), return_exceptions=True)
    assert [type(end) for end in ends] == [str, CallerError, StoreError, str, StoreError, str]
    assert await store.read(names) == ["a", "b", "c"]
    assert store.fault is None, "the database is well"


def put_all(connection: Connection, ids: Sequence[str]) -> Sequence[int]:
    """One statement for all; which fails for all where one of them is there already."""
    connection.execute(insert(server), [{"id": id, "seen_at": 0.0} for id in ids])
    return [len(ids)] * len(ids)


async def test_rows_that_wait_for_the_same_job_are_given_to_it_together(store: Store) -> None:
    rows = [f"{n:03}" for n in range(250)]
    told = await asyncio.gather(*(store.write_together(put_all, row) for row in rows))
    assert told == [200] * 200 + [50] * 50
    assert await store.read(names) == rows


async def test_a_row_that_cannot_be_written_takes_no_other_of_its_job_with_it(
    store: Store,
) -> None:
    await store.write(put("b"))
    ends = await asyncio.gather(
        *(store.write_together(put_all, row) for row in "abc"), return_exceptions=True
    )
    assert ends[0] == ends[2] == 1 and isinstance(ends[1], StoreError)
    assert sorted(await store.read(names)) == ["a", "b", "c"]
    assert store.fault is None


async def test_a_caller_that_gives_up_waiting_does_not_stop_the_others(store: Store) -> None:
    impatient = asyncio.ensure_future(store.write(put("a")))
    patient = asyncio.ensure_future(store.write(put("b")))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "b"
    assert await store.read(names) == ["a", "b"], "it was on its way"


async def test_stopping_ends_what_was_begun_and_takes_nothing_new(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    begun = [asyncio.ensure_future(store.write(put(f"{n:03}"))) for n in range(300)]
    await asyncio.sleep(0)
    await store.stop()
    assert len(await asyncio.gather(*begun)) == 300
    with pytest.raises(StoreError, match="is not open"):
        await store.write(put("late"))
    with pytest.raises(StoreError, match="is not open"):
        await store.read(names)
    await store.stop()
    await store.start()
    assert len(await store.read(names)) == 300, "it may be started again"
    await store.stop()


async def test_a_reader_sees_one_moment_and_cannot_write(store: Store) -> None:
    await store.write(put("a"))
    with pytest.raises(StoreError):
        await store.read(put("b"))
    loop = asyncio.get_running_loop()

    def between(connection: Connection) -> tuple[list[str], list[str]]:
        before = names(connection)
        asyncio.run_coroutine_threadsafe(store.write(put("c")), loop).result(10)
        return before, names(connection)

    assert await store.read(between) == (["a"], ["a"])
    assert await store.read(names) == ["a", "c"]


async def test_two_servers_add_up_what_each_read_first(store_url: str) -> None:
    """No update is lost, though each job reads the row and then writes it; nobody deadlocks."""
    keys = [{"caller": name, "of": "all", "window": "ever", "starts_at": 0} for name in "ab"]

    def more(order: int) -> Callable[[Connection], None]:
        def job(connection: Connection) -> None:
            for key in keys[::order]:
                row = spending.c.caller == key["caller"]
                now = connection.scalar(select(spending.c.spent).where(row))
                connection.execute(spending.update().where(row).values(spent=(now or 0) + 1))

        return job

    def make(connection: Connection) -> None:
        connection.execute(insert(spending), [key | {"spent": 0, "reserved": 0} for key in keys])

    stores = [Store(store_url), Store(store_url)]
    await asyncio.gather(*(store.start() for store in stores))
    await stores[0].write(make)

    async def often(store: Store, order: int) -> None:
        for _ in range(40):
            await asyncio.gather(*(store.write(more(order)) for _ in range(5)))

    await asyncio.gather(often(stores[0], 1), often(stores[1], -1))
    sums = await stores[0].read(lambda c: c.scalars(select(spending.c.spent)).all())
    for store in stores:
        await store.stop()
    assert list(sums) == [400, 400]


# ---- faults ----------------------------------------------------------------------------------


async def test_a_connection_that_is_lost_is_made_again_and_nothing_is_missing_or_doubled(
    postgres_url: str,
) -> None:
    store = Store(postgres_url)
    await store.start()
    cut = (
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where pid <> pg_backend_pid() and datname = current_database()"
    )
    for turn in range(20):
        others = Database(postgres_url)
        writing = asyncio.gather(*(store.write(put(f"{turn:02}-{n}")) for n in range(10)))
        await asyncio.sleep(0.002 * (turn % 5))
        with others.looking() as connection:
            connection.execute(text(cut))
        assert len(await writing) == 10
        assert len(await store.read(names)) == 10 * (turn + 1)
    await store.stop()


async def test_a_commit_that_was_heard_but_not_answered_is_not_made_twice(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    store = Store(postgres_url)
    await store.start()
    commit, turns = psycopg.Connection.commit, []

    def unheard(self: psycopg.Connection) -> None:
        turns.append(None)
        if len(turns) == 1:  # heard, and then the line is cut
            commit(self)
        if len(turns) <= 2:
            self.close()
        commit(self)

    monkeypatch.setattr(psycopg.Connection, "commit", unheard)
    await store.write(put("a"))
    await store.write(put("b"))  # its commit was not heard
    await store.write(put("c"))
    monkeypatch.undo()
    assert await store.read(names) == ["a", "b", "c"]
    await store.stop()


async def test_a_file_that_another_process_holds_is_a_fault_until_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.store.sqlite._BUSY_MS", 20)
    path = tmp_path / "s.db"
    store = Store(path)
    await store.start()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("begin immediate")
        for _ in range(2):
            ends = await asyncio.gather(
                *(store.write(put(name)) for name in "ab"), return_exceptions=True
            )
            assert [str(end) for end in ends] == [f"{path}: database is locked"] * 2
        assert store.fault == f"{path}: database is locked"
        assert await store.read(names) == [], "reading goes on"
        other.execute("rollback")
    other.close()
    assert await store.write(put("a")) == "a" and store.fault is None
    await store.stop()


async def test_a_start_waits_for_another_server_that_brings_the_database_up_to_date(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rungwise.store.sqlite._BUSY_MS", 20)
    monkeypatch.setattr("rungwise.store.postgres._SESSION", "set lock_timeout = '20ms'")
    first, second = Store(store_url), Store(store_url)
    await first.start()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        time.sleep(0.05)

    working = asyncio.ensure_future(first.write(slow))
    await begun.wait()
    await second.start()
    await working
    for store in (first, second):
        await store.stop()


async def test_a_server_that_hangs_in_its_turn_is_a_fault_until_it_lets_go(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr("rungwise.store.postgres._SESSION", "set lock_timeout = '50ms'")
    store = Store(postgres_url)
    await store.start()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(f"select pg_advisory_lock({_LOCK})".encode())
        with pytest.raises(StoreError, match="lock timeout"):
            await store.write(put("a"))
        assert store.fault is not None
        other.execute(f"select pg_advisory_unlock({_LOCK})".encode())
    assert await store.write(put("a")) == "a" and store.fault is None
    await store.stop()


async def test_what_stands_against_a_place_is_named_without_its_password(tmp_path: Path) -> None:
    garbage = tmp_path / "g.db"
    garbage.write_text("this is no database, and long enough to be seen as none" * 20)
    with pytest.raises(StoreError, match=r"g\.db: file is not a database"):
        await Store(garbage).start()
    with pytest.raises(StoreError, match=r"g\.db/x\.db: "):
        await Store(garbage / "x.db").start()
    address = "postgresql://me:s3cr%40t@127.0.0.1:1/books?application_name=s3cr@t&password=s3cr@t"
    store = Store(address)
    with pytest.raises(StoreError, match=r"postgresql://127\.0\.0\.1:1/books: .*") as raised:
        await store.start()
    error: BaseException | None = raised.value
    while error is not None:
        assert "s3cr" not in str(error)
        error = error.__cause__ or error.__context__
    with pytest.raises(StoreError, match="is not open"):
        await store.write(put("a"))
    await store.stop()


async def test_a_wrong_password_is_told_without_it(postgres_url: str) -> None:
    wrong = postgres_url.replace("rungwise@", "nobody_knows:s3cr3t@")
    with pytest.raises(StoreError, match="nobody_knows") as raised:
        await Store(wrong).start()
    assert "s3cr3t" not in str(raised.value)


async def test_an_older_spelling_of_the_address_is_understood(postgres_url: str) -> None:
    store = Store(postgres_url.replace("postgresql://", "postgres://"))
    await store.start()
    assert await store.read(lambda c: c.scalar(select(func.count()).select_from(server))) == 0
    await store.stop()
