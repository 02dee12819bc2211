"""What do a rung's drafts cost, and what do a shared prefix, an early stop and one look save?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rungwise.contracts import Tier
from rungwise.lab.bench import by_round
from rungwise.lab.bench.by_round import Interval
from rungwise.lab.bench.rung_drafts import Drafted, draft, drafts, question, words
from rungwise.lab.bench.served import prose
from rungwise.lab.chats import chat_of
from rungwise.types import Chat

__all__ = ["energy_figures", "look_figures", "prefix_figures", "stopped_figures"]

Figures = dict[str, object]
Joules = Callable[[], float | None]
"""What the GPU has counted so far."""

STOP = 32
"""Tokens after which a draft is given up."""
LIKELIEST = 20


# ---- energy and price ------------------------------------------------------------------------


async def energy_figures(
    tier: Tier, joules: Joules, seats: Sequence[int], max_tokens: int, rounds: int
) -> list[Figures]:
    """At each number of drafts at a time: two for each seat, in every round; what the drafts were
    told they cost, beside the GPU's own counter over the same time."""
    return [await _at(tier, joules, c, max_tokens, rounds) for c in seats]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """Drafts that ran together, in sum."""

    seconds: float
    counted: float
    """Joules by the GPU's counter; 0 where there is none."""
    drafted: Sequence[Drafted]
    nano: int

    @property
    def written(self) -> int:
        return sum(one.written for one in self.drafted)

    @property
    def joules(self) -> float:
        return sum(one.done.joules or 0.0 for one in self.drafted)

    @property
    def engine_s(self) -> float:
        return sum(one.done.engine_s or 0.0 for one in self.drafted)


async def _at(
    tier: Tier, joules: Joules, concurrency: int, max_tokens: int, rounds: int
) -> Figures:
    chats = [chat_of(step, max_tokens=max_tokens) for step in prose(2 * concurrency)]
    await drafts(tier, chats, concurrency)
    found = [await _round(tier, joules, chats, concurrency) for _ in range(rounds)]

    def ratio(above: Callable[[_Round], float], below: Callable[[_Round], float]) -> Interval:
        return by_round.ratio([above(r) for r in found], [below(r) for r in found])

    usd = ratio(lambda r: r.nano / 1e9, lambda r: r.written / 1e6)
    counter = all(r.counted for r in found)
    read = sum(one.read for r in found for one in r.drafted)
    return {
        "concurrency": concurrency,
        "drafts": len(chats) * rounds,
        "tokens_per_s": ratio(lambda r: r.written, lambda r: r.seconds),
        "prompt_tokens_read_per_written": read / sum(r.written for r in found),
        "engine_s_over_time": ratio(lambda r: r.engine_s, lambda r: r.seconds),
        "usd_per_million_tokens": usd,
        "watts": ratio(lambda r: r.counted, lambda r: r.seconds) if counter else None,
        "joules_per_token": ratio(lambda r: r.counted, lambda r: r.written) if counter else None,
        "drafts_joules_over_counter": ratio(lambda r: r.joules, lambda r: r.counted)
        if counter
        else None,
    }


async def _round(tier: Tier, joules: Joules, chats: Sequence[Chat], concurrency: int) -> _Round:
    before, begin = joules(), time.perf_counter()
    done = await drafts(tier, chats, concurrency)
    seconds, after = time.perf_counter() - begin, joules()
    return _Round(
        seconds=seconds,
        counted=0.0 if before is None or after is None else after - before,
        drafted=done,
        nano=sum(tier.cost_nano(one.done) or 0 for one in done),
    )


# ---- a shared prefix, and a look at the first token --------------------------------------------


