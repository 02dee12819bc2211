"""What did this draft cost the engine: which tokens, and how many of its busy seconds?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rungwise.tiers.drafting import Meter
from rungwise.types import Done, Usage

__all__ = ["BusyClock", "EngineMeter"]


class BusyClock:
    """Shares an engine's busy time among the drafts that ran on it.

    At every instant the engine's time is split evenly among the drafts it holds: a draft's share
    is the integral of 1/running from its `enter` to its `leave`. The shares sum to the time in
    which at least one draft was held, exactly (floating point aside). It is an estimate of each
    part: drafts are not of equal weight, and one that waits in vLLM's queue counts as running.
    O(1) per draft and free per token.
    """

    __slots__ = ("_at", "_integral", "_now", "_running")

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._at = now, now()
        self._integral = 0.0
        self._running = 0

    @property
    def running(self) -> int:
        return self._running

    def enter(self) -> float:
        """One more draft runs. Returns the mark that `share` and `leave` want back."""
        mark = self._advance()
        self._running += 1
        return mark

    def share(self, mark: float) -> float:
        """Seconds that fell to a running draft since its mark."""
        return self._advance() - mark

    def leave(self, mark: float) -> float:
        """The draft stopped running. Returns its whole share."""
        share = self._advance() - mark
        self._running -= 1
        return share

    def _advance(self) -> float:
        now = self._now()
        if self._running:
            self._integral += (now - self._at) / self._running
        self._at = now
        return self._integral


@dataclass(slots=True, kw_only=True)
class EngineMeter(Meter):
    """Counts as results arrive; adds up only when asked."""

    clock: BusyClock
    mark: float | None = None
    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0
    finished: bool = False

    def started(self) -> None:
        self.mark = self.clock.enter()

    def stopped(self) -> None:
        if self.mark is not None:
            self.engine_s, self.mark = self.clock.leave(self.mark), None

    def count(self, result: Any) -> None:
        """One RequestOutput of vLLM, whose token ids are those since the last."""
        if not self.prompt:
            self.prompt = len(result.prompt_token_ids or ())
            self.cached = result.num_cached_tokens or 0
        for output in result.outputs:
            self.generated += len(output.token_ids)
        if result.finished:
            self.finished = True
            self.stopped()

    def done(self) -> Done:
        usage = Usage(
            input=self.prompt - self.cached,
            cache_read=self.cached,
            output=self.generated - self.reasoning,
            reasoning=self.reasoning,
            # what the engine made after the last result that reached us is not in the count
            estimated=self.prompt > 0 and not self.finished,
        )
        running_s = 0.0 if self.mark is None else self.clock.share(self.mark)
        return Done(model=self.model, usage=usage, engine_s=(self.engine_s or 0.0) + running_s)
