"""What is a report made of? One line for each group of steps, and what stands beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rungwise.counted import wilson

__all__ = [
    "Against",
    "Audits",
    "Doubts",
    "Group",
    "Idle",
    "Key",
    "Line",
    "Looked",
    "Report",
    "Rung",
    "Tasks",
    "Times",
    "known",
]

Group: TypeAlias = Literal["route", "step_type", "key", "tier", "day"]
Key: TypeAlias = tuple[str, ...]
"""A group's values, in the order it was asked for; a day as its number since 1970-01-01. By tier
steps are grouped by the rung that answered, which is its model; "" is none."""


def known(nano: int, unpriced: int, of: int) -> int | None:
    """The sum of those of so many that have a price; None where none of them has one. Of nothing
    at all it is 0."""
    return None if unpriced and unpriced >= of else nano


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """A named baseline: one hosted rung had written every answer that it has a price for.

    Its tokens are those of the drafts that were given out, cached prompt tokens at its price for
    cached ones; `cost_nano` is what these same answers did cost here, every attempt included.
    """

    answers: int = 0
    nano: int = 0
    cost_nano: int = 0

    @property
    def compared(self) -> bool:
        """Whether any answer has a price both there and here."""
        return self.answers > 0

    @property
    def saved(self) -> float | None:
        """The share of the baseline's cost that was not spent; below 0 where more was."""
        return 1 - self.cost_nano / self.nano if self.nano else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What one tier did in a group, evidence on other rungs' drafts included."""

    tier: str
    model: str
    attempts: int
    released: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    abandoned_tokens: int
    cost_nano: int
    unpriced: int
    saved_nano: int
    """By prompt caching, what was paid for writing to a cache deducted."""
    engine_s: float
    joules: float

    @property
    def known_nano(self) -> int | None:
        return known(self.cost_nano, self.unpriced, self.attempts)

    @property
    def known_saved_nano(self) -> int | None:
        return known(self.saved_nano, self.unpriced, self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds, of answered steps, within 1 %; None where nobody knows."""

    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Drafts of one tier that were doubted, for one reason (see escalations.py)."""

    tier: str
    why: str
    drafts: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """Steps that have one name, together, by their first one; a step without is a task of its own.
    Money is of those all of whose steps have a price."""

    tasks: int = 0
    labelled: int = 0
    right: int = 0
    cost_nano: int = 0
    unpriced: int = 0
    labelled_nano: int = 0
    right_priced: int = 0

    @property
    def accuracy(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.labelled) if self.labelled else None

    @property
    def cost_nano_each(self) -> float | None:
        priced = self.tasks - self.unpriced
        return self.cost_nano / priced if priced else None

    @property
    def cost_per_right_nano(self) -> float | None:
        """Of those with a price that were labelled: what they cost, over how many were right."""
        return self.labelled_nano / self.right_priced if self.right_priced else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One group of steps. Money is of those with a known price; `unpriced` counts the others."""

    key: Key
    steps: int = 0
    answered: int = 0
    labelled: int = 0
    right: int = 0
    escalated: int = 0
    spilled: int = 0
    recalled: int = 0
    cost_nano: int = 0
    unpriced: int = 0
    labelled_nano: int = 0
    right_priced: int = 0
    times: Times = Times()
    first_bytes: Times = Times()
    """Neither is known by key and by route or step type at once."""
    tasks: Tasks | None = None
    """None by step type and by tier: steps of one task may be of several."""
    doubts: tuple[Doubts, ...] = ()
    answers: Mapping[str, int] = field(default_factory=dict)
    """By the tier that gave them."""
    rungs: tuple[Rung, ...] = ()
    against: Mapping[str, Against] = field(default_factory=dict)

    @property
    def accuracy(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def accuracy_interval(self) -> tuple[float, float] | None:
        return wilson(self.right, self.labelled) if self.labelled else None

    @property
    def escalation_rate(self) -> float:
        return self.escalated / self.steps if self.steps else 0.0

    @property
    def known_nano(self) -> int | None:
        return known(self.cost_nano, self.unpriced, self.steps)

    @property
    def cost_per_step_nano(self) -> float | None:
        priced = self.steps - self.unpriced
        return self.cost_nano / priced if priced else None

    @property
    def cost_per_right_nano(self) -> float | None:
        """Of the steps with a price that were labelled: what they cost, over how many of those were
        right."""
        return self.labelled_nano / self.right_priced if self.right_priced else None

    @property
    def share(self) -> Mapping[str, float]:
        total = sum(self.answers.values())
        return {tier: count / total for tier, count in sorted(self.answers.items())}

    @property
    def cached_share(self) -> float | None:
        """Of all prompt tokens, drafts in vain and evidence included."""
        prompt = sum(rung.prompt_tokens for rung in self.rungs)
        return sum(rung.cached_tokens for rung in self.rungs) / prompt if prompt else None

    @property
    def saved_nano(self) -> int:
        return sum(rung.saved_nano for rung in self.rungs)

    @property
    def known_saved_nano(self) -> int | None:
        """None where no attempt has a price."""
        unpriced = sum(rung.unpriced for rung in self.rungs)
        return known(self.saved_nano, unpriced, sum(rung.attempts for rung in self.rungs))

    @property
    def abandoned_tokens(self) -> int:
        return sum(rung.abandoned_tokens for rung in self.rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one rung did in audits: its answers to what had been answered, or its comparisons."""

    tier: str
    model: str
    role: str
    attempts: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int
    unpriced: int

    @property
    def known_nano(self) -> int | None:
        return known(self.cost_nano, self.unpriced, self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audits:
    """Answers that a higher rung answered too. What that cost is in no line of steps."""

    audited: int = 0
    """Those of which it was found out whether they were right."""
    agreed: int = 0
    rungs: tuple[Looked, ...] = ()

    @property
    def agreed_share(self) -> float | None:
        return self.agreed / self.audited if self.audited else None

    @property
    def agreed_interval(self) -> tuple[float, float] | None:
        return wilson(self.agreed, self.audited) if self.audited else None

    @property
    def asked(self) -> int:
        """How many were begun."""
        return sum(rung.attempts for rung in self.rungs if rung.role == "audit")

    @property
    def cost_nano(self) -> int:
        """Of the priced ones; `unpriced` counts the others."""
        return sum(rung.cost_nano for rung in self.rungs)

    @property
    def known_nano(self) -> int | None:
        return known(self.cost_nano, self.unpriced, sum(rung.attempts for rung in self.rungs))

    @property
    def unpriced(self) -> int:
        return sum(rung.unpriced for rung in self.rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What a local rung cost while it had nothing to do."""

    tier: str
    up_s: float
    busy_s: float
    joules: float
    nano: int
    unpriced_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    by: tuple[Group, ...]
    all: Line
    lines: tuple[Line, ...]
    idle: tuple[Idle, ...]
    audits: Audits = Audits()
