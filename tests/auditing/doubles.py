"""What do tests of audits share? A ledger in memory, an accepted draft, and an auditor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

from rungwise.access.free import FreePurse
from rungwise.auditing.auditor import Auditor
from rungwise.config import AuditsConfig
from rungwise.contracts import Purse, Tier
from rungwise.errors import StoreError
from rungwise.story import Clock
from rungwise.types import (
    Attempt,
    Chat,
    Entry,
    Message,
    Outcome,
    Piece,
    StepType,
    Usage,
)
from rungwise.verify.checks import Checks

__all__ = ["AT", "CHAT", "Book", "accepted", "auditor", "ended", "words"]

AT = 1_795_000_000.0
CHAT = Chat(messages=(Message(role="user", text="What is it?"),), tenant="ann", route="auto")


class Book:
    """A ledger in memory. `full`: nothing can be written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.outcomes: list[tuple[str, Outcome]] = []
        self.full = False

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def record(self, entry: Entry) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise StoreError("the disk is full")
        self.entries.append(entry)

    async def label(self, entry_id: str, outcome: Outcome) -> Entry | None:
        self.outcomes.append((entry_id, outcome))
        return await self.find(entry_id)

    async def find(self, entry_id: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == entry_id), None)

    @property
    def audits(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.audits is not None]

    @property
    def rights(self) -> list[bool]:
        return [outcome.right for _, outcome in self.outcomes]


def accepted(
    id: str = "req_1",
    *,
    tier: str = "low",
    rungs: Sequence[str] = ("low", "top"),
    step_type: StepType = StepType.OPEN_CHAT,
    **more: Any,
) -> Entry:
    """An entry whose answer this rung gave."""
    attempt = Attempt(
        tier=tier,
        model="small",
        state="released",
        reason="sure enough",
        usage=Usage(input=3, output=2),
        cost_nano=0,
        started_s=0.0,
        first_piece_s=0.1,
        ended_s=0.2,
    )
    entry = Entry(
        id=id,
        at=AT,
        caller="ann",
        route="auto",
        step_type=step_type,
        plan_why="so",
        attempts=(attempt,),
        state="answered",
        first_byte_s=0.1,
        latency_s=0.2,
        rungs=tuple(rungs),
    )
    return replace(entry, **more)


@asynccontextmanager
async def auditor(
    *ladder: Tier,
    ledger: Any = None,
    purse: Purse | None = None,
    private_tags: frozenset[str] = frozenset(),
    **config: Any,
) -> AsyncIterator[Auditor]:
    """One that looks at everything, unless told otherwise."""
    loop, ids = asyncio.get_running_loop(), count(1)
    made = Auditor(
        AuditsConfig(**{"share": 1.0, **config}),
        ladder,
        purse or FreePurse(),
        Book() if ledger is None else ledger,
        Clock(now=loop.time, unix=lambda: AT),
        lambda: f"aud_{next(ids)}",
        verifier=Checks(),
        private_tags=private_tags,
    )
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def ended(made: Auditor, *, begun: int | None = None) -> None:
    """Wait until nothing of it runs, or until so many have begun."""
    async with asyncio.timeout(10):
        while made.running if begun is None else made.counts.begun < begun:
            await asyncio.sleep(0.002)


def words(text: str) -> list[Piece]:
    """What a caller saw."""
    return [Piece(text), Piece(finish="stop")]
