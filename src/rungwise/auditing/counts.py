"""What has become of this process's audits? Counts, for the metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Counts", "Found", "Skipped"]

Found: TypeAlias = Literal[
    "agreed",  # the draft is no worse than the higher rung's answer
    "disagreed",  # it is worse
    "undecided",  # both answers are there, and nothing can be said: no outcome
    "failed",  # a rung failed, was late or could not be read, or the ledger: no outcome
]

Skipped: TypeAlias = Literal[
    # what was asked forbids it
    "local_only",  # it must not leave this machine, or was private by a tag
    "pinned",  # the caller named its rung
    "reach",  # key, ceiling or table keep it from the higher rung, or from the judge
    "choices",  # several answers were asked for
    "step_type",  # audits.step_types leaves it out
    # nobody has the time or the money: what is left is not quite a random share any more
    "concurrent",  # audits.concurrent are running
    "saturated",  # the higher rung has enough to do
    "unpriced",  # what it can cost at most is unknown
    "budget",  # audits.usd_per_day, or nothing can be written down
]


@dataclass(slots=True)
class Counts:
    """Since the start. `drawn` are the drafts that chance chose and nothing forbade; each of them
    is begun, or skipped for want of time or money. What was begun is one of Found in the end, but
    for what a stop of the server cut off, which is `failed` too."""

    drawn: int = 0
    begun: int = 0
    agreed: int = 0
    disagreed: int = 0
    undecided: int = 0
    failed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """By Skipped."""

    def found(self, what: Found) -> None:
        match what:
            case "agreed":
                self.agreed += 1
            case "disagreed":
                self.disagreed += 1
            case "undecided":
                self.undecided += 1
            case "failed":
                self.failed += 1
