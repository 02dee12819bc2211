"""Is a cap never passed, and is nothing set aside for ever? On SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rungwise.days import DAY_S
from rungwise.errors import StoreError
from rungwise.store.sql import Store
from rungwise.types import Attempt, Caller, Grant, Usage
from tests.access.accounts import AT, Account, account, bids, capped, ended, tried

pytestmark = pytest.mark.anyio


@pytest.fixture
async def books(store_url: str) -> AsyncIterator[Account]:
    async with account(store_url) as made:
        yield made


async def reserve(at: Account, id: str, caller: Caller, *nanos: int | None, **more: int) -> Grant:
    return await at.purse.reserve(id, caller, bids(*nanos), most_nano=more.get("most"))


async def test_the_worst_case_is_set_aside_and_what_it_cost_is_spent(books: Account) -> None:
    caller = capped(100)
    assert await reserve(books, "a", caller, 0, 60) == Grant(rungs=2)
    assert await books.books() == {("ci", "all", "month"): (0, 60)}
    assert (await reserve(books, "b", caller, 0, 60)).rungs == 1
    await books.ledger.record(ended("a", [tried("local", 7), tried("tier1", 25)]))
    assert await books.books() == {("ci", "all", "month"): (25, 0)}
    assert await reserve(books, "c", caller, 0, 60) == Grant(rungs=2)
    assert await books.open() == ["c"]


async def test_an_escalation_cap_counts_only_what_climbing_costs(books: Account) -> None:
    caller = capped(1000, escalation=50)
    granted = await books.purse.reserve(
        "a", caller, bids(100, 50, 50, first="tier0"), most_nano=None
    )
    assert granted.rungs == 2
    assert granted.short.startswith("this key's cap on escalation")
    assert await books.books() == {
        ("ci", "all", "month"): (0, 150),
        ("ci", "escalation", "day"): (0, 50),
    }
    await books.ledger.record(ended("a", [tried("tier0", 90), tried("tier1", 30)]))
    assert await books.books() == {
        ("ci", "all", "month"): (120, 0),
        ("ci", "escalation", "day"): (30, 0),
    }


@pytest.mark.parametrize(
    ("judged", "climbed"),
    [
        # on the first draft, while the next one was begun ahead
        ([("tier0", 0, 3), ("tier1", 1, 4)], 30),
        # on the second
        ([("tier0", 0, 1), ("tier1", 1, 4)], 37),
    ],
)
async def test_evidence_counts_as_the_draft_it_is_on(
    books: Account, judged: list[tuple[str, float, float]], climbed: int
) -> None:
    caller = capped(1000, escalation=500)
    await books.purse.reserve("a", caller, bids(100, 100, 100, first="tier0"), most_nano=None)
    costs = {"tier0": 20, "tier1": 30}
    attempts: list[Attempt] = [
        tried(tier, costs[tier], started_s=start, ended_s=end) for tier, start, end in judged
    ]
    attempts.append(tried("tier2", 7, role="judge", state="asked", started_s=2.0, ended_s=2.5))
    await books.ledger.record(ended("a", attempts))
    assert await books.books() == {
        ("ci", "all", "month"): (57, 0),
        ("ci", "escalation", "day"): (climbed, 0),
    }


async def test_an_unknown_cost_is_spent_at_its_worst(books: Account) -> None:
    await reserve(books, "a", capped(100), 0, 60, 30)
    await books.ledger.record(ended("a", [tried("tier1", None), tried("tier2", 10)]))
    assert await books.books() == {("ci", "all", "month"): (70, 0)}


@pytest.mark.parametrize("role", ["draft", "self_check"])
async def test_usage_that_nobody_told_is_spent_at_its_worst(books: Account, role: str) -> None:
    guess = Usage(input=3, estimated=True)
    cut = tried("tier1", 5, usage=guess, state="cancelled", role=role)
    drafts = [tried("tier1", 2)] if role != "draft" else []
    await reserve(books, "a", capped(100), 0, 60, 30)
    await books.ledger.record(ended("a", [*drafts, cut, tried("tier2", 10)]))
    assert await books.books() == {("ci", "all", "month"): (70, 0)}
    assert 5 in await books.costs(), "the ledger keeps the guess"


async def test_a_guess_that_is_dearer_than_the_worst_case_counts(books: Account) -> None:
    await reserve(books, "a", capped(100), 0, 60)
    guess = Usage(output=3, estimated=True)
    await books.ledger.record(ended("a", [tried("tier1", 65, usage=guess)]))
    assert await books.books() == {("ci", "all", "month"): (65, 0)}


async def test_work_of_this_machine_is_not_money_but_evidence_on_it_is(books: Account) -> None:
    await reserve(books, "a", capped(100), 40, 60)
    judge = tried("tier1", 15, role="judge", state="asked", started_s=0.2, ended_s=0.4)
    await books.ledger.record(ended("a", [tried("local", 10**9), judge]))
    assert await books.books() == {("ci", "all", "month"): (15, 0)}


async def test_without_caps_it_is_still_written_down_before_it_is_paid_for(books: Account) -> None:
    assert await reserve(books, "a", Caller(), 0, None) == Grant(rungs=2)
    assert await books.open() == ["a"]
    await books.ledger.record(ended("a", [tried("tier1", None)], caller="anonymous"))
    assert await books.open() == [] and await books.books() == {}


async def test_what_is_free_or_not_granted_leaves_nothing_to_settle(books: Account) -> None:
    assert await reserve(books, "a", capped(0), 0) == Grant(rungs=1)
    assert (await reserve(books, "b", capped(0), 0, 1)).rungs == 1
    assert (await reserve(books, "c", capped(10), 11, 0)).rungs == 0
    assert (await reserve(books, "d", Caller(), 11, 0, most=10)).rungs == 0
    assert await books.open() == []
    await books.ledger.record(ended("a", [tried("local", 5)]))
    assert await books.books() == {}


async def test_a_request_that_asks_is_refused_unknown_prices_where_so_configured(
    store_url: str,
) -> None:
    async with account(store_url, unknown="refuse") as books:
        assert (await reserve(books, "a", Caller(), 0, None)).rungs == 1


async def test_the_same_entry_settles_once(books: Account) -> None:
    await reserve(books, "a", capped(100), 0, 60)
    entry = ended("a", [tried("tier1", 25)])
    for _ in range(2):
        await books.store.write(lambda c: books.purse.settle(c, [entry]))
    assert await books.books() == {("ci", "all", "month"): (25, 0)}


async def test_an_entry_that_could_not_be_written_is_settled_later(books: Account) -> None:
    await reserve(books, "a", capped(100), 0, 60)
    books.purse.owe(ended("a", [tried("tier1", 25)]))
    await books.purse.put_in_order()
    assert await books.books() == {("ci", "all", "month"): (25, 0)}
    assert await books.open() == []


async def test_what_cannot_be_stored_is_spent_at_its_worst_and_stops_no_other(
    books: Account,
) -> None:
    for id in ("a", "b", "c"):
        await reserve(books, id, capped(1000), 0, 60)
    books.purse.owe(ended("a", [tried("tier1", 25)]))
    books.purse.owe(ended("b", [tried("local", 2), tried("tier1", 2**70)]))
    books.purse.owe(ended("c", [tried("tier1", 5)]))
    await books.purse.put_in_order()
    assert await books.open() == []
    assert await books.books() == {("ci", "all", "month"): (25 + 60 + 5, 0)}


# ---- a database that takes no writes ----------------------------------------------------------


@pytest.mark.parametrize(("when_lost", "free"), [("local", 1), ("refuse", 0)])
async def test_where_nothing_can_be_written_nothing_is_paid_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when_lost: str, free: int
) -> None:
    monkeypatch.setattr("rungwise.store.sqlite._BUSY_MS", 20)
    path = tmp_path / "store.db"
    async with account(f"sqlite:///{path}", when_lost=when_lost) as books:
        with sqlite3.connect(path, isolation_level=None) as other:
            other.execute("begin immediate")
            refused = await reserve(books, "a", capped(100), 0, 60)
            assert (refused.rungs, refused.lost) == (free, True) and refused.short
            only_free = await reserve(books, "b", capped(100), 0)
            assert (only_free.rungs, only_free.lost) == (free, not free)
            other.execute("rollback")
        other.close()
        # and it goes on without a restart
        assert await reserve(books, "c", capped(100), 0) == Grant(rungs=1)
        assert await reserve(books, "d", capped(100), 0, 60) == Grant(rungs=2)
        await books.ledger.record(ended("d", []))


# ---- servers that die -------------------------------------------------------------------------


async def test_what_a_dead_server_had_set_aside_is_spent_and_an_entry_says_so(
    store_url: str,
) -> None:
    store = Store(store_url)
    await store.start()
    dead = Account(store, id=gone())
    await dead.lease.renew()
    await reserve(dead, "a", capped(100, escalation=100), 0, 60, 30)
    heir = Account(store)
    await heir.purse.put_in_order()
    assert await heir.books() == {
        ("ci", "all", "month"): (90, 0),
        ("ci", "escalation", "day"): (90, 0),
    }
    assert await heir.open() == []
    entry = await heir.ledger.find("a")
    assert entry is not None and entry.state == "lost" and entry.caller == "ci"
    assert [(a.tier, a.state, a.cost_nano) for a in entry.attempts] == [
        ("tier1", "lost", 60),
        ("tier2", "lost", 30),
    ]
    assert all(a.usage.estimated and "died" in a.reason for a in entry.attempts)
    await store.stop()


async def test_evidence_on_a_free_draft_is_lost_at_its_worst_too(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    dead = Account(store, id=gone())
    await dead.lease.renew()
    await reserve(dead, "a", capped(100), 40)
    heir = Account(store)
    await heir.purse.put_in_order()
    assert await heir.books() == {("ci", "all", "month"): (40, 0)}
    await store.stop()


async def test_what_is_in_the_ledger_already_is_settled_by_that(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    dead = Account(store, id=gone())
    dead.ledger._settle = lambda connection, entries: None
    await dead.lease.renew()
    await reserve(dead, "a", capped(100), 0, 60)
    await dead.ledger.record(ended("a", [tried("tier1", 25)]))
    heir = Account(store)
    await heir.purse.put_in_order()
    assert await heir.books() == {("ci", "all", "month"): (25, 0)}
    assert await heir.entries() == [("a", "answered")]
    await store.stop()


async def test_a_living_server_keeps_what_it_set_aside(store_url: str) -> None:
    async with account(store_url) as one, account(store_url) as other:
        await reserve(one, "a", capped(100), 0, 60)
        for _ in range(5):
            one.now = other.now = other.now + 4.0
            await one.purse.put_in_order()
            await other.purse.put_in_order()
        assert await other.open() == ["a"]
        other.now += 20.0  # and then it is silent
        await other.purse.put_in_order()
        assert await other.open() == []
        assert await other.entries() == [("a", "lost")]


async def test_a_server_that_leaves_in_good_order_leaves_no_trace(store_url: str) -> None:
    async with account(store_url) as stays:
        async with account(store_url) as leaves:
            assert len(await stays.lease.renew()) == 0
            await reserve(leaves, "a", capped(100), 0, 60)
            await leaves.ledger.record(ended("a", []))
        stays.now += 100.0
        assert await stays.lease.renew() == ()


async def test_what_was_set_aside_by_nobody_who_is_known_is_put_in_order(store_url: str) -> None:
    async with account(store_url) as books:
        stranger = Account(books.store)
        await reserve(stranger, "a", capped(100), 0, 60)
        await books.store.write(lambda c: stranger.lease.forget(c, [stranger.lease.id]))
        await books.purse.put_in_order()
        assert await books.open() == []
        assert await books.books() == {("ci", "all", "month"): (60, 0)}


async def test_a_server_that_was_not_dead_after_all_is_charged_what_it_cost(
    store_url: str,
) -> None:
    async with account(store_url) as one, account(store_url) as other:
        await reserve(one, "a", capped(1000, escalation=500), 0, 60, 30)
        await reserve(one, "b", capped(1000, escalation=500), 0, 10)
        await other.purse.put_in_order()
        other.now += 20.0
        await other.purse.put_in_order()
        assert await other.entries() == [("a", "lost"), ("b", "lost")]
        entry = ended("a", [tried("local", 3), tried("tier1", 25)])
        await one.ledger.record(entry)
        assert await one.entries() == [("a", "answered"), ("b", "lost")]
        assert await one.books() == {
            ("ci", "all", "month"): (25 + 10, 0),
            ("ci", "escalation", "day"): (25 + 10, 0),
        }
        assert await one.open() == []
        with pytest.raises(StoreError):
            await one.ledger.record(entry)
        assert (await one.books())["ci", "all", "month"] == (25 + 10, 0)


async def test_after_a_day_what_was_counted_for_a_lost_answer_stays(store_url: str) -> None:
    async with account(store_url) as books:
        for id, at in (("a", 0.0), ("b", DAY_S + 1.0)):
            stranger = Account(books.store)
            stranger.purse._unix = lambda at=at: AT + at  # type: ignore[misc]
            await reserve(stranger, id, capped(1000), 0, 60)
            await books.store.write(partial(stranger.lease.forget, dead=[stranger.lease.id]))
            books.purse._unix = stranger.purse._unix
            await books.purse.put_in_order()
        for id in ("a", "b"):
            await books.ledger.record(ended(id, [tried("tier1", 25)]))
        assert await books.books() == {("ci", "all", "month"): (60 + 25, 0)}


async def test_a_server_that_was_struck_out_shows_itself_before_it_sets_aside(
    store_url: str,
) -> None:
    async with account(store_url) as one, account(store_url) as other:
        await other.purse.put_in_order()
        one.now = other.now = 20.0
        await other.purse.put_in_order()  # `one` was silent, and is struck out
        assert await reserve(one, "a", capped(100), 0, 60) == Grant(rungs=2)
        await other.purse.put_in_order()
        assert await other.open() == ["a"]


def gone() -> str:
    """The id of a server whose process is no more."""
    code = "from rungwise.access.lease import server_id; print(server_id())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return told.stdout.strip()


# ---- whatever comes ---------------------------------------------------------------------------

ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["settle", "unknown", "crash", "open"]),
        st.lists(st.integers(0, 40), min_size=1, max_size=3),
        st.floats(0, 1),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(cap=st.integers(0, 120), climbing=st.integers(0, 80), answers=ANSWERS)
def test_no_sequence_passes_a_cap_or_leaves_something_set_aside(
    tmp_path_factory: pytest.TempPathFactory,
    cap: int,
    climbing: int,
    answers: list[tuple[str, list[int], float]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever_comes.db"
    asyncio.run(_whatever_comes(f"sqlite:///{path}", cap, climbing, answers))


async def _whatever_comes(
    url: str, cap: int, climbing: int, answers: list[tuple[str, list[int], float]]
) -> None:
    name = secrets.token_hex(4)
    caller = capped(cap, escalation=climbing, name=name)
    store = Store(url)
    await store.start()
    books = Account(store)
    await books.lease.renew()
    left = []
    for number, (end, nanos, share) in enumerate(answers):
        id, offered = f"{name}_{number}", bids(*nanos, first="tier0")
        granted = await books.purse.reserve(id, caller, offered, most_nano=None)
        attempts = [
            tried(bid.tier, None if end == "unknown" else round((bid.nano or 0) * share))
            for bid in offered[: granted.rungs]
        ]
        if end in ("settle", "unknown"):
            await books.ledger.record(ended(id, attempts))
        elif end == "crash":
            books = Account(store)
            await books.lease.renew()
            books.now += 60.0
            await books.purse.put_in_order()
        else:
            left.append(ended(id, attempts))
        spent = await books.books()
        assert spent.get((name, "all", "month"), (0, 0))[0] <= cap
        assert spent.get((name, "escalation", "day"), (0, 0))[0] <= climbing
    for entry in left:
        try:
            await books.ledger.record(entry)
        except StoreError:
            assert (entry.id, "lost") in await books.entries()
    assert await books.open() == []
    assert all(paid >= 0 and held == 0 for paid, held in (await books.books()).values())
    await store.stop()
