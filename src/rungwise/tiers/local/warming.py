"""What is asked of an engine that has just come up, so that its first callers need not wait?

vLLM compiles, imports and chooses much of what a request needs when the first such request comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from rungwise.config import EngineConfig
from rungwise.contracts import Drafting, Tier
from rungwise.errors import TierError
from rungwise.types import Chat, JsonObject, Message, OutputShape, Sampling, Tool

__all__ = ["Draft", "Warming", "warm_up", "warmings"]

logger = logging.getLogger(__name__)

AT_ONCE = 8
WORDS = 200
"""Of the longer prompt: a few blocks of the KV cache, or one where they are large (CPU: 128)."""
WORD_TOKENS = 8
"""A word has no more in the worst vocabularies; the prompt must fit the context."""

_GREEDY = Sampling(max_tokens=2, temperature=0)
_HELLO = Chat(messages=(Message(role="user", text="hello"),), sampling=_GREEDY)
_DRAWN = Sampling(max_tokens=4, temperature=0.7, top_p=0.9, frequency_penalty=0.1, seed=1)
_FIELD: JsonObject = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
}


class Draft(Protocol):
    """A rung's way to draft."""

    def __call__(self, chat: Chat, *, read: bool) -> Drafting: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Warming:
    """Drafts of one kind, which run at once."""

    name: str
    chats: tuple[Chat, ...]
    read: bool = True


def warmings(engine: EngineConfig) -> Iterator[Warming]:
    """What this engine will be asked for, plain drafts first."""
    short = replace(_HELLO, sampling=replace(_GREEDY, max_tokens=8))
    yield Warming(name="a draft", chats=(_HELLO,))
    yield Warming(
        name="a stream that nobody reads",
        chats=(replace(_HELLO, stream=True, sampling=_DRAWN),),
        read=False,
    )
    # before any caller's: with the first of them vLLM settles on a maker of grammars for good
    yield Warming(name="JSON", chats=(replace(short, shape=OutputShape(schema=_FIELD)),))
    if engine.tool_parser is not None:
        tool = Tool(name="say", description="Say a word.", parameters=_FIELD)
        yield Warming(name="a tool call", chats=(replace(short, tools=(tool,)),))
    yield Warming(name="a label", chats=(replace(_HELLO, labels=("yes", "no")),))
    long = replace(_HELLO, messages=(Message(role="user", text=_words(engine)),))
    yield Warming(name="a long prompt", chats=(long,))
    if engine.prefix_caching:
        yield Warming(name="a long prompt again", chats=(long,))
    samplings = (replace(_GREEDY, max_tokens=4), _DRAWN)
    several = tuple(
        Chat(
            messages=(Message(role="user", text=f"hello {number}"),),
            sampling=samplings[number % 2],
            stream=number % 2 == 0,
        )
        for number in range(min(AT_ONCE, engine.max_num_seqs))
    )
    yield Warming(name="several at once", chats=several)


async def warm_up(
    tier: Tier, engine: EngineConfig, adapters: Iterable[tuple[str, Draft]] = ()
) -> None:
    """`adapters`, by their names, draft on the same engine. Raises TierError where the first draft
    fails, or the engine dies of one: it cannot be served with. What else a model, its parsers or an
    adapter cannot do is no reason not to start."""
    asked: list[tuple[Warming, Draft]] = [(each, tier.draft) for each in warmings(engine)]
    asked += [(Warming(name=f"a draft of {name}", chats=(_HELLO,)), d) for name, d in adapters]
    for number, (warming, draft) in enumerate(asked):
        begun = time.perf_counter()
        try:
            await asyncio.gather(*(_drafted(draft, chat, warming.read) for chat in warming.chats))
        except TierError as error:
            if number == 0 or error.fault == "unavailable":
                raise
            logger.info("%s: warming up, %s: %s", tier.name, warming.name, error.message)
        seconds = time.perf_counter() - begun
        logger.debug("%s: warmed up, %s: %.2f s", tier.name, warming.name, seconds)


async def _drafted(draft: Draft, chat: Chat, read: bool) -> None:
    async with aclosing(draft(chat, read=read)) as drafting:
        async for _ in drafting:
            pass


def _words(engine: EngineConfig) -> str:
    room = WORDS if engine.max_model_len is None else engine.max_model_len // WORD_TOKENS
    return " ".join(["word"] * min(WORDS, room))
