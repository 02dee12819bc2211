"""What does this tier draft for steps whose answer is known, and is it right?"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from rungwise.confidence.reading import read_draft
from rungwise.confidence.signals import likeliest_for
from rungwise.contracts import Tier
from rungwise.drafts import collect
from rungwise.lab.calibration.recorded import Recorded
from rungwise.lab.chats import chat_of
from rungwise.lab.steps import Step
from rungwise.types import Chat, Piece

__all__ = [
    "PREFIXES",
    "Progress",
    "Read",
    "all_of",
    "draft_and_label",
    "is_right",
    "read_pieces",
    "with_reference",
]

PREFIXES = (4, 8, 16, 24, 32, 48, 64, 96, 128)
"""Deciding tokens after which the beginning of a draft is read."""
LENGTH = "log_length"
PLACES = 6
"""Decimals of a recorded reading: more is noise of the engine, and makes files larger."""

Progress = Callable[[], object]
_T = TypeVar("_T")
_Item = TypeVar("_Item")


async def draft_and_label(
    tier: Tier,
    steps: Sequence[Step],
    signals: Sequence[str],
    *,
    concurrency: int,
    progress: Progress,
) -> list[Recorded | None]:
    """Draft every step on `tier`, read it and check it; None for a draft that nothing could be read
    of. A draft that was cut off is wrong. Raises TierError."""

    async def one(step: Step) -> Recorded | None:
        chat = chat_of(step)
        pieces = await _pieces(tier, chat, read=True, likeliest=likeliest_for(signals))
        read = read_pieces(chat, pieces, signals)
        if read is None:
            return None
        return Recorded(
            step_type=step.step_type,
            readings=read.readings,
            right=is_right(step, pieces),
            prefixes=read.prefixes,
            prose=read.prose,
            tokens=read.tokens,
        )

    return await all_of(one, steps, concurrency, progress)


async def with_reference(
    tier: Tier,
    steps: Sequence[Step],
    found: Sequence[Recorded | None],
    *,
    concurrency: int,
    progress: Progress,
) -> list[Recorded | None]:
    """The same, with whether `tier` gets each of these steps right. Raises TierError."""

    async def one(pair: tuple[Step, Recorded | None]) -> Recorded | None:
        step, item = pair
        if item is None:
            return None
        pieces = await _pieces(tier, chat_of(step), read=False)
        return replace(item, reference=is_right(step, pieces))

    return await all_of(one, list(zip(steps, found, strict=True)), concurrency, progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of one draft (see Recorded)."""

    readings: Mapping[str, float]
    prefixes: Mapping[int, Mapping[str, float]]
    prose: bool
    tokens: int


def read_pieces(chat: Chat, pieces: Sequence[Piece], signals: Sequence[str]) -> Read | None:
    """The readings of a finished draft; None where some signal has nothing to read."""
    names = (*signals, LENGTH) if LENGTH not in signals else tuple(signals)
    readings, snapshots = read_draft(chat, pieces, names, PREFIXES)
    if readings is None:
        return None
    return Read(
        readings=_only(readings, signals),
        prefixes={s.tokens: _only(s.readings, signals) for s in snapshots},
        prose=not chat.tools and chat.shape is None and chat.sampling.n == 1,
        tokens=round(math.expm1(readings[LENGTH])),
    )


def _only(readings: Mapping[str, float], signals: Sequence[str]) -> dict[str, float]:
    return {name: round(readings[name], PLACES) for name in signals}


async def all_of(
    one: Callable[[_Item], Awaitable[_T]],
    items: Sequence[_Item],
    concurrency: int,
    progress: Progress,
) -> list[_T]:
    """`one` of each, so many at a time, in the order of `items`."""
    permits = asyncio.Semaphore(concurrency)

    async def permitted(item: _Item) -> _T:
        async with permits:
            found = await one(item)
        progress()
        return found

    return list(await asyncio.gather(*(permitted(item) for item in items)))


async def _pieces(tier: Tier, chat: Chat, *, read: bool, likeliest: int = 0) -> list[Piece]:
    drafting = tier.draft(chat, read=read, likeliest=likeliest)
    try:
        return [piece async for piece in drafting]
    finally:
        await drafting.aclose()


def is_right(step: Step, pieces: Sequence[Piece]) -> bool:
    """By the step's own check; a draft that was cut off is wrong."""
    choices = collect(pieces)
    if not choices or choices[0].finish == "length":
        return False
    calls = [(call.name, call.arguments) for call in choices[0].tool_calls]
    return step.check(choices[0].text, calls)
