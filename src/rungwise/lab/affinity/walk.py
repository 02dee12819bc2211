"""What becomes of simulated conversations under one router? Its plans are real, the drafts are not.

The router and what it learns from are the server's own. Each step is planned, climbs as the
cascade would have it climb, and is told to the router's readers as an entry. A prompt's cached part
is what the same rung read of this conversation before, if that is not too long ago; conversations
share nothing. Prices and speeds are stated here, and are nobody's measurement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace

import numpy as np

from rungwise.config import PriceConfig
from rungwise.contracts import Router
from rungwise.lab.affinity.conversations import RUNGS, TRIES, Conversations
from rungwise.lab.calibration.readings import Floats
from rungwise.tiers.scripted import ScriptedTier
from rungwise.types import (
    Attempt,
    Bar,
    Chat,
    Confidence,
    Done,
    Entry,
    Message,
    StepType,
    Usage,
    Wish,
)

__all__ = ["BEGAN", "COLUMNS", "Walk", "ladder"]

BEGAN = 1_795_000_000.0
"""Unix seconds of the simulated day."""
WHOLE_PROMPT = 1024
"""Tokens of the shortest prefix that a hosted cache keeps."""
KEPT_S = {"local": 600.0, "middle": 300.0, "top": 300.0}
WRITES = frozenset({"top"})
"""Whose cache writes are billed as such."""
LOCAL = PriceConfig(input=0.02, cache_read=0.002, output=0.08)
"""What the machine's time costs."""
MIDDLE = PriceConfig(input=0.75, cache_read=0.075, output=4.5)
TOP = PriceConfig(input=5, cache_read=0.5, cache_write_5m=6.25, output=25)
SPEED = {"local": (0.2, 60.0), "middle": (0.6, 90.0), "top": (1.2, 60.0)}
"""Seconds to the first token of a cached prompt, and tokens a second."""
READS_PER_S = 5000.0
"""Uncached tokens of a prompt that a rung reads in a second."""

REJECTS = "That is wrong, try again."
REJECTS_TOKENS = 8
_FILLER = "Some words about the task, which go on and on. " * 20_000

COLUMNS = (
    "tasks",
    "right",
    "steps",
    "climbs",
    "moves",
    "prompt",
    "cached",
    "hosted",
    "hosted_cached",
    "nano",
    "seconds",
)
"""Sums over a conversation: tasks, those whose last answer was right, steps, drafts that were
refused, steps answered by another rung than the one before, tokens of all prompts, those that were
read from a cache, both of hosted rungs alone, nano-dollars, seconds of waiting."""


def ladder() -> tuple[ScriptedTier, ...]:
    prices = (LOCAL, MIDDLE, TOP)
    return tuple(
        ScriptedTier(name, local=name == "local", price=price)
        for name, price in zip(RUNGS, prices, strict=True)
    )


