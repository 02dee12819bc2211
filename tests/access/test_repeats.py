"""Is a request under one Idempotency-Key answered once, and never billed twice?"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from rungwise.access.repeats import KEPT_S, MOST_CHARS, StoredRepeats
from rungwise.errors import RepeatDiffers, RepeatOpen, RepeatSpent, StoreError
from rungwise.store.sql import Store
from rungwise.store.tables import repeat
from rungwise.types import Chat, Message, Piece, Remembered, StepType, Wish
from tests.access.accounts import AT, LOCAL, Account, account, bids, capped, ended, tried

pytestmark = pytest.mark.anyio

ANSWER = Remembered(
    id="a", tier="tier1", model="m", step_type=StepType.PLANNING, pieces=(Piece("hello"),)
)


class Time:
    now = AT

    def __call__(self) -> float:
        return self.now


def chat(text: str = "hi", *, key: str = "k", tenant: str = "ci") -> Chat:
    return Chat(messages=(Message(role="user", text=text),), wish=Wish(once=key), tenant=tenant)


def repeats(books: Account, time: Time | None = None, **more: Any) -> StoredRepeats:
    return StoredRepeats(
        books.store,
        server=books.lease.id,
        local=LOCAL,
        fingerprint=lambda chat: chat.messages[0].text,
        unix=time or Time(),
        **more,
    )


@pytest.fixture
async def books(store_url: str) -> AsyncIterator[Account]:
    async with account(store_url) as made:
        yield made


async def reserve(books: Account, id: str, *nanos: int) -> None:
    await books.purse.reserve(id, capped(1000), bids(*nanos), most_nano=None)


async def test_the_first_is_answered_and_the_second_is_given_that_answer(books: Account) -> None:
    kept = repeats(books)
    assert await kept.begin(chat(), "a") is None
    await kept.end(chat(), ANSWER, billed=True)
    assert await kept.begin(chat(), "b") == ANSWER
    assert await repeats(Account(books.store)).begin(chat(), "c") == ANSWER, "by any server"


async def test_keys_are_each_caller_s_own(books: Account) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    assert await kept.begin(chat("other", tenant="cd"), "b") is None
    assert await kept.begin(chat("other", key="k2"), "c") is None


async def test_another_request_under_the_same_key_is_refused(books: Account) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    with pytest.raises(RepeatDiffers) as caught:
        await kept.begin(chat("other"), "b")
    assert caught.value.param == "idempotency-key"
    await kept.end(chat(), ANSWER, billed=True)
    with pytest.raises(RepeatDiffers):
        await kept.begin(chat("other"), "b")


async def test_while_the_first_is_being_answered_the_second_is_told_so(books: Account) -> None:
    kept = repeats(books)
    begun = await asyncio.gather(
        *(kept.begin(chat(), f"a{n}") for n in range(5)), return_exceptions=True
    )
    assert [type(end) for end in begun] == [type(None), *[RepeatOpen] * 4]


@pytest.mark.parametrize(
    ("costs", "free"),
    [({"local": 9}, True), ({"tier1": 0}, True), ({"tier1": 5}, False), ({"tier1": None}, False)],
)
async def test_without_an_answer_the_key_is_free_again_unless_something_was_billed(
    books: Account, costs: dict[str, int | None], free: bool
) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    await reserve(books, "a", 0, 60)
    await books.ledger.record(ended("a", [tried(tier, cost) for tier, cost in costs.items()]))
    await kept.end(chat(), None, billed=True)
    if free:
        assert await kept.begin(chat("other"), "b") is None
    else:
        with pytest.raises(RepeatSpent, match=r"\(a\) may have been billed"):
            await kept.begin(chat(), "b")


async def test_what_is_not_settled_yet_counts_as_billed(books: Account) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    await reserve(books, "a", 0, 60)
    await kept.end(chat(), None, billed=True)
    with pytest.raises(RepeatSpent):
        await kept.begin(chat(), "b")


async def test_what_cannot_have_been_billed_is_free_at_once(books: Account) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    await kept.end(chat(), None, billed=False)
    assert await kept.begin(chat(), "b") is None


@pytest.mark.parametrize("paid", [True, False])
async def test_a_claim_of_a_server_that_died_is_spent_or_free(books: Account, paid: bool) -> None:
    dead = Account(books.store)
    await dead.lease.renew()
    await repeats(dead).begin(chat(), "a")
    await dead.purse.reserve("a", capped(1000), bids(0, 60 if paid else 0), most_nano=None)
    kept = repeats(books)
    with pytest.raises(RepeatOpen):
        await kept.begin(chat(), "b")
    await books.lease.renew()
    books.now += 60.0
    await books.purse.put_in_order()
    if paid:
        with pytest.raises(RepeatSpent):
            await kept.begin(chat(), "b")
    else:
        assert await kept.begin(chat(), "b") is None
        with pytest.raises(RepeatOpen, match=r"\(b\)"):
            await kept.begin(chat(), "c")


async def test_after_a_day_the_key_is_free_and_its_row_is_gone(books: Account) -> None:
    time = Time()
    kept = repeats(books, time)
    await kept.begin(chat(key="old"), "a")
    await kept.end(chat(key="old"), ANSWER, billed=True)
    time.now += KEPT_S
    assert await kept.begin(chat(key="old"), "b") == ANSWER
    time.now += 1
    assert await kept.begin(chat("other", key="old"), "c") is None
    assert await kept.begin(chat(key="new"), "d") is None
    count = select(func.count()).select_from(repeat)
    assert await books.store.read(lambda c: c.scalar(count)) == 2


async def test_an_answer_that_cannot_be_read_is_none(books: Account) -> None:
    kept = repeats(books)
    await kept.begin(chat(), "a")
    await kept.end(chat(), ANSWER, billed=True)

    def spoil(connection: Connection) -> None:
        connection.execute(update(repeat).values(answer="{"))

    await books.store.write(spoil)
    with pytest.raises(RepeatSpent):
        await kept.begin(chat(), "b")


async def test_what_cannot_be_claimed_is_not_answered(tmp_path: Any) -> None:
    kept = repeats(Account(Store(tmp_path / "closed.db")))
    with pytest.raises(StoreError):
        await kept.begin(chat(), "a")
    await kept.end(chat(), replace(ANSWER), billed=True)  # and this one only tells the log
    await kept.stop()


# ---- a database that takes no writes at the end of an answer ----------------------------------


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """By another process, as far as the store can tell."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        yield
        other.execute("rollback")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rungwise.store.sqlite._BUSY_MS", 20)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("stopped", [False, True])
