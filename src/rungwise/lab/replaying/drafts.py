"""Which drafts does an entry hold, and what would each cost and be judged now?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.contracts import Tier
from rungwise.escalations import Why, escalations
from rungwise.types import Attempt, AttemptState, Done, Entry, Usage

__all__ = ["Drafts", "Pricing", "Recorded", "drafts_of"]

GIVEN: tuple[AttemptState, ...] = ("released", "left", "broken_off", "recalled")
_ASKED: tuple[AttemptState, ...] = (*GIVEN, "abandoned", "failed", "spilled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One rung's draft, as it was made."""

    attempt: Attempt
    nano: int | None
    """At the prices that are replayed; None is unknown."""
    evidence_nano: int | None
    """What was asked about it."""
    judged: bool
    """Whether it could have been refused: the last rung of a plan is not judged."""
    why: Why | None = None
    """Why it was refused, where it was."""

    @property
    def seconds(self) -> float:
        return self.attempt.ended_s - self.attempt.started_s

    @property
    def given(self) -> bool:
        return self.attempt.state in GIVEN

    @property
    def whole(self) -> bool:
        """Whether it was written to its end."""
        return self.why != "early"

    @property
    def sure(self) -> float | None:
        return self.attempt.confidence.probability if self.attempt.confidence else None


Drafts = Mapping[str, Recorded]
"""By tier."""


class Pricing:
    """What an attempt costs. `again` prices what was used once more, at the ladder's prices; else
    the cost stands as it was recorded."""

    def __init__(self, ladder: Sequence[Tier], *, again: bool) -> None:
        self._tiers = {tier.name: tier for tier in ladder}
        self.again = again

    def of(self, attempt: Attempt) -> int | None:
        tier = self._tiers.get(attempt.tier)
        unasked = attempt.state in ("spilled", "recalled")
        if not self.again or tier is None or unasked:
            return attempt.cost_nano
        return tier.cost_nano(
            Done(
                model=attempt.model,
                usage=attempt.usage,
                engine_s=attempt.engine_s,
                joules=attempt.joules,
                billed_as=attempt.billed_as,
            )
        )

    def would(self, entry: Entry, tier: str) -> int | None:
        """What a hosted rung's draft of this entry would cost: as many tokens as the answer that
        was given, cached where they were. None where its price is not known, and for a local
        rung, whose price is its time."""
        if not self.again:
            return next((b.nano for b in entry.baselines if b.tier == tier), None)
        rung, seen = self._tiers.get(tier), entry.seen
        if rung is None or rung.local or seen is None:
            return None
        used = seen.usage
        usage = Usage(
            input=used.prompt_tokens - used.cache_read,
            cache_read=used.cache_read,
            output=used.output,
            reasoning=used.reasoning,
        )
        return rung.cost_nano(Done(model=rung.model, usage=usage))


def drafts_of(entry: Entry, pricing: Pricing) -> dict[str, Recorded]:
    """Evidence on a draft is asked for before the look at it ends."""
    refused = {id(draft): why for draft, why in escalations(entry)}
    found: dict[str, Recorded] = {}
    aside: int | None = 0
    for attempt in sorted(entry.attempts, key=lambda attempt: attempt.ended_s):
        nano = pricing.of(attempt)
        if attempt.role != "draft":
            aside = None if aside is None or nano is None else aside + nano
        elif attempt.state in _ASKED:
            found[attempt.tier] = Recorded(
                attempt=attempt,
                nano=nano,
                evidence_nano=aside,
                judged=_judged(attempt, entry),
                why=refused.get(id(attempt)),
            )
            aside = 0
    return found


def _judged(attempt: Attempt, entry: Entry) -> bool:
    if attempt.state == "abandoned" or attempt.threshold is not None:
        return True
    return attempt.tier in entry.rungs[:-1]
