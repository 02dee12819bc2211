"""What is gathered is passed on: soon, in its order, whole, and to every reader."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from rungwise.ledger.gathering import Gathering
from rungwise.types import Entry
from tests.ledger.test_hearing import STEP

pytestmark = pytest.mark.anyio


def gathering(
    *readers: Callable[[Entry], None], most: int = 3, wait_s: float = 3600.0
) -> Gathering:
    return Gathering(readers, most=most, wait_s=wait_s)


def step(id: str) -> Entry:
    return replace(STEP, id=id)


async def test_nothing_is_read_before_its_time() -> None:
    read: list[Entry] = []
    gathered = gathering(read.append)
    gathered.read(step("one"))
    assert read == []
    gathered.pass_on()
    assert [entry.id for entry in read] == ["one"]
    gathered.pass_on()
    assert len(read) == 1


async def test_it_is_read_within_its_time() -> None:
    read = asyncio.Queue[Entry]()
    gathered = gathering(read.put_nowait, wait_s=0.001)
    for id in ("one", "two"):  # the second time a clock must be set anew
        gathered.read(step(id))
        assert (await asyncio.wait_for(read.get(), 30)).id == id


async def test_it_is_read_at_once_where_there_is_much() -> None:
    read: list[str] = []
    gathered = gathering(lambda entry: read.append(entry.id))
    for id in ("one", "two", "three", "four"):
        gathered.read(step(id))
    assert read == ["one", "two", "three"]


async def test_each_reader_reads_all_of_it_in_order() -> None:
    read: list[tuple[str, str]] = []
    gathered = gathering(
        lambda entry: read.append(("first", entry.id)),
        lambda entry: read.append(("second", entry.id)),
    )
    gathered.read(step("one"))
    gathered.read(step("two"))
    gathered.pass_on()
    told = [("first", "one"), ("first", "two"), ("second", "one"), ("second", "two")]
    assert read == told


async def test_what_is_left_is_read_when_it_stops() -> None:
    read: list[Entry] = []
    gathered = gathering(read.append)
    await gathered.start()
    gathered.read(step("one"))
    await gathered.stop()
    assert len(read) == 1


async def test_a_reader_that_fails_takes_nothing_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    read: list[str] = []

    def fail(entry: Entry) -> None:
        if entry.id == "one":
            raise ValueError("not this one")
        read.append(entry.id)

    gathered = gathering(fail, lambda entry: read.append(entry.id))
    gathered.read(step("one"))
    gathered.read(step("two"))
    with caplog.at_level(logging.ERROR):
        gathered.pass_on()
    assert read == ["two", "one", "two"]
    assert "one: could not be watched" in caplog.text


async def test_a_reader_may_bring_the_next_entry() -> None:
    read: list[str] = []

    def bring(entry: Entry) -> None:
        read.append(entry.id)
        if entry.id == "one":
            gathered.read(step("two"))

    gathered = gathering(bring)
    gathered.read(step("one"))
    gathered.pass_on()
    assert read == ["one"]
    gathered.pass_on()
    assert read == ["one", "two"]