async def test_what_cannot_be_kept_at_once_is_kept_once_the_database_is_well(
    tmp_path: Path, stopped: bool
) -> None:
    path = tmp_path / "store.db"
    async with account(f"sqlite:///{path}") as books:
        kept = repeats(books, every_s=60.0 if stopped else 0.01)
        for id in ("answered", "spent", "free"):
            assert await kept.begin(chat(key=id), id) is None
        with locked(path):
            await kept.end(chat(key="answered"), ANSWER, billed=True)
            await kept.end(chat(key="spent"), None, billed=True)
            await kept.end(chat(key="free"), None, billed=False)
        with pytest.raises(RepeatOpen):
            await kept.begin(chat(key="spent"), "b")
        if stopped:
            await kept.stop()
        else:
            while kept._owed:
                await asyncio.sleep(0.01)
        assert await kept.begin(chat(key="answered"), "b") == ANSWER
        with pytest.raises(RepeatSpent):
            await kept.begin(chat(key="spent"), "b")
        assert await kept.begin(chat(key="free"), "b") is None


async def test_an_answer_too_long_to_keep_is_not_there_the_second_time(books: Account) -> None:
    kept = repeats(books)
    long = replace(ANSWER, pieces=(Piece(MOST_CHARS * "x"),))
    await kept.begin(chat(), "a")
    await reserve(books, "a", 0, 60)
    await kept.end(chat(), long, billed=True)
    with pytest.raises(RepeatSpent):
        await kept.begin(chat(), "b")