async def prefix_figures(tier: Tier, tokens: int, rounds: int) -> Figures:
    """To the first token, each time with a new prefix: nobody has read it, and somebody has."""
    cold, warm = list[Drafted](), list[Drafted]()
    count = round(tokens * await _words_per_token(tier))
    for n in range(-1, 2 * rounds):
        prefix = words(seed=1000 + n, count=count)
        pair = [await draft(tier, question(q, prefix), stop=1) for q in ("why?", "how then?")]
        if n >= 0:  # the first pair warms up
            cold.append(pair[0])
            warm.append(pair[1])
    firsts = [[d.first_s for d in found] for found in (cold, warm)]
    return {
        "prompt_tokens": _mean([d.prompt for d in cold]),
        "cached_tokens": {
            "cold": _mean([d.cached for d in cold]),
            "warm": _mean([d.cached for d in warm]),
        },
        "first_token_cold_ms": _ms(firsts[0]),
        "first_token_warm_ms": _ms(firsts[1]),
        "warm_over_cold": by_round.ratio(firsts[1], firsts[0]),
    }


async def look_figures(tier: Tier, tokens: int, rounds: int) -> Figures:
    """One token of a new prompt, without and with its likeliest rivals; taken in turn."""
    count = round(tokens * await _words_per_token(tier))
    plain, looked = list[Drafted](), list[Drafted]()
    for n in range(-2, 2 * rounds):
        for seed, found in ((n, plain), (n + 5000, looked)):
            chat = question("why?", words(seed=9000 + seed, count=count), 1)
            look = found is looked
            one = await draft(tier, chat, read=look, likeliest=LIKELIEST if look else 0)
            if n >= 0:
                found.append(one)
    times = [[d.whole_s for d in found] for found in (plain, looked)]
    return {
        "prompt_tokens": _mean([d.prompt for d in (*plain, *looked)]),
        "plain_ms": _ms(times[0]),
        "looked_ms": _ms(times[1]),
        "added_ms": _ms([b - a for a, b in zip(*times, strict=True)]),
    }


async def _words_per_token(tier: Tier) -> float:
    count = 300
    bare, full = [
        await draft(tier, question("why?", words(seed=7, count=n), 1)) for n in (1, count + 1)
    ]
    return count / (full.prompt - bare.prompt)


# ---- a draft that is stopped -------------------------------------------------------------------


async def stopped_figures(
    tier: Tier, seats: Sequence[int], max_tokens: int, rounds: int
) -> list[Figures]:
    """Drafts that finish, and the same given up after STOP tokens, in turn: alone, and with as
    many beside them that are given up, too."""
    found: list[Figures] = []
    for concurrency in seats:
        chats = [chat_of(s, max_tokens=max_tokens) for s in prose(2 * concurrency)]
        await drafts(tier, chats, concurrency, read=True)
        whole, early = list[list[Drafted]](), list[list[Drafted]]()
        for _ in range(rounds):
            whole.append(await drafts(tier, chats, concurrency, read=True))
            early.append(await drafts(tier, chats, concurrency, read=True, stop=STOP))
        found.append({"concurrency": concurrency, "stop": STOP, **_saved(whole, early)})
    return found


def _saved(whole: list[list[Drafted]], early: list[list[Drafted]]) -> Figures:
    def over(value: Callable[[Drafted], float]) -> Interval | None:
        above, below = ([sum(map(value, r)) for r in found] for found in (early, whole))
        return by_round.ratio(above, below) if all(below) else None

    stopped = [one for found in early for one in found]
    return {
        "tokens_whole": _mean([one.written for found in whole for one in found]),
        "tokens_stopped": _mean([one.written for one in stopped]),
        "seen_when_stopped": _mean([one.seen for one in stopped]),
        "engine_s": over(lambda one: one.done.engine_s or 0.0),
        "joules": over(lambda one: one.done.joules or 0.0),
    }


def _mean(values: list[int]) -> float:
    return sum(values) / len(values)


def _ms(seconds: Sequence[float]) -> Interval:
    return by_round.in_terms(by_round.median(seconds), lambda value: 1000 * value)
