"""What does stopping doubtful drafts early save on a GPU, where some of a traffic are doubtful?

Which drafts are doubtful is scripted: random weights have no calibration, and no draft is judged
here. What is measured is what the engine does, and no longer does, when its drafts are given up.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rungwise.contracts import Tier
from rungwise.lab.bench import by_round
from rungwise.lab.bench.by_round import Interval
from rungwise.lab.bench.rung_drafts import Drafted, draft, question, words
from rungwise.types import Chat

__all__ = ["SHARE", "STOPS", "doubtful_figures"]

Figures = dict[str, object]
Joules = Callable[[], float | None]

SHARE = 0.3
"""Of all drafts."""
STOPS = (0.25, 0.5)
"""Where a doubtful draft is given up, as a share of its tokens."""
WORDS = 100
"""Of a prompt, which nobody has read before: some hundred tokens."""
WAVES = 4
"""Drafts for each seat: fewer, and the last ones, which run alone, weigh too much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One traffic, from its first draft to its last."""

    seconds: float
    counted: float
    """Joules by the GPU's counter; 0 where there is none."""
    drafted: Sequence[Drafted]

    @property
    def engine_s(self) -> float:
        return sum(one.done.engine_s or 0.0 for one in self.drafted)

    @property
    def written(self) -> int:
        return sum(one.written for one in self.drafted)


async def doubtful_figures(
    tier: Tier, joules: Joules, seats: Sequence[int], max_tokens: int, rounds: int
) -> list[Figures]:
    """At each number of drafts at a time, in turn: all drafts to their end, and those that are
    doubtful given up at each of STOPS. The gate reads all of them, as it would."""
    return [await _at(tier, joules, c, max_tokens, rounds) for c in seats]


async def _at(
    tier: Tier, joules: Joules, concurrency: int, max_tokens: int, rounds: int
) -> Figures:
    count = WAVES * concurrency
    doubtful = set(random.Random(concurrency).sample(range(count), round(SHARE * count)))
    ways = (None, *(max(1, round(share * max_tokens)) for share in STOPS))
    found: dict[int | None, list[_Run]] = {way: [] for way in ways}
    await _run(tier, joules, _chats(0, count, max_tokens), concurrency, [None] * count)
    for number in range(rounds):
        for place, way in enumerate(ways):
            chats = _chats(1 + number * len(ways) + place, count, max_tokens)
            stops = [way if i in doubtful else None for i in range(count)]
            found[way].append(await _run(tier, joules, chats, concurrency, stops))
    return {
        "concurrency": concurrency,
        "drafts": count * rounds,
        "doubtful": f"scripted: {len(doubtful)} of every {count}; no draft was judged",
        "to_the_end": _told(found[None]),
        "stopped": [
            {"at_tokens": way, **_told(found[way]), **_saved(found[None], found[way])}
            for way in ways[1:]
        ],
    }


def _chats(number: int, count: int, max_tokens: int) -> list[Chat]:
    first = 7_000_000 + 10_000 * number
    return [question(words(seed=first + i, count=WORDS), "", max_tokens) for i in range(count)]


async def _run(
    tier: Tier,
    joules: Joules,
    chats: Sequence[Chat],
    concurrency: int,
    stops: Sequence[int | None],
) -> _Run:
    waiting, drafted = iter(zip(chats, stops, strict=True)), list[Drafted]()

    async def work() -> None:
        for chat, stop in waiting:
            one = await draft(tier, chat, read=True, stop=stop)
            drafted.append(one)

    before, begin = joules(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(concurrency)))
    seconds, after = time.perf_counter() - begin, joules()
    counted = 0.0 if before is None or after is None else after - before
    return _Run(seconds=seconds, counted=counted, drafted=drafted)


def _told(runs: Sequence[_Run]) -> Figures:
    drafts = sum(len(run.drafted) for run in runs)
    return {
        "gpu_s_per_1000_drafts": 1000 * sum(run.engine_s for run in runs) / drafts,
        "tokens_per_draft": sum(run.written for run in runs) / drafts,
    }


def _saved(whole: Sequence[_Run], early: Sequence[_Run]) -> Figures:
    """Shares of what all drafts to their end took in the same round."""

    def share(of: Callable[[_Run], float]) -> Interval | None:
        above, below = [of(run) for run in early], [of(run) for run in whole]
        if not all(below):
            return None
        return by_round.in_terms(by_round.ratio(above, below), lambda left: 1 - left)

    return {
        "gpu_s_saved": share(lambda run: run.engine_s),
        "time_saved": share(lambda run: run.seconds),
        "joules_saved": share(lambda run: run.counted),
        "tokens_saved": share(lambda run: run.written),
    }
