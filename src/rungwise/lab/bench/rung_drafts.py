"""How long did a rung take for a draft, alone or among others, and what was it told it cost?"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rungwise.contracts import Tier
from rungwise.types import Chat, Done, Message, Sampling

__all__ = ["Drafted", "draft", "drafts", "question", "words"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """Times in seconds since the draft was asked for."""

    first_s: float
    """To the first piece that carries text or a reading."""
    whole_s: float
    seen: int
    """Tokens that had come when it was stopped, or ended, as far as they were read; else pieces."""
    done: Done

    @property
    def written(self) -> int:
        return self.done.usage.output + self.done.usage.reasoning

    @property
    def read(self) -> int:
        """Prompt tokens that were not in the prefix cache."""
        return self.done.usage.input

    @property
    def cached(self) -> int:
        return self.done.usage.cache_read

    @property
    def prompt(self) -> int:
        return self.read + self.cached


async def draft(
    tier: Tier, chat: Chat, *, read: bool = False, likeliest: int = 0, stop: int | None = None
) -> Drafted:
    """One draft, given up once `stop` tokens have been seen."""
    begin, first, seen = time.perf_counter(), 0.0, 0
    drafting = tier.draft(chat, read=read, likeliest=likeliest)
    try:
        async for piece in drafting:
            if piece.text or piece.logprobs:
                first = first or time.perf_counter()
            seen += len(piece.logprobs) or bool(piece.text)
            if stop is not None and seen >= stop:
                break
    finally:
        await drafting.aclose()
    end = time.perf_counter()
    return Drafted(
        first_s=(first or end) - begin, whole_s=end - begin, seen=seen, done=drafting.spent()
    )


async def drafts(
    tier: Tier,
    chats: Sequence[Chat],
    concurrency: int,
    *,
    read: bool = False,
    stop: int | None = None,
) -> list[Drafted]:
    """All of them, so many at a time, in the order in which they ended."""
    waiting, found = iter(chats), list[Drafted]()

    async def work() -> None:
        for chat in waiting:
            one = await draft(tier, chat, read=read, stop=stop)
            found.append(one)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return found


def question(words: str, system: str, max_tokens: int = 8) -> Chat:
    return Chat(
        messages=(Message(role="system", text=system), Message(role="user", text=words)),
        sampling=Sampling(max_tokens=max_tokens, temperature=0.0),
        stream=True,
    )


def words(*, seed: int, count: int) -> str:
    """Made-up words that no other seed gives, so that nobody has read them before."""
    draw = random.Random(seed)
    return " ".join("".join(draw.choices("abcdefghijklmnop", k=4)) for _ in range(count))
