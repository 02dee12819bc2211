"""What did the demo measure? Tasks in, figures per policy and step type out; the printed table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rungwise.lab.intervals import bootstrap_ratio, bootstrap_sum, wilson
from rungwise.ledger.report import percentile

__all__ = ["Against", "Cell", "Figures", "Policy", "Task", "figures"]

POLICIES = ("auto", "tier1", "tier2", "tier3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One answered (or failed) step of the demo, as its client saw it."""

    step: int
    """Which step: the same under every policy."""
    policy: str
    step_type: str
    right: bool
    tier: str | None
    latency_s: float
    tokens: int
    cost_usd: float | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of the table. Intervals are Wilson's, at 95 %."""

    count: int
    errors: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    share: Mapping[str, float]
    """Of the answers, by the rung that gave them."""
    p50_ms: float | None
    p95_ms: float | None
    tokens_per_task: float
    cost_per_task_usd: float | None
    """None when the cost of any task is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    overall: Cell
    by_step_type: Mapping[str, Cell]


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """auto beside a pinned rung, step by step; intervals by bootstrap over steps, at 95 %."""

    accuracy_lost: float
    accuracy_lost_interval: tuple[float, float]
    cost_saved_share: float | None
    cost_saved_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    policies: Mapping[str, Policy]
    against: Mapping[str, Against]

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def figures(tasks: Sequence[Task]) -> Figures:
    """What these tasks say, by policy and by step type, and what auto saved."""
    by_policy = {p: [task for task in tasks if task.policy == p] for p in POLICIES}
    return Figures(
        policies={name: _policy(own) for name, own in by_policy.items() if own},
        against={
            name: _against(by_policy["auto"], by_policy[name])
            for name in ("tier2", "tier3")
            if by_policy["auto"] and by_policy[name]
        },
    )


def _policy(tasks: Sequence[Task]) -> Policy:
    types = sorted({task.step_type for task in tasks})
    return Policy(
        overall=_cell(tasks),
        by_step_type={t: _cell([task for task in tasks if task.step_type == t]) for t in types},
    )


def _cell(tasks: Sequence[Task]) -> Cell:
    right = sum(task.right for task in tasks)
    latencies = [task.latency_s for task in tasks]
    costs = [task.cost_usd for task in tasks if task.cost_usd is not None]
    tiers = Counter(task.tier for task in tasks if task.tier)
    answered = sum(tiers.values())
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return Cell(
        count=len(tasks),
        errors=sum(task.error is not None for task in tasks),
        accuracy=right / len(tasks),
        accuracy_interval=wilson(right, len(tasks)),
        share={t: tiers[t] / answered if answered else 0.0 for t in POLICIES[1:]},
        p50_ms=None if p50 is None else p50 * 1000,
        p95_ms=None if p95 is None else p95 * 1000,
        tokens_per_task=sum(task.tokens for task in tasks) / len(tasks),
        cost_per_task_usd=sum(costs) / len(costs) if len(costs) == len(tasks) else None,
    )


def _against(auto: Sequence[Task], pinned: Sequence[Task]) -> Against:
    others = {task.step: task for task in pinned}
    pairs = [(task, others[task.step]) for task in auto if task.step in others]
    lost = [(float(other.right) - float(own.right)) / len(pairs) for own, other in pairs]
    costs = [(own.cost_usd, other.cost_usd) for own, other in pairs]
    known = [(own, other) for own, other in costs if own is not None and other is not None]
    saved = None
    if len(known) == len(pairs) and sum(other for _, other in known) > 0:
        paid, low, high = bootstrap_ratio([own for own, _ in known], [other for _, other in known])
        saved = 1 - paid, (1 - high, 1 - low)
    total, low, high = bootstrap_sum(lost)
    return Against(
        accuracy_lost=total,
        accuracy_lost_interval=(low, high),
        cost_saved_share=saved[0] if saved else None,
        cost_saved_interval=saved[1] if saved else None,
    )
