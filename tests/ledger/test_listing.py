"""Which entries does a page of the list hold, and what does it cost to find them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from rungwise.ledger import listing
from rungwise.ledger.listing import Glances, Place, Sought, glances
from rungwise.store.database import Database
from rungwise.store.sql import Store
from rungwise.types import Entry, Outcome, StepType
from tests.edge.looking import NOW, STEP, steps, write

pytestmark = pytest.mark.anyio

MIXED = [
    replace(
        STEP,
        id=f"req_{n:03}",
        at=NOW + n // 3,  # three at a time
        caller="ab"[n % 2],
        route=("auto", "t1", "t2")[n % 3],
        step_type=(StepType.PLANNING, StepType.OPEN_CHAT)[n % 5 == 0],
        state=("answered", "exhausted")[n % 7 == 0],
        outcome=None if n % 4 else Outcome(right=n % 8 == 0),
        task=f"t{n // 6}" if n % 2 else None,
        audits=f"req_{n - 1:03}" if n % 11 == 10 else None,
    )
    for n in range(90)
]


def walk(connection: Connection, sought: Sought) -> Iterator[Glances]:
    while True:
        found = glances(connection, sought)
        yield found
        if found.next is None:
            return
        sought = replace(sought, before=found.next)


def wanted(entry: Entry, sought: Sought) -> bool:
    right = None if entry.outcome is None else entry.outcome.right
    said = {"right": True, "wrong": False, "none": None, None: right}[sought.outcome]
    audits = {"none": entry.audits is None, "only": entry.audits is not None, "any": True}
    return (
        sought.caller in (None, entry.caller)
        and sought.route in (None, entry.route)
        and sought.step_type in (None, entry.step_type)
        and sought.tier in (None, entry.tier)
        and sought.state in (None, entry.state)
        and sought.task in (None, entry.task)
        and right == said
        and audits[sought.audits]
    )


SOUGHT = st.builds(
    Sought,
    limit=st.sampled_from([1, 3, 200]),
    caller=st.sampled_from([None, "a", "c"]),
    route=st.sampled_from([None, "t1"]),
    step_type=st.sampled_from([None, StepType.OPEN_CHAT]),
    tier=st.sampled_from([None, "tier1", "tier2"]),
    state=st.sampled_from([None, "exhausted"]),
    outcome=st.sampled_from([None, "right", "wrong", "none"]),
    task=st.sampled_from([None, "t3"]),
    audits=st.sampled_from(["none", "only", "any"]),
)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    import asyncio

    path = tmp_path_factory.mktemp("listing") / "l.db"

    async def fill() -> None:
        store = Store(path)
        await store.start()
        await write(store, MIXED)
        await store.stop()

    asyncio.run(fill())
    database = Database(path)
    database.open()
    yield database
    database.close()


@given(sought=SOUGHT, searched=st.sampled_from([4, 20_000]))
def test_the_pages_together_hold_just_what_is_sought_newest_first(
    mixed: Database, sought: Sought, searched: int
) -> None:
    expected = [entry for entry in MIXED if wanted(entry, sought)]
    expected.sort(key=lambda entry: (entry.at, entry.id), reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "SEARCHED", searched)
        pages = mixed.read(lambda connection: list(walk(connection, sought)))
    assert [g.id for page in pages for g in page.found] == [entry.id for entry in expected]
    assert all(len(page.found) <= sought.limit for page in pages)


async def test_of_a_task_that_others_call_so_too_no_more_is_looked_at_than_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "SEARCHED", 10)
    store = Store(tmp_path / "l.db")
    await store.start()
    theirs = [replace(one, task="t") for one in steps(50)]
    await write(store, [*theirs, replace(STEP, id="req_own", at=NOW - 99, caller="a", task="t")])
    sought = Sought(task="t", caller="a", audits="any")
    first = await store.read(lambda c: glances(c, sought))
    assert (first.found, first.searched_at) == ((), NOW - 11)
    pages = await store.read(lambda c: list(walk(c, sought)))
    await store.stop()
    assert [g.id for page in pages for g in page.found] == ["req_own"] and len(pages) == 5


async def test_new_answers_do_not_move_the_pages_behind(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    await write(store, steps(20))
    first = await store.read(lambda c: glances(c, Sought(limit=10)))
    await write(store, [replace(STEP, id="req_new", at=NOW + 1)])
    second = await store.read(lambda c: glances(c, Sought(limit=10, before=first.next)))
    seen = [glance.id for glance in (*first.found, *second.found)]
    await store.stop()
    assert seen == [f"req_{n:05}" for n in reversed(range(20))]


async def test_outcomes_of_all_and_of_a_caller_are_found_in_every_database(store_url: str) -> None:
    store = Store(store_url)
    await store.start()
    await write(store, MIXED)
    for outcome in ("right", "wrong", "none"):
        for caller in (None, "a"):
            sought = Sought(outcome=outcome, caller=caller, limit=200)  # type: ignore[arg-type]
            found = await store.read(lambda c, sought=sought: glances(c, sought))
            assert len(found.found) == sum(wanted(entry, sought) for entry in MIXED)
    await store.stop()


@pytest.mark.parametrize(
    ("sought", "index"),
    [
        (Sought(), "entry_at"),
        (Sought(before=Place(at=NOW, id="req_1")), "entry_at"),
        (Sought(route="auto", outcome="none", audits="only"), "entry_at"),
        (Sought(caller="a"), "entry_caller"),
        (Sought(caller="a", outcome="wrong", before=Place(at=NOW, id="")), "entry_caller"),
        (Sought(outcome="wrong"), "entry_outcome"),
        (Sought(task="t1"), "entry_task"),
        (Sought(task="t1", caller="a"), "entry_task"),
    ],
)
def test_every_page_is_walked_along_an_index(mixed: Database, sought: Sought, index: str) -> None:
    *sorting, walk = mixed.read(lambda connection: _plans(connection, sought))
    assert f" INDEX {index} " in walk, walk
    whole = "USE TEMP B-TREE FOR ORDER BY" in sorting
    assert not whole, "nothing is sorted but what came at once"


def _plans(connection: Connection, sought: Sought) -> list[str]:
    """Of the statement that finds the page; the last of them is the walk."""
    conditions = [
        *listing._indexed(sought),
        *listing._others(sought),
        *listing._before(sought),
        ("at >= ?", (0.0,)),
    ]
    where, values = listing._joined(conditions)
    asked = f"explain query plan select {listing._COLUMNS} from entry{where}"
    rows: Any = listing.ask(connection, f"{asked} order by at desc, id desc limit 51", values)
    told = [row[3] for row in rows]
    return sorted(told, key=lambda line: line.startswith(("SEARCH", "SCAN")))
