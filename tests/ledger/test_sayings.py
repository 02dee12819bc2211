"""What counts, when, and who is told: of a word said again, or otherwise, or elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from rungwise.ledger.report import read_report
from rungwise.ledger.sayings import believed
from rungwise.ledger.sql import SqlLedger
from rungwise.ledger.tee import Tee
from rungwise.store import tables
from rungwise.types import Outcome
from tests.ledger.test_hearing import DAY, STEP, one, saying
from tests.ledger.test_sql import opened

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ledger(store_url: str) -> AsyncIterator[SqlLedger]:
    store, _ = await opened(store_url)
    yield SqlLedger(store, most_per_day=3)
    await store.stop()


async def at_of(store_url: str, answer: str) -> float:
    store, _ = await opened(store_url)
    mine = tables.outcome.c.entry_id == answer
    found = await store.read(lambda c: c.execute(select(tables.outcome.c.at).where(mine)).scalar())
    await store.stop()
    assert found is not None
    return float(found)


@pytest.mark.parametrize("together", [True, False])
async def test_what_is_mended_keeps_its_day_and_takes_no_room_of_another(
    ledger: SqlLedger, store_url: str, together: bool
) -> None:
    for number in range(11):
        await ledger.record(replace(STEP, id=f"req_{number}"))
    await ledger.hear([saying(f"req_{n}") for n in range(3)])
    mended = [saying(f"req_{n}", right=False, at=DAY + 1) for n in range(3)]
    new = [saying(f"req_{n}", at=DAY + 2) for n in range(3, 7)]
    parts = [mended + new] if together else [mended, new]
    heard = [end for part in parts for end in await ledger.hear(part)]
    assert [end.counted for end in heard] == [True] * 6 + [False]
    line = read_report(store_url).all
    assert (line.labelled, line.right) == (6, 3), "the mended words are believed"
    assert await at_of(store_url, "req_0") == 50.0
    full = await ledger.hear([saying("req_7", at=60.0), saying("req_8", at=DAY + 3)])
    assert not any(end.counted for end in full), "neither day has lost any of its words"


async def test_what_begins_to_count_takes_room_of_the_day_on_which_it_does(
    ledger: SqlLedger, store_url: str
) -> None:
    for number in range(8):
        await ledger.record(replace(STEP, id=f"req_{number}"))
    told = await ledger.hear([saying(f"req_{n}") for n in range(4)])
    assert [heard.news for heard in told] == [True, True, True, False]
    late = await one(ledger, saying("req_3", right=False, at=DAY))
    assert late.counted and late.news, "nothing was believed of it before"
    assert await at_of(store_url, "req_3") == DAY
    more = await ledger.hear([saying(f"req_{n}", at=DAY + 1) for n in range(4, 7)])
    assert [heard.counted for heard in more] == [True, True, False]
    again = await one(ledger, saying("req_3", at=2 * DAY))
    assert again.counted and not again.news and await at_of(store_url, "req_3") == DAY


async def test_of_two_servers_and_whatever_starts_later_one_is_told_of_an_answer_once(
    ledger: SqlLedger, store_url: str
) -> None:
    await ledger.record(STEP)
    told: list[tuple[str, Outcome | None]] = []

    def server(name: str, ledger: SqlLedger) -> Tee:
        return Tee(ledger, readers=[], told=[lambda entry: told.append((name, entry.outcome))])

    other_store, other = await opened(store_url)
    first, second = server("one", ledger), server("two", other)
    await first.hear([saying(counted=False)])
    assert not told, "nothing counts yet"
    both = [saying(right=right, at=50.0) for right in (False, True)]
    await asyncio.gather(*(tee.hear([word]) for tee in (first, second) for word in both))
    assert len(told) == 1
    await second.hear([saying(right=False, source="checker", at=51.0)])
    await other_store.stop()
    third_store, third = await opened(store_url)
    await server("three", third).hear([saying(source="checker"), saying(right=False, at=DAY)])
    await third_store.stop()
    assert len(told) == 1


def test_what_does_not_count_is_not_believed() -> None:
    assert believed({}) is None
    unheard = Outcome(right=True, source="checker", counted=False)
    assert believed({"checker": unheard}) is None
    assert believed({"checker": unheard, "golden": Outcome(right=False, source="golden")}) == (
        Outcome(right=False, source="golden")
    )
