"""What did the demo measure? Tasks in, figures per policy and step type out; the printed table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rungwise.lab.intervals import wilson
from rungwise.ledger.report import percentile

__all__ = ["Task", "figures", "table"]

POLICIES = ("auto", "tier1", "tier2", "tier3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One answered (or failed) step of the demo, as its client saw it."""

    policy: str
    step_type: str
    right: bool
    tier: str | None
    latency_s: float
    tokens: int
    cost_usd: float | None
    error: str | None = None


def figures(tasks: Sequence[Task]) -> dict[str, object]:
    """`policies.<policy>.overall` and `policies.<policy>.by_step_type.<type>`, and the savings."""
    policies: dict[str, dict[str, object]] = {}
    for policy in POLICIES:
        own = [task for task in tasks if task.policy == policy]
        if not own:
            continue
        types = sorted({task.step_type for task in own})
        policies[policy] = {
            "overall": _cell(own),
            "by_step_type": {
                name: _cell([task for task in own if task.step_type == name]) for name in types
            },
        }
    return {"policies": policies, "against": _against(tasks)}


def _cell(tasks: Sequence[Task]) -> dict[str, object]:
    right = sum(task.right for task in tasks)
    low, high = wilson(right, len(tasks))
    latencies = [task.latency_s for task in tasks]
    costs = [task.cost_usd for task in tasks if task.cost_usd is not None]
    tiers = Counter(task.tier for task in tasks if task.tier)
    answered = sum(tiers.values())
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return {
        "count": len(tasks),
        "errors": sum(task.error is not None for task in tasks),
        "accuracy": right / len(tasks),
        "accuracy_interval": [low, high],
        "share": {t: tiers[t] / answered if answered else 0.0 for t in POLICIES[1:]},
        "p50_ms": None if p50 is None else p50 * 1000,
        "p95_ms": None if p95 is None else p95 * 1000,
        "tokens_per_task": sum(task.tokens for task in tasks) / len(tasks),
        "cost_per_task_usd": sum(costs) / len(costs) if len(costs) == len(tasks) else None,
    }


def _against(tasks: Sequence[Task]) -> dict[str, object]:
    """auto beside each pinned tier: points of accuracy lost, share of cost saved."""
    cells = {p: _cell([t for t in tasks if t.policy == p]) for p in {t.policy for t in tasks}}
    auto = cells.get("auto")
    if auto is None:
        return {}
    return {
        tier: {
            "accuracy_lost": _minus(cells[tier]["accuracy"], auto["accuracy"]),
            "cost_saved_share": _saved(auto["cost_per_task_usd"], cells[tier]["cost_per_task_usd"]),
        }
        for tier in ("tier2", "tier3")
        if tier in cells
    }


def _minus(left: object, right: object) -> float | None:
    if isinstance(left, float) and isinstance(right, float):
        return left - right
    return None


def _saved(cost: object, reference: object) -> float | None:
    if isinstance(cost, float) and isinstance(reference, float) and reference > 0:
        return 1 - cost / reference
    return None


_HEAD = (
    "policy",
    "step type",
    "n",
    "accuracy [95 %]",
    "t1/t2/t3 %",
    "p50 ms",
    "p95 ms",
    "tokens",
    "USD/1k tasks",
)


def table(measured: Mapping[str, object]) -> str:
    """The figures as fixed-width text, one block per policy."""
    policies = measured["policies"]
    assert isinstance(policies, Mapping)
    rows: list[tuple[str, ...]] = [_HEAD]
    for policy, blocks in policies.items():
        for name, cell in blocks["by_step_type"].items():
            if policy == "auto":
                rows.append(_row("", name, cell))
        rows.append(_row(policy, "all", blocks["overall"]))
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * sum(widths, 2 * len(widths)), *lines[1:]])


def _row(policy: str, name: str, cell: Mapping[str, object]) -> tuple[str, ...]:
    share, interval = cell["share"], cell["accuracy_interval"]
    assert isinstance(share, Mapping) and isinstance(interval, list)
    cost = cell["cost_per_task_usd"]
    return (
        policy,
        name,
        str(cell["count"]),
        f"{cell['accuracy']:.3f} [{interval[0]:.2f}, {interval[1]:.2f}]",
        "/".join(f"{share[tier] * 100:.0f}" for tier in POLICIES[1:]),
        f"{cell['p50_ms']:.0f}",
        f"{cell['p95_ms']:.0f}",
        f"{cell['tokens_per_task']:.0f}",
        f"{cost * 1000:.4f}" if isinstance(cost, float) else "unknown",
    )
