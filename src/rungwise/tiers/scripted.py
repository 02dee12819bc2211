"""What would the cascade do with such a draft? A tier that writes what a script says; for tests."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from rungwise.config import PriceConfig
from rungwise.errors import TierError
from rungwise.tiers.drafting import Drafting, Meter
from rungwise.tiers.prices import price_of
from rungwise.types import (
    LEAST_LOGPROB,
    Chat,
    Done,
    FinishReason,
    Piece,
    TierFault,
    TokenAlternative,
    TokenLogprob,
    ToolCallDelta,
    Usage,
)

__all__ = [
    "Fail",
    "Pause",
    "Script",
    "ScriptedTier",
    "Stall",
    "call",
    "decline",
    "fail",
    "label",
    "pause",
    "say",
    "script",
    "stall",
]


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


@dataclass(frozen=True, slots=True)
class Stall:
    """Never goes on; ends by being closed or cancelled."""


@dataclass(frozen=True, slots=True)
class Fail:
    fault: TierFault
    message: str = "scripted"
    retry_after_s: float | None = None


Step: TypeAlias = Piece | Pause | Stall | Fail


@dataclass(frozen=True, slots=True)
class Script:
    """What one draft does, step by step. `first + second` does one after the other.

    `usage` is what a draft that ran to its end has used; without it, and until then, it is a token
    for each word of the messages and for each piece that was given.
    """

    steps: tuple[Step, ...]
    usage: Usage | None = None
    model: str | None = None
    engine_s: float | None = None

    def __add__(self, other: Script) -> Script:
        return replace(
            self,
            steps=self.steps + other.steps,
            usage=other.usage or self.usage,
            model=other.model or self.model,
            engine_s=self.engine_s if other.engine_s is None else other.engine_s,
        )


def script(*steps: Step, usage: Usage | None = None, model: str | None = None) -> Script:
    return Script(steps, usage=usage, model=model)


def say(
    text: str,
    *,
    logprob: float | None = None,
    logprobs: Sequence[float | None] = (),
    likeliest: Sequence[Sequence[float]] = (),
    shown: Sequence[TokenLogprob] = (),
    finish: FinishReason | None = "stop",
    delay: float = 0.0,
    choice: int = 0,
    reasoning: str = "",
    usage: Usage | None = None,
    model: str | None = None,
    engine_s: float | None = None,
) -> Script:
    """One piece, and one token, for each word; each waits `delay` first.

    `logprob` is every word's; `logprobs` are the words' in order and win. Without either there is
    nothing to read. `likeliest` and `shown` are the words' in order, too (see Piece). `finish=None`
    leaves the draft open for what is added to it.
    """
    words = re.findall(r"\S+\s*|^\s+", text)
    read = list(logprobs) or ([] if logprob is None else [logprob] * len(words))
    steps: list[Step] = [Piece(choice=choice, reasoning=reasoning)] if reasoning else []
    for place, word in enumerate(words):
        if delay:
            steps.append(Pause(delay))
        rivals = tuple(tuple(values) for values in likeliest[place : place + 1])
        told = tuple(shown[place : place + 1])
        one = tuple(read[place : place + 1])
        steps.append(Piece(word, choice, one, shown=told, likeliest=rivals))
    if finish is not None:
        steps.append(Piece(choice=choice, finish=finish))
    return Script(tuple(steps), usage=usage, model=model, engine_s=engine_s)


def label(word: str, **probabilities: float) -> Script:
    """One word in answer to a question with labels, and how probable each of them was."""
    others = tuple(
        TokenAlternative(text=text, logprob=math.log(p)) for text, p in probabilities.items()
    )
    logprob = next((o.logprob for o in others if o.text == word), LEAST_LOGPROB)
    return say(word, shown=(TokenLogprob(text=word, logprob=logprob, alternatives=others),))


def call(
    name: str,
    arguments: str = "{}",
    *,
    id: str = "call_1",
    index: int = 0,
    logprob: float | None = None,
    finish: FinishReason | None = "tool_calls",
) -> Script:
    """One tool call in two parts."""
    read = () if logprob is None else (logprob,)
    parts = (ToolCallDelta(index, id, name), ToolCallDelta(index, arguments=arguments))
    steps = [Piece(tool_calls=(part,), logprobs=read) for part in parts]
    return Script((*steps, Piece(finish=finish)) if finish is not None else tuple(steps))


def decline(text: str = "I cannot help with that.") -> Script:
    return Script((Piece(refusal=text), Piece(finish="content_filter")))


def fail(
    fault: TierFault, message: str = "scripted", *, retry_after_s: float | None = None
) -> Script:
    return Script((Fail(fault, message, retry_after_s),))


def stall() -> Script:
    return Script((Stall(),))


def pause(seconds: float) -> Script:
    return Script((Pause(seconds),))


class ScriptedTier:
    """A whole Tier (see contracts.Tier) that writes its scripts in order, the last one for ever.

        ScriptedTier("tier1", say("no idea", logprob=-3), say("hello", logprob=-0.1))
        ScriptedTier("tier2", say("half an", finish=None) + fail("broken"))
        ScriptedTier("tier3", lambda chat: say(chat.messages[-1].text))

    Log-probabilities come only where they are asked for, as many as are asked for.

    What happened is in `chats`, `reads` and `likeliest` (every draft begun), `given` (pieces of
    every draft that was iterated, by draft) and `closed_after` (pieces given before each early
    close). `ill` is what health() says, `start_fault` what start() raises, `unable` what it lacks
    for any chat, `full` why it should not be asked, `most` what a draft can be billed at most.
    """

    def __init__(
        self,
        name: str,
        *scripts: Script | Callable[[Chat], Script],
        model: str = "scripted",
        local: bool = True,
        price: PriceConfig | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name, self.model, self.local = name, model, local
        self._scripts = list(scripts) or [say("")]
        self._price, self._sleep = price_of(price), sleep
        self.running = False
        self.ill: str | None = None
        self.start_fault: TierError | None = None
        self.unable: str | None = None
        self.full: str | None = None
        self.most: int | None = 0
        self.chats: list[Chat] = []
        self.reads: list[bool] = []
        self.likeliest: list[int] = []
        self.given: list[int] = []
        self.closed_after: list[int] = []
        self.open = 0
        """Drafts that are being written just now."""

    async def start(self) -> None:
        if self.start_fault is not None:
            raise self.start_fault
        self.running = True

    async def stop(self) -> None:
        self.running = False

    async def health(self) -> str | None:
        return self.ill

    def cost_nano(self, done: Done) -> int | None:
        return self._price.cost_nano(done.usage)

    def most_nano(self, chat: Chat) -> int | None:
        return self.most

    def lacks(self, chat: Chat) -> str | None:
        return self.unable

    def saturation(self) -> str | None:
        return self.full

    def draft(self, chat: Chat, *, read: bool, likeliest: int = 0) -> Drafting:
        """Needs no start(), so that a test may leave it out."""
        found = self._scripts[min(len(self.chats), len(self._scripts) - 1)]
        self.chats.append(chat)
        self.reads.append(read)
        self.likeliest.append(likeliest)
        chosen = found if isinstance(found, Script) else found(chat)
        meter = Meter(model=chosen.model or self.model)
        return Drafting(self._write(chat, chosen, meter, likeliest if read else None), meter)

    async def _write(
        self, chat: Chat, chosen: Script, meter: Meter, likeliest: int | None
    ) -> AsyncGenerator[Piece, None]:
        draft, ended = len(self.given), False
        self.given.append(0)
        self.open += 1
        words = sum(len(message.text.split()) for message in chat.messages)
        meter.usage = Usage(input=words)
        try:
            for step in chosen.steps:
                if not isinstance(step, Piece):
                    await self._do(step)
                    continue
                self.given[draft] += 1
                meter.usage = Usage(input=words, output=self.given[draft])
                yield _asked_for(step, chat, likeliest)
            meter.usage, ended = chosen.usage or meter.usage, True
            meter.engine_s = chosen.engine_s
        except TierError:
            ended = True
            raise
        finally:
            self.open -= 1
            if not ended:
                self.closed_after.append(self.given[draft])

    async def _do(self, step: Pause | Stall | Fail) -> None:
        match step:
            case Pause(seconds):
                await self._sleep(seconds)
            case Stall():
                await asyncio.Event().wait()
            case Fail(fault, message, retry_after_s):
                raise TierError(self.name, fault, message, retry_after_s=retry_after_s)


def _asked_for(piece: Piece, chat: Chat, likeliest: int | None) -> Piece:
    """The piece without the log-probabilities that nobody wants; `likeliest` None reads none."""
    if likeliest is None:
        piece = replace(piece, logprobs=(), likeliest=())
    rivals = tuple(values[:likeliest] for values in piece.likeliest) if likeliest else ()
    shown = piece.shown if chat.labels or chat.sampling.top_logprobs is not None else ()
    return replace(piece, likeliest=rivals, shown=shown)
