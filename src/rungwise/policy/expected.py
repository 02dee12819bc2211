"""What will a rung's draft probably use? Learned from the ledger's lines, as they are written.

Exponentially weighted means for each rung and step type; while those are few, mostly the rung's
own over all step types, and while those are few, mostly what the predictor's training data had.
Bounded by the ladder: nothing grows with traffic. Everything happens on one event loop, so there
is nothing to lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rungwise.contracts import Tier
from rungwise.policy.affinity import warm_tokens
from rungwise.policy.memory import Past
from rungwise.types import Attempt, AttemptState, Chat, Done, Entry, StepType, Usage

__all__ = ["Expectations", "Expected", "Prior", "tokens_of"]

WEIGHT = 0.02
"""Of the newest draft: about the last fifty count."""
FEW = 10
"""As many drafts count as much as what is assumed without them."""
USUAL_OUTPUT = 200.0
"""Tokens of a draft of which nothing is known: one number for all rungs, so that it is their
prices that tell them apart."""
PREFILL = 1 / 20
"""What reading a token costs an engine, against writing one: of the order of magnitude."""
CHARS_PER_TOKEN, IMAGE_TOKENS = 4, 1000
"""As a rule."""
_FINISHED: tuple[AttemptState, ...] = ("released", "abandoned")
"""Drafts that tell what drafts use: nobody cut them off but the gate, as it will again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Of one draft; None is unknown, never zero."""

    nano: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is assumed before anything was learned; None is unknown."""

    output: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class _Mean:
    value: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.count += 1
        self.value += max(WEIGHT, 1 / self.count) * (value - self.value)

    def over(self, assumed: float) -> float:
        """Shrunk to what is assumed without it."""
        return assumed + self.count / (self.count + FEW) * (self.value - assumed)

    def told(self, assumed: float | None) -> float | None:
        """The same where it may be that nothing is assumed."""
        if assumed is not None:
            return self.over(assumed)
        return self.value if self.count else None


@dataclass(slots=True)
class _Means:
    """What the drafts of one rung used."""

    output: _Mean = field(default_factory=_Mean)
    seconds: _Mean = field(default_factory=_Mean)
    engine: _Mean = field(default_factory=_Mean)
    """Busy seconds for a written token, read ones counted by PREFILL."""
    cached: _Mean = field(default_factory=_Mean)
    """Of the prompt, the share that was read from a cache."""
    written_5m: _Mean = field(default_factory=_Mean)
    written_1h: _Mean = field(default_factory=_Mean)
    """Of the rest, the shares that were written to one."""
    refused: _Mean = field(default_factory=_Mean)
    """Of the drafts that were judged."""

    def add(self, attempt: Attempt) -> None:
        usage = attempt.usage
        self.output.add(usage.completion_tokens)
        self.seconds.add(attempt.ended_s - attempt.started_s)
        work = usage.completion_tokens + PREFILL * (usage.prompt_tokens - usage.cache_read)
        if attempt.engine_s is not None and work > 0:
            self.engine.add(attempt.engine_s / work)
        if usage.prompt_tokens:
            self.cached.add(usage.cache_read / usage.prompt_tokens)
        if cold := usage.prompt_tokens - usage.cache_read:
            self.written_5m.add(usage.cache_write_5m / cold)
            self.written_1h.add(usage.cache_write_1h / cold)
        if attempt.threshold is not None or attempt.state == "abandoned":
            self.refused.add(float(attempt.state == "abandoned"))


class Expectations:
    """Of every rung of the ladder."""

    def __init__(self, ladder: Sequence[Tier], *, unix: Callable[[], float] = time.time) -> None:
        self._tiers = {tier.name: tier for tier in ladder}
        self._unix = unix
        self._of_tier = {name: _Means() for name in self._tiers}
        self._of_type = {(name, kind): _Means() for name in self._tiers for kind in StepType}

    def learn(self, entry: Entry) -> None:
        """A reader of the ledger. O(attempts). A remembered answer, a rung that failed and a draft
        that its caller left teach nothing."""
        for attempt in entry.attempts:
            known = attempt.tier in self._tiers
            if known and attempt.role == "draft" and attempt.state in _FINISHED:
                self._of_tier[attempt.tier].add(attempt)
                self._of_type[attempt.tier, entry.step_type].add(attempt)

    def of(
        self,
        tier: str,
        chat_size: int,
        step_type: StepType,
        warm: int = 0,
        *,
        prior: Prior | None = None,
        most_output: int | None = None,
    ) -> Expected:
        """Of one draft for a prompt of about `chat_size` tokens, `warm` of which its rung has read
        already. O(1)."""
        prior, told = prior or Prior(), self._tiers[tier]
        own, pool = self._of_type[tier, step_type], self._of_tier[tier]
        assumed = USUAL_OUTPUT if prior.output is None else prior.output
        output = own.output.over(pool.output.over(assumed))
        if most_output is not None:
            output = min(output, most_output)
        seconds = own.seconds.told(pool.seconds.told(prior.seconds))
        usage = _usage(pool, chat_size, warm, round(output))
        engine_s = _engine_s(own, pool, usage, prior) if told.local else None
        done = Done(model=told.model, usage=usage, engine_s=engine_s)
        return Expected(nano=told.cost_nano(done), seconds=seconds)

    def warm(self, tier: str, past: Past | None) -> int:
        """How many tokens of the prompt this rung has read already."""
        return warm_tokens(past, tier, local=self._tiers[tier].local, now=self._unix())

    def refused(self, tier: str, step_type: StepType) -> float | None:
        """The share of its judged drafts that were refused; None while too few were."""
        own, pool = self._of_type[tier, step_type].refused, self._of_tier[tier].refused
        return own.over(pool.value) if pool.count >= FEW else None


def tokens_of(chat: Chat, past: Past | None = None) -> int:
    """About how many the prompt has: no fewer than the conversation's last one."""
    chars = images = 0
    for message in chat.messages:
        chars += len(message.text) + sum(len(call.arguments) for call in message.tool_calls)
        images += len(message.images)
    about = chars // CHARS_PER_TOKEN + images * IMAGE_TOKENS
    return about if past is None else max(about, past.prompt_tokens)


def _usage(pool: _Means, size: int, warm: int, output: int) -> Usage:
    """A rung that was never seen to read from a cache has none."""
    caches = pool.cached.count < FEW or pool.cached.value > 0
    read = min(warm, size) if caches else 0
    short = round((size - read) * pool.written_5m.value)
    long = min(size - read - short, round((size - read) * pool.written_1h.value))
    return Usage(
        input=size - read - short - long,
        cache_read=read,
        cache_write_5m=short,
        cache_write_1h=long,
        output=output,
    )


def _engine_s(own: _Means, pool: _Means, usage: Usage, prior: Prior) -> float | None:
    """A draft that had the engine to itself took as long as it was busy."""
    per_token = own.engine.told(pool.engine.told(None))
    if per_token is None:
        return prior.seconds
    return per_token * (usage.output + PREFILL * (usage.prompt_tokens - usage.cache_read))
