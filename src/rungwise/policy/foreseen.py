"""What is foreseen of each rung for one chat: how probably right, how dear, how slow?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.policy.choosing import Judged, Judges
from rungwise.policy.difficulty import Difficulty
from rungwise.policy.expected import Expectations, Expected, Prior, tokens_of
from rungwise.policy.limits import Limits
from rungwise.policy.memory import Past
from rungwise.policy.pays import Rung
from rungwise.types import Attempt, Chat, StepType

__all__ = ["Asked", "Foresight", "Unpriced", "sureness"]

_ASSUMED = Judged(reads=True, least=0.0)
"""Of a rung whose gate is not known here."""


class Unpriced(Exception):
    """No choice by what pays: what a rung's draft costs is not known."""

    def __init__(self, tier: str) -> None:
        super().__init__(f"what {tier} costs is not known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A step, or the rest of one, and the rungs that are left for it, lowest first."""

    chat: Chat
    step_type: StepType
    rungs: Sequence[str]
    usual: Sequence[str]
    """Those that the table would ask: what nothing is foreseen of stays in the plan with them."""
    right: Mapping[str, float]
    """P(acceptable), of the rungs that something is foreseen of; at least one."""
    prior: Mapping[str, float]
    """The same before anything was drafted."""
    past: Past | None
    limits: Limits


class Foresight:
    def __init__(
        self,
        difficulty: Difficulty,
        expectations: Expectations,
        judges: Judges | None,
        *,
        keeps_promise: bool,
    ) -> None:
        """Without `judges` every draft is taken to be judged, and promised nothing."""
        self._difficulty, self._expectations = difficulty, expectations
        self._judges, self._keeps_promise = judges, keeps_promise
        self._reach = {tier: difficulty.gate(tier) for tier in difficulty.tiers}
        self.link = difficulty.after

    def rungs(self, asked: Asked) -> list[Rung[float]]:
        """Those that something is foreseen of. Raises Unpriced."""
        size = tokens_of(asked.chat, asked.past)
        known = [name for name in asked.rungs if name in asked.right]
        costs = {name: self._expected(name, asked, size) for name in known}
        times = [told.seconds for told in costs.values() if told.seconds is not None]
        slowest = max(times, default=0.0)  # one that is not known is not called quick
        found = []
        for name, told in costs.items():
            if told.nano is None:
                raise Unpriced(name)
            judged, promised = self._judged(name, asked.step_type)
            rung = Rung(
                tier=name,
                right=asked.right[name],
                nano=float(told.nano),
                seconds=slowest if told.seconds is None else told.seconds,
                reach=self._reach[name],
                prior=asked.prior[name],
                judged=judged,
                promised=promised,
            )
            found.append(rung)
        return found

    def _expected(self, tier: str, asked: Asked, size: int) -> Expected:
        output, seconds = self._difficulty.expected(tier, asked.step_type)
        limit, samples = asked.chat.sampling.max_tokens, asked.chat.sampling.n
        return self._expectations.of(
            tier,
            size,
            asked.step_type,
            self._expectations.warm(tier, asked.past),
            prior=Prior(output=output, seconds=seconds),
            most_output=None if limit is None else limit * samples,
        )

    def _judged(self, tier: str, step_type: StepType) -> tuple[bool, float]:
        """Whether a draft of it can be refused for its confidence, and the promised threshold. A
        rung without a confidence could, under a promise, accept none; without one, only all."""
        told = _ASSUMED if self._judges is None else self._judges(tier, step_type)
        if told is None:
            return False, 0.0
        if not self._keeps_promise:
            return told.reads, 0.0
        return True, told.least if told.reads and told.least is not None else float("inf")

    def after(self, right: Mapping[str, float], refused: Sequence[Attempt]) -> dict[str, float]:
        """P(right) of the rungs, lowest first, now that these drafts were refused, one after the
        other."""
        found = dict(right)
        for attempt in refused:
            tiers = list(found)
            above = tiers[tiers.index(attempt.tier) + 1 :] if attempt.tier in found else []
            v = sureness(attempt)
            for tier in above:
                found[tier] = self.link(attempt.tier, v, tier, found[tier])
        return found


def sureness(refused: Attempt) -> float:
    """P(right) of a refused draft: its confidence where that was too low, and 0 where something
    else spoke against it."""
    told, asked = refused.confidence, refused.threshold
    if told is None or (asked is not None and told.probability >= asked):
        return 0.0
    return told.probability
