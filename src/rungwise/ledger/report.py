"""What do the written steps say, route by route? Accuracy, share, doubts, latency, cost."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rungwise.types import Entry, Usage

__all__ = ["Line", "as_json", "as_table", "percentile", "summarise"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One group of entries. `share` is by tier, of the answered ones; costs are US dollars.

    Tokens and costs are those of every attempt, evidence and head starts included; `escalated` are
    the tasks in which a draft was doubted, `abandoned_tokens` what these drafts had written.
    """

    group: str
    tasks: int
    answered: int
    labelled: int
    right: int
    escalated: int
    p50_ms: float | None
    p95_ms: float | None
    cost_per_task_usd: float | None
    unpriced: int
    tokens: int
    cached_tokens: int
    abandoned_tokens: int
    share: Mapping[str, float]

    @property
    def accuracy(self) -> float | None:
        return self.right / self.labelled if self.labelled else None

    @property
    def escalation_rate(self) -> float:
        return self.escalated / self.tasks


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def summarise(entries: Iterable[Entry]) -> list[Line]:
    """One line per route, one per route and step type beneath it, and one for all of them."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups["all"].append(entry)
        groups[entry.route].append(entry)
        groups[f"{entry.route} / {entry.step_type.value}"].append(entry)
    return [_line(group, groups[group]) for group in sorted(groups, key=lambda g: (g != "all", g))]


def _line(group: str, entries: list[Entry]) -> Line:
    answered = [entry for entry in entries if entry.state == "answered"]
    labelled = [entry for entry in entries if entry.outcome is not None]
    costs = [entry.cost_nano for entry in entries]
    known = [cost for cost in costs if cost is not None]
    doubted = [usages for entry in entries if (usages := _doubted(entry))]
    tiers = Counter(entry.tier for entry in answered if entry.tier is not None)
    latencies = [entry.latency_s for entry in answered]
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return Line(
        group=group,
        tasks=len(entries),
        answered=len(answered),
        labelled=len(labelled),
        right=sum(1 for entry in labelled if entry.outcome and entry.outcome.right),
        escalated=len(doubted),
        p50_ms=None if p50 is None else p50 * 1000,
        p95_ms=None if p95 is None else p95 * 1000,
        cost_per_task_usd=sum(known) / len(known) / 1e9 if known else None,
        unpriced=len(costs) - len(known),
        tokens=sum(e.usage.prompt_tokens + e.usage.completion_tokens for e in entries),
        cached_tokens=sum(e.usage.cache_read for e in entries),
        abandoned_tokens=sum(usage.completion_tokens for usages in doubted for usage in usages),
        share={tier: count / len(answered) for tier, count in sorted(tiers.items())},
    )


def _doubted(entry: Entry) -> list[Usage]:
    """What each draft that was doubted had used."""
    return [a.usage for a in entry.attempts if a.role == "draft" and a.state == "abandoned"]


def as_json(lines: Iterable[Line]) -> dict[str, object]:
    return {
        "groups": [
            {
                "group": line.group,
                "tasks": line.tasks,
                "answered": line.answered,
                "labelled": line.labelled,
                "accuracy": line.accuracy,
                "escalation_rate": line.escalation_rate,
                "p50_ms": line.p50_ms,
                "p95_ms": line.p95_ms,
                "cost_per_task_usd": line.cost_per_task_usd,
                "unpriced": line.unpriced,
                "tokens": line.tokens,
                "cached_tokens": line.cached_tokens,
                "abandoned_tokens": line.abandoned_tokens,
                "share": dict(line.share),
            }
            for line in lines
        ]
    }


_HEAD = (
    "route",
    "tasks",
    "accuracy",
    "p50 ms",
    "p95 ms",
    "USD/task",
    "escalated",
    "abandoned tokens",
    "share per rung",
)


def as_table(lines: Sequence[Line]) -> str:
    """The lines as fixed-width text; a dash is "not known"."""
    rows = [_HEAD, *(_row(line) for line in lines)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i in (0, len(_HEAD) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(line: Line) -> tuple[str, ...]:
    accuracy = "-" if line.accuracy is None else f"{line.accuracy:.3f} (n={line.labelled})"
    cost = "-" if line.cost_per_task_usd is None else f"{line.cost_per_task_usd:.7f}"
    if line.unpriced:
        cost += f" ({line.unpriced} unpriced)"
    return (
        line.group,
        str(line.tasks),
        accuracy,
        "-" if line.p50_ms is None else f"{line.p50_ms:.0f}",
        "-" if line.p95_ms is None else f"{line.p95_ms:.0f}",
        cost,
        f"{line.escalation_rate:.0%}",
        str(line.abandoned_tokens),
        " ".join(f"{tier} {share:.0%}" for tier, share in line.share.items()),
    )
