"""What did this draft cost the engine: which tokens, and how many of its busy seconds?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rungwise.tiers.drafting import Meter
from rungwise.tiers.local.busy import BusyClock, Part, Share
from rungwise.tiers.local.engine_stats import EngineStats
from rungwise.types import Done, Usage

__all__ = ["EngineMeter"]


@dataclass(slots=True, kw_only=True)
class EngineMeter(Meter):
    """Counts as results arrive; adds up only when asked."""

    clock: BusyClock
    stats: EngineStats | None = None
    """What its engine's drafts add up to."""
    part: Part | None = None
    share: Share | None = None
    """What fell to it for good, once it has ended."""
    ahead: Callable[[], tuple[int, int]] | None = None
    """What the engine has read and written for a draft whose only result comes at its end."""
    prompt: int = 0
    cached: int = 0
    generated: int = 0
    reasoning: int = 0
    finished: bool = False
    begun_at: float = 0.0
    first_at: float | None = None
    """When its first tokens came, and how many; None where they come with all others."""
    first: int = 0

    def started(self) -> None:
        self.part, self.begun_at = self.clock.enter(self.worked), self.clock.time()

    def stopped(self, how: str = "abort") -> None:
        if self.part is not None:
            self.share, self.part = self.clock.leave(self.part), None
            if self.stats is not None:
                self.stats.end(how)

    def worked(self) -> tuple[int, int]:
        """Prompt tokens that were not cached, and written tokens, so far."""
        if not self.prompt and self.ahead is not None:
            return self.ahead()
        return self.prompt - self.cached, self.generated

    def count(self, result: Any) -> None:
        """One RequestOutput of vLLM, whose token ids are those since the last."""
        before, written = self.generated, 0
        if not self.prompt:
            self.prompt = len(result.prompt_token_ids or ())
            self.cached = result.num_cached_tokens or 0
            if self.stats is not None:
                self.stats.prompt += self.prompt
        for output in result.outputs:
            written += len(output.token_ids)
        self.generated = before + written
        if self.stats is not None:
            self.stats.written += written
            if not before and written and self.ahead is None:
                self._begin(self.stats, written)
        if result.finished:
            self.finished = True
            if self.stats is not None:
                self._between(self.stats)
            self.stopped(str(result.outputs[-1].finish_reason) if result.outputs else "other")

    def _begin(self, stats: EngineStats, written: int) -> None:
        self.first_at, self.first = self.clock.time(), written
        stats.first_token.note(self.first_at - self.begun_at)

    def _between(self, stats: EngineStats) -> None:
        if self.first_at is not None and self.generated > self.first:
            took = self.clock.time() - self.first_at
            stats.inter_token.note(took / (self.generated - self.first))

    def done(self) -> Done:
        usage = Usage(
            input=self.prompt - self.cached,
            cache_read=self.cached,
            output=self.generated - self.reasoning,
            reasoning=self.reasoning,
            # what the engine made after the last result that reached us is not in the count
            estimated=self.prompt > 0 and not self.finished,
        )
        share = self.share if self.part is None else self.clock.share(self.part)
        return Done(
            model=self.model,
            usage=usage,
            engine_s=0.0 if share is None else share.seconds,
            joules=None if share is None else share.joules,
        )
