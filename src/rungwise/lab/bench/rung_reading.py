"""What do the log-probabilities cost that a gate reads? Tokens per second of the engine alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from rungwise.lab.bench import by_round
from rungwise.lab.bench.prompts import prose
from rungwise.lab.chats import chat_of
from rungwise.types import Chat

__all__ = ["Bare", "reading_figures"]

Figures = dict[str, object]


class Bare(Protocol):
    """The engine with nothing of ours on the way: how many tokens it wrote."""

    async def __call__(self, prompts: Sequence[Chat], *, concurrency: int, read: bool) -> int: ...


async def reading_figures(
    bare: Bare, seats: Sequence[int], max_tokens: int, rounds: int
) -> list[Figures]:
    """At each number of drafts at a time, two for each seat, in turn without and with the sampled
    tokens' log-probabilities."""
    return [await _at(bare, c, max_tokens, rounds) for c in seats]


async def _at(bare: Bare, concurrency: int, max_tokens: int, rounds: int) -> Figures:
    chats = [chat_of(step, max_tokens=max_tokens) for step in prose(2 * concurrency)]
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(-1, rounds):  # the first warms up
        for read in (False, True) if number % 2 == 0 else (True, False):
            begin = time.perf_counter()
            tokens = await bare(chats, concurrency=concurrency, read=read)
            if number >= 0:
                rates[read].append(tokens / (time.perf_counter() - begin))
    return {
        "concurrency": concurrency,
        "tokens_per_s": {"not_read": rates[False], "read": rates[True]},
        "read_over_not": by_round.ratio(rates[True], rates[False]),
    }
