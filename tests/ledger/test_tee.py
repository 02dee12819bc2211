"""What is news of many answers at once is told in drawn order; and whatever is written of it is
told once, however the rest of it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rungwise.errors import StoreError
from rungwise.ledger.sayings import Heard, Saying
from rungwise.ledger.sql import SqlLedger, read_entries
from rungwise.ledger.tee import Tee
from rungwise.store import tables
from rungwise.store.sql import Store
from rungwise.types import Entry, Outcome
from tests.ledger.steps import kept, sums
from tests.ledger.test_hearing import STEP, saying

pytestmark = pytest.mark.anyio


class Told:
    """A ledger to which all is news."""

    async def hear(
        self, sayings: Sequence[Saying], see: Callable[[Sequence[Heard]], object]
    ) -> Sequence[Heard]:
        heard = [
            Heard(news=True, entry=replace(STEP, id=said.answer or "", outcome=said.outcome))
            for said in sayings
        ]
        see(heard)
        return heard


async def test_a_list_that_is_sorted_by_right_is_told_in_drawn_order() -> None:
    told: list[Entry] = []
    tee = Tee(Told(), readers=[], told=[told.append])  # type: ignore[arg-type]
    sayings = [Saying(answer=f"req_{n}", outcome=Outcome(right=n >= 200)) for n in range(400)]
    heard = await tee.hear(sayings)
    assert [h.entry.id for h in heard if h.entry] == [f"req_{n}" for n in range(400)]
    rights = [e.outcome.right for e in told if e.outcome]
    assert len(told) == 400 and 60 < sum(rights[:200]) < 140


IDS = [f"req_{n}" for n in range(250)]
SAYINGS = [saying(id, right=n >= 100) for n, id in enumerate(IDS)]
"""Three parts, and sorted by what was right."""


class World:
    """A ledger of 250 steps whose parts can be met one by one, and what is told of them."""

    def __init__(self, path: Path) -> None:
        self.path, self.store = path, Store(path)
        self.ledger = SqlLedger(self.store)
        self.told: list[Entry] = []
        self.tee = Tee(self.ledger, readers=[], told=[self.told.append])
        self._write = self.store.write

    def meet(self, part: int, done: Callable[[], None]) -> None:
        """Do it before the part of that number, from 1, is written."""
        parts = 0

        async def write(job: Callable[[Any], Any]) -> Any:
            nonlocal parts
            parts += 1
            if parts == part:
                done()
            return await self._write(job)

        self.store.write = write  # type: ignore[method-assign,assignment]

    async def check(self) -> None:
        """Each is told, and stands in the ledger, once; to say it again tells nothing."""
        again = await self.tee.hear(SAYINGS)
        assert not any(heard.news or heard.changed for heard in again)
        assert sorted(entry.id for entry in self.told) == sorted(IDS)
        said = await self.store.read(lambda c: c.execute(select(tables.outcome)).all())
        assert len(said) == 250
        found = await asyncio.to_thread(lambda: list(read_entries(self.path)))
        assert sum(entry.outcome == Outcome(right=True) for entry in found) == 150
        assert await self.store.read(kept) == sums(found)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "l.db")
    await world.store.start()
    await asyncio.gather(*(world.ledger.record(replace(STEP, id=id)) for id in IDS))
    yield world
    await world.store.stop()


async def test_what_was_written_before_a_list_fails_is_told_and_the_rest_when_it_is_said_again(
    world: World,
) -> None:
    def fail() -> None:
        raise StoreError("database is locked")

    world.meet(3, fail)
    with pytest.raises(StoreError, match="locked"):
        await world.tee.hear(SAYINGS)
    assert sorted(entry.id for entry in world.told) == sorted(IDS[:200])
    rights = [entry.outcome.right for entry in world.told if entry.outcome]
    assert 30 < sum(rights[:100]) < 70, "in drawn order, over both parts"
    ends = await world.tee.hear(SAYINGS)
    assert [heard.news for heard in ends] == [False] * 200 + [True] * 50
    await world.check()


@pytest.mark.parametrize(("part", "times"), [(1, 1), (2, 2), (3, 1)])
async def test_a_list_is_told_whole_though_whoever_says_it_goes_away(
    world: World, part: int, times: int
) -> None:
    asking = asyncio.ensure_future(world.tee.hear(SAYINGS))

    def cancel() -> None:
        for turn in range(times):
            asyncio.get_running_loop().call_later(0.001 * turn, asking.cancel)

    world.meet(part, cancel)
    with pytest.raises(asyncio.CancelledError):
        await asking
    await world.ledger.stop()
    assert len(world.told) == 250, "the ledger ends once it was"
    await world.check()


async def test_a_list_that_fails_once_nobody_waits_for_it_is_told_so_far(world: World) -> None:
    asking = asyncio.ensure_future(world.tee.hear(SAYINGS))

    def fail() -> None:
        raise StoreError("database is locked")

    def leave() -> None:
        asking.cancel()
        world.meet(2, fail)  # the third of them

    world.meet(1, leave)
    with pytest.raises(asyncio.CancelledError):
        await asking
    await world.ledger.stop()
    assert len(world.told) == 200
    await world.tee.hear(SAYINGS)
    await world.check()
