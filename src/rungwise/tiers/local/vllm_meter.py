"""What did this draft cost the engine: which tokens, and how many of its busy seconds?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rungwise.tiers.drafting import Meter
from rungwise.tiers.local.busy import BusyClock, Part, Share
from rungwise.types import Done, Usage

__all__ = ["EngineMeter"]


@dataclass(slots=True, kw_only=True)
class EngineMeter(Meter):
    """Counts as results arrive; adds up only when asked."""

    clock: BusyClock
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

    def started(self) -> None:
        self.part = self.clock.enter(self.worked)

    def stopped(self) -> None:
        if self.part is not None:
            self.share, self.part = self.clock.leave(self.part), None

    def worked(self) -> tuple[int, int]:
        """Prompt tokens that were not cached, and written tokens, so far."""
        if not self.prompt and self.ahead is not None:
            return self.ahead()
        return self.prompt - self.cached, self.generated

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
        share = self.share if self.part is None else self.clock.share(self.part)
        return Done(
            model=self.model,
            usage=usage,
            engine_s=0.0 if share is None else share.seconds,
            joules=None if share is None else share.joules,
        )
