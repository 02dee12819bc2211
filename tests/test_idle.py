"""Is all the time that a local rung stood written down once, on its day?"""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.days import DAY_S
from rungwise.errors import StoreError
from rungwise.idle import IdleNotes
from rungwise.tiers.local.standing import Standing

pytestmark = pytest.mark.anyio


class Rung:
    def __init__(self, name: str = "low") -> None:
        self.name = name
        self.now = Standing(up_s=0, busy_s=0, idle_joules=0, idle_nano=0)

    def standing(self) -> Standing:
        return self.now

    def stand(self, up_s: float, busy_s: float = 0.0, nano: int | None = 0) -> None:
        was = self.now
        self.now = Standing(
            up_s=was.up_s + up_s,
            busy_s=was.busy_s + busy_s,
            idle_joules=was.idle_joules + 10 * up_s,
            idle_nano=None if nano is None or was.idle_nano is None else was.idle_nano + nano,
        )


class Book:
    def __init__(self) -> None:
        self.up_s: dict[tuple[int, str], float] = defaultdict(float)
        self.busy_s: dict[tuple[int, str], float] = defaultdict(float)
        self.joules: dict[tuple[int, str], float] = defaultdict(float)
        self.nano: dict[tuple[int, str], int | None] = {}
        self.full = False

    async def note_idle(
        self,
        day: int,
        tier: str,
        *,
        up_s: float,
        busy_s: float,
        idle_joules: float,
        idle_nano: int | None,
    ) -> None:
        if self.full:
            raise StoreError("the disk is full")
        key = day, tier
        self.up_s[key] += up_s
        self.busy_s[key] += busy_s
        self.joules[key] += idle_joules
        self.nano[key] = None if idle_nano is None else (self.nano.get(key) or 0) + idle_nano


class Wall:
    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


async def test_only_what_has_grown_is_noted() -> None:
    rung, book, wall = Rung(), Book(), Wall(DAY_S * 3 + 10)
    notes = IdleNotes([rung], book, wall)
    await notes.start()
    for _ in range(2):
        rung.stand(60, 20, nano=700)
        wall.at += 60
        await notes.note()
    await notes.note()
    await notes.stop()
    key = (3, "low")
    assert (book.up_s[key], book.busy_s[key], book.joules[key]) == (120, 40, 1200)
    assert book.nano == {key: 1400}


async def test_a_span_over_midnight_falls_to_both_days() -> None:
    rung, book, wall = Rung(), Book(), Wall(DAY_S * 3 - 15)
    notes = IdleNotes([rung], book, wall)
    await notes.start()
    rung.stand(60, 20, nano=101)
    wall.at += 60
    await notes.note()
    await notes.stop()
    assert book.up_s == {(2, "low"): 15, (3, "low"): 45}
    assert book.nano == {(2, "low"): 25, (3, "low"): 76}


@given(st.integers(0, 10**15), st.floats(0, 4 * DAY_S), st.floats(1, 4 * DAY_S))
def test_the_days_sum_to_the_whole(nano: int, begin: float, lasted: float) -> None:
    async def whole() -> Book:
        rung, book, wall = Rung(), Book(), Wall(begin)
        notes = IdleNotes([rung], book, wall)
        await notes.start()
        rung.stand(lasted, nano=nano)
        wall.at += lasted
        await notes.stop()
        return book

    book = asyncio.run(whole())
    assert sum(known for known in book.nano.values() if known is not None) == nano
    assert abs(sum(book.up_s.values()) - lasted) < 1e-6 * DAY_S
    assert all(up_s >= 0 for up_s in book.up_s.values())


async def test_an_unknown_price_stays_unknown() -> None:
    rung, book = Rung(), Book()
    rung.now = Standing(up_s=0, busy_s=0, idle_joules=0, idle_nano=None)
    notes = IdleNotes([rung], book, Wall(5))
    await notes.start()
    rung.stand(60)
    await notes.stop()
    assert book.nano == {(0, "low"): None} and book.up_s == {(0, "low"): 60}


async def test_what_cannot_be_written_is_owed(caplog: pytest.LogCaptureFixture) -> None:
    rung, other, book, wall = Rung(), Rung("next"), Book(), Wall(5)
    notes = IdleNotes([rung, other], book, wall)
    await notes.start()
    book.full = True
    rung.stand(60, nano=7)
    await notes.note()
    assert "disk is full" in caplog.text and not book.up_s
    book.full = False
    other.stand(30, nano=1)
    await notes.note()
    await notes.stop()
    assert book.up_s == {(0, "low"): 60, (0, "next"): 30}
    assert book.nano == {(0, "low"): 7, (0, "next"): 1}


async def test_it_notes_in_the_background_and_the_rest_at_the_end() -> None:
    rung, book = Rung(), Book()
    notes = IdleNotes([rung], book, Wall(5), every_s=0.01)
    await notes.start()
    rung.stand(1)
    async with asyncio.timeout(5):
        while not book.up_s:
            await asyncio.sleep(0.005)
    await notes.stop()
    notes = IdleNotes([rung], book, Wall(5), every_s=3600)
    await notes.start()
    rung.stand(2)
    await notes.stop()
    await notes.stop()
    assert book.up_s == {(0, "low"): 3}


async def test_a_ladder_without_local_rungs_notes_nothing() -> None:
    notes = IdleNotes([], Book(), Wall(5))
    await notes.start()
    await notes.stop()