@dataclass(slots=True)
class _Talk:
    """One conversation while it is held."""

    messages: list[Message]
    tokens: int
    """Of the prompt so far."""
    step_type: StepType
    task: int
    last_task: int
    tries: int = 0
    tier: str | None = None
    warm: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By rung: how many tokens it has read, and when."""


class Walk:
    """All conversations under one router, in the order of time. Sets `now`, which the router's
    memory must read its clock from (`unix`)."""

    def __init__(self, told: Conversations, *, least: float) -> None:
        """`least`: the confidence that a judged draft must have, where its plan has no bar."""
        self._told, self._least = told, least
        self._tiers = {tier.name: tier for tier in ladder()}
        self.now = BEGAN
        self.task = 0
        """The one that is being planned."""
        self.sums: Floats = np.zeros((len(told), len(COLUMNS)))
        """[conversations, COLUMNS]"""
        self._accepted = np.zeros((2, 2))
        """[right, accepted], of judged drafts."""

    def unix(self) -> float:
        return self.now

    @property
    def accepted(self) -> tuple[float, float]:
        """The share of judged drafts that was accepted: of the right ones, of the wrong ones."""
        right, wrong = (
            row[1] / max(row.sum(), 1) for row in (self._accepted[1], self._accepted[0])
        )
        return float(right), float(wrong)

    def run(
        self,
        router: Router,
        readers: Sequence[Callable[[Entry], None]],
        progress: Callable[[], object],
    ) -> None:
        """`progress` is called at the end of each conversation."""
        told = self._told
        queue = [(BEGAN + float(at), i) for i, at in enumerate(told.begins_s)]
        heapify(queue)
        talks: dict[int, _Talk] = {}
        while queue:
            self.now, i = queue[0]
            talk = talks.get(i) or talks.setdefault(i, self._begin(i))
            ended = self._step(i, talk, router, readers)
            if talk.task < talk.last_task:
                pause = float(told.pause_s[talk.task, talk.tries])
                heapreplace(queue, (ended + pause, i))
            else:
                heappop(queue)
                del talks[i]
                progress()

    def _begin(self, i: int) -> _Talk:
        told = self._told
        system, task = int(told.system[i]), int(told.first[i])
        return _Talk(
            messages=[
                Message(role="system", text=_words(system)),
                Message(role="user", text=f"Task {i}. {_words(int(told.asked[task]))}"),
            ],
            tokens=system + int(told.asked[task]),
            step_type=StepType.CODE_GENERATION if told.coding[i] else StepType.OPEN_CHAT,
            task=task,
            last_task=int(told.first[i + 1]),
        )

    def _step(
        self, i: int, talk: _Talk, router: Router, readers: Sequence[Callable[[Entry], None]]
    ) -> float:
        """When its answer has ended. The next step is prepared: its task, or another try."""
        chat = Chat(messages=tuple(talk.messages), wish=Wish(step_type=talk.step_type))
        entry = self._climb(i, talk, router, chat)
        seen = entry.attempts[-1]
        self._count(i, talk, entry)
        talk.tier = seen.tier
        for read in readers:
            read(entry)
        self._answer(i, talk, right=self._right(talk, seen.tier), tokens=seen.usage.output)
        return self.now + entry.latency_s

    def _climb(self, i: int, talk: _Talk, router: Router, chat: Chat) -> Entry:
        self.task = talk.task
        plan = router.plan(chat)
        attempts: list[Attempt] = []
        rungs, bars = plan.rungs, plan.bars
        while not attempts or attempts[-1].state == "abandoned":
            asked = self._asked(rungs[0], bars) if len(rungs) > 1 else None
            attempts.append(self._draft(talk, rungs[0], attempts, asked))
            if attempts[-1].state == "abandoned":
                onward = router.onward(plan, chat, attempts)
                rungs, bars = onward.rungs, onward.bars or bars
        return Entry(
            id=f"req_{i}",
            at=self.now,
            caller="simulated",
            route="auto",
            step_type=talk.step_type,
            plan_why=plan.why,
            attempts=tuple(attempts),
            state="answered",
            first_byte_s=attempts[-1].first_piece_s,
            latency_s=attempts[-1].ended_s,
            rungs=plan.rungs,
            conversation=plan.conversation,
        )

    def _asked(self, rung: str, bars: Sequence[Bar]) -> float:
        """The confidence that a draft of this rung must have, as the gate has it."""
        bar = next((bar for bar in bars if bar.tier == rung), None)
        if bar is None:
            return self._least
        return bar.confidence if bar.waives else max(bar.confidence, self._least)

    def _draft(
        self, talk: _Talk, rung: str, before: Sequence[Attempt], asked: float | None
    ) -> Attempt:
        """`asked`: the confidence that it must have; None: it is not judged."""
        started = before[-1].ended_s if before else 0.0
        usage = self._usage(talk, rung, self.now + started)
        first, per_second = SPEED[rung]
        read_s = (usage.prompt_tokens - usage.cache_read) / READS_PER_S
        sure = float(self._told.sure[talk.task, talk.tries, RUNGS.index(rung)])
        accepted = asked is None or sure >= asked
        if asked is not None:
            self._accepted[int(self._right(talk, rung)), int(accepted)] += 1
        return Attempt(
            tier=rung,
            model=rung,
            state="released" if accepted else "abandoned",
            reason="simulated",
            usage=usage,
            cost_nano=self._tiers[rung].cost_nano(Done(model=rung, usage=usage, engine_s=0.0)),
            started_s=started,
            first_piece_s=started + first + read_s,
            ended_s=started + first + read_s + usage.output / per_second,
            confidence=Confidence(probability=sure, calibration="simulated"),
            threshold=asked,
        )

    def _usage(self, talk: _Talk, rung: str, at: float) -> Usage:
        """What is read of the prompt, which is warm there from now on."""
        warm, since = talk.warm.get(rung, (0, 0.0))
        read = warm if warm >= WHOLE_PROMPT and at - since < KEPT_S[rung] else 0
        talk.warm[rung] = (talk.tokens, at)
        cold = talk.tokens - read
        return Usage(
            input=0 if rung in WRITES else cold,
            cache_read=read,
            cache_write_5m=cold if rung in WRITES else 0,
            output=int(self._told.answer[talk.task, talk.tries]),
        )

    def _right(self, talk: _Talk, rung: str) -> bool:
        return bool(self._told.right[talk.task, talk.tries, RUNGS.index(rung)])

    def _answer(self, i: int, talk: _Talk, *, right: bool, tokens: int) -> None:
        """The answer, and what the user says to it."""
        told = self._told
        again = not right and talk.tries + 1 < TRIES
        if again and told.rejected[talk.task, talk.tries]:
            talk.tries += 1
            said, asked = REJECTS, REJECTS_TOKENS
        else:
            self.sums[i, COLUMNS.index("tasks")] += 1
            self.sums[i, COLUMNS.index("right")] += right
            talk.task, talk.tries = talk.task + 1, 0
            if talk.task == talk.last_task:
                return
            asked = int(told.asked[talk.task])
            said = _words(asked)
        talk.messages += [
            Message(role="assistant", text=_words(tokens)),
            Message(role="user", text=said),
        ]
        talk.tokens += tokens + asked

    def _count(self, i: int, talk: _Talk, entry: Entry) -> None:
        usage, row = entry.usage, self.sums[i]
        hosted = [a.usage for a in entry.attempts if a.tier != "local"]
        assert entry.cost_nano is not None, "all prices are stated"
        told = {
            "steps": 1,
            "climbs": len(entry.attempts) - 1,
            "moves": talk.tier is not None and talk.tier != entry.tier,
            "prompt": usage.prompt_tokens,
            "cached": usage.cache_read,
            "hosted": sum(usage.prompt_tokens for usage in hosted),
            "hosted_cached": sum(usage.cache_read for usage in hosted),
            "nano": entry.cost_nano,
            "seconds": entry.latency_s,
        }
        for name, value in told.items():
            row[COLUMNS.index(name)] += value


def _words(tokens: int) -> str:
    """About as many tokens of text."""
    return _FILLER[: 4 * tokens]
