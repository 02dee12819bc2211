"""What did drafts of a rung usually cost, take, and come to? For those that were never made.

Plain means over the entries, for each rung and step type; where these are few, the rung's own over
all step types.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from rungwise.lab.replaying.drafts import Pricing, Recorded, drafts_of
from rungwise.types import Entry, StepType

__all__ = ["FEW", "Means", "Usual"]

FEW = 20
"""Drafts of a step type, below which the rung's own mean stands for it."""


@dataclass(slots=True)
class _Share:
    """A sum over a count; nothing without one."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1


@dataclass(slots=True)
class Usual:
    """Of one rung's drafts."""

    nano: _Share = field(default_factory=_Share)
    seconds: _Share = field(default_factory=_Share)
    evidence: _Share = field(default_factory=_Share)
    accepted: _Share = field(default_factory=_Share)
    """Of those that were judged."""
    right: _Share = field(default_factory=_Share)
    """Of those that were given and have an outcome."""
    threshold: float | None = None
    """What was asked of the last one."""

    def add(self, draft: Recorded, entry: Entry) -> None:
        if draft.attempt.state not in ("released", "abandoned"):
            return
        if draft.whole:
            self.seconds.add(draft.seconds)
            if draft.nano is not None:
                self.nano.add(draft.nano)
        if draft.judged:
            self.accepted.add(draft.given)
            if draft.evidence_nano is not None:
                self.evidence.add(draft.evidence_nano)
        if draft.attempt.threshold is not None:
            self.threshold = draft.attempt.threshold
        if draft.given and entry.outcome is not None:
            self.right.add(entry.outcome.right)


class Means:
    """Bounded by the ladder and the step types."""

    def __init__(self) -> None:
        self._tiers: defaultdict[str, Usual] = defaultdict(Usual)
        self._types: defaultdict[tuple[str, StepType], Usual] = defaultdict(Usual)
        self.entries = self.sketches = 0

    def add(self, entry: Entry, pricing: Pricing) -> None:
        self.entries += 1
        self.sketches += entry.sketch is not None
        for tier, draft in drafts_of(entry, pricing).items():
            self._tiers[tier].add(draft, entry)
            self._types[tier, entry.step_type].add(draft, entry)

    def nano(self, tier: str, step_type: StepType) -> float | None:
        return self._mean("nano", tier, step_type)

    def seconds(self, tier: str, step_type: StepType) -> float | None:
        return self._mean("seconds", tier, step_type)

    def evidence(self, tier: str, step_type: StepType) -> float:
        return self._mean("evidence", tier, step_type) or 0.0

    def accepted(self, tier: str, step_type: StepType) -> float | None:
        """The share of its judged drafts that were given; None: none was ever judged."""
        return self._mean("accepted", tier, step_type)

    def right(self, tier: str, step_type: StepType) -> float | None:
        return self._mean("right", tier, step_type)

    def threshold(self, tier: str, step_type: StepType) -> float | None:
        own = self._types[tier, step_type].threshold
        return self._tiers[tier].threshold if own is None else own

    def _mean(self, what: str, tier: str, step_type: StepType) -> float | None:
        own: _Share = getattr(self._types[tier, step_type], what)
        told: _Share = own if own.count >= FEW else getattr(self._tiers[tier], what)
        return told.total / told.count if told.count else None
