"""What would recorded traffic have cost, and come to, under another policy, price or threshold?

Reads the entries twice: once for what drafts usually are, once to walk each of them. Calls nothing
and writes nothing. Only answered steps are walked; those that were remembered stay as they were.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from rungwise.counted import wilson
from rungwise.lab.replaying.drafts import Pricing, drafts_of
from rungwise.lab.replaying.means import Means
from rungwise.lab.replaying.plans import Plans
from rungwise.lab.replaying.walk import Lacking, Walk, Walker
from rungwise.ledger.buckets import bucket_of, seconds_of
from rungwise.types import Entry

__all__ = ["Replayed", "Side", "counted", "gather", "replay"]


@dataclass(slots=True)
class Side:
    """What the steps came to. Numbers are expected ones where a walk splits."""

    nano: float = 0.0
    answers: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By tier."""
    buckets: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    """Latencies, as ledger/buckets.py has them."""
    untimed: float = 0.0
    """Answers whose latency is not known: a rung's drafts were never timed."""
    labelled: int = 0
    right: float = 0.0
    """Of the labelled steps whose outcome is known here; see Replayed for the others."""

    def add(self, weight: float, tier: str, seconds: float | None) -> None:
        self.answers[tier] += weight
        if seconds is None:
            self.untimed += weight
        else:
            self.buckets[bucket_of(seconds)] += weight

    @property
    def share(self) -> dict[str, float]:
        total = sum(self.answers.values())
        return {tier: count / total for tier, count in sorted(self.answers.items())}

    @property
    def accuracy(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(round(self.right), self.labelled) if self.labelled else None

    def percentile(self, share: float) -> float | None:
        """Seconds, within 1 %, by nearest rank."""
        total, below = sum(self.buckets.values()), 0.0
        for bucket, weight in sorted(self.buckets.items()):
            below += weight
            if below >= share * total - 1e-9:
                return seconds_of(bucket)
        return None


@dataclass(slots=True)
class Replayed:
    """Both sides are of the same steps, `walked` of them."""

    before: Side = field(default_factory=Side)
    after: Side = field(default_factory=Side)
    """Its accuracy is of the steps that would have got the very draft that they got."""
    walked: int = 0
    narrowed: int = 0
    """Of these, where a limit of the live plan was kept that the ledger does not tell of."""
    learnt: tuple[str, str] | None = None
    """The days that the predictor was learnt from."""
    of_learnt: int = 0
    """Of the steps, those of these days: it may have seen them."""
    recorded: int = 0
    """Of these, where nothing of the answer is an estimate."""
    recorded_nano: float = 0.0
    estimated_nano: float = 0.0
    foreseen: int = 0
    foreseen_right: float = 0.0
    """Labelled steps for whose answer P(right) is known or estimated, and the sum of it."""
    unanswered: float = 0.0
    """How many steps no rung would have answered."""
    not_answered: int = 0
    without_sketch: int = 0
    unpriced: int = 0
    """Steps that were left out: nobody was answered, nothing can be foreseen, no cost is known."""


def gather(entries: Iterable[Entry], pricing: Pricing, learn: Callable[[Entry], None]) -> Means:
    """What drafts usually are; `learn` sees each entry, too."""
    means = Means()
    for entry in entries:
        means.add(entry, pricing)
        learn(entry)
    return means


def replay(entries: Iterable[Entry], plans: Plans, walker: Walker, pricing: Pricing) -> Replayed:
    found = Replayed(learnt=plans.learnt)
    for entry in entries:
        _step(found, entry, plans, walker, pricing)
    return found


def _step(found: Replayed, entry: Entry, plans: Plans, walker: Walker, pricing: Pricing) -> None:
    if entry.state != "answered" or entry.seen is None:
        found.not_answered += 1
        return
    if entry.cost_nano is None:
        found.unpriced += 1
        return
    if entry.seen.state == "recalled":
        _unchanged(found, entry)
        return
    plan = plans.plan(entry)
    if plan is None:
        found.without_sketch += 1
        return
    try:
        walk = walker.walk(entry, drafts_of(entry, pricing), plan)
    except Lacking:
        found.unpriced += 1
        return
    found.walked += 1
    found.narrowed += plan.narrowed
    found.of_learnt += _is_within(entry, found.learnt)
    _before(found.before, entry)
    _after(found, entry, walk)


def _is_within(entry: Entry, days: tuple[str, str] | None) -> bool:
    if days is None:
        return False
    return days[0] <= datetime.fromtimestamp(entry.at, UTC).date().isoformat() <= days[1]


def _unchanged(found: Replayed, entry: Entry) -> None:
    found.walked += 1
    found.recorded += 1
    for side in (found.before, found.after):
        _before(side, entry)
    found.recorded_nano += entry.cost_nano or 0
    if entry.outcome is not None:
        found.foreseen += 1
        found.foreseen_right += entry.outcome.right


def _before(side: Side, entry: Entry) -> None:
    side.nano += entry.cost_nano or 0
    side.add(1.0, entry.tier or "", entry.latency_s)
    if entry.outcome is not None:
        side.labelled += 1
        side.right += entry.outcome.right


def _after(found: Replayed, entry: Entry, walk: Walk) -> None:
    side = found.after
    found.recorded += walk.recorded
    found.recorded_nano += walk.recorded_nano
    found.estimated_nano += walk.estimated_nano
    side.nano += walk.recorded_nano + walk.estimated_nano
    found.unanswered += walk.weight
    for end in walk.ends:
        side.add(end.weight, end.tier, end.seconds)
    if entry.outcome is None:
        return
    if walk.ends and all(end.same for end in walk.ends):
        side.labelled += 1
        side.right += entry.outcome.right
    told = [end.weight * end.right for end in walk.ends if end.right is not None]
    if len(told) == len(walk.ends):
        found.foreseen += 1
        found.foreseen_right += sum(told)


def counted(entries: Iterator[Entry], update: Callable[[int], object]) -> Iterator[Entry]:
    """For a progress bar."""
    for entry in entries:
        yield entry
        update(1)
