"""Slots of the last two weeks stay; older ones go, an hour of them at a time."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from rungwise.days import DAY_S
from rungwise.ledger.old_slots import OldSlots
from rungwise.store import tables
from tests.ledger.test_sql import ENTRY, opened

pytestmark = pytest.mark.anyio

NOW = 1_700_000_000.0


async def test_what_is_older_than_two_weeks_is_forgotten_and_nothing_else(store_url: str) -> None:
    store, ledger = await opened(store_url)
    ages = [0, 13.9, 14.1, 15, 400]
    for number, age in enumerate(ages):
        await ledger.record(replace(ENTRY, id=f"req_{number}", at=NOW - age * DAY_S))
    old = OldSlots(store, lambda: NOW)
    await old.forget()
    for table in (tables.slot_tally, tables.slot_latency):
        slots = await store.read(lambda c, t=table: set(c.scalars(select(t.c.slot))))  # type: ignore[misc]
        assert slots == {int((NOW - age * DAY_S) // 300) for age in ages[:2]}
    steps = await store.read(lambda c: list(c.scalars(select(tables.step_tally.c.steps))))
    assert sum(steps) == len(ages), "other tallies stay"
    await store.stop()


async def test_a_clock_that_is_a_month_ahead_for_once_costs_no_slot(store_url: str) -> None:
    store, ledger = await opened(store_url)
    for age in (0, 5, 13):
        await ledger.record(replace(ENTRY, id=f"req_{age}", at=NOW - age * DAY_S))
    await OldSlots(store, lambda: NOW + 30 * DAY_S).forget()
    slots = await store.read(lambda c: list(c.scalars(select(tables.slot_tally.c.slot))))
    await store.stop()
    assert len(slots) == 3


async def test_an_error_of_our_own_does_not_end_it(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, ledger = await opened(store_url)
    looks: list[float] = []

    def clock() -> float:
        looks.append(NOW)
        raise ValueError("no such time")

    await ledger.record(ENTRY)
    old = OldSlots(store, clock, every_s=0.01)
    await old.start()
    await asyncio.sleep(0.15)
    await old.stop()
    await store.stop()
    assert len(looks) > 1 and "an error of this server" in caplog.text


async def test_it_begins_and_ends_with_the_server_and_outlives_a_store_that_fails(
    store_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    store, _ = await opened(store_url)
    old = OldSlots(store, lambda: NOW)
    await old.start()
    await old.stop()
    await store.stop()
    await old.start()
    await asyncio.sleep(0.02)
    await old.stop()
    await old.stop()
    assert "old slots are forgotten later" in caplog.text
