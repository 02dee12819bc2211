"""What do a ledger's entries add up to? Counted anew from the entries, past every tally."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rungwise.counted import percentile, wilson
from rungwise.escalations import escalations
from rungwise.types import Attempt, Entry

__all__ = ["bin_of", "counters", "cumulated", "figures", "grouped", "judged", "rung", "slots"]

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def grouped(entries: Iterable[Entry], by: Callable[[Entry], Any]) -> dict[Any, list[Entry]]:
    found: defaultdict[Any, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[by(entry)].append(entry)
    return dict(found)


def figures(entries: Sequence[Entry]) -> dict[str, Any]:
    """As GET /v1/figures tells of a group of steps, each of which is a task of its own."""
    labelled = [entry for entry in entries if entry.outcome is not None]
    right = sum(entry.outcome.right for entry in labelled if entry.outcome)
    given = Counter(entry.tier for entry in entries if entry.state == "answered" and entry.tier)
    doubted = [(draft, why) for entry in entries for draft, why in escalations(entry)]
    escalated = sum(any(map(_doubted, entry.attempts)) for entry in entries)
    used = [attempt.usage for entry in entries for attempt in entry.attempts]
    prompt = sum(usage.prompt_tokens for usage in used)
    cost, unpriced = _cost(entries)
    per_step = cost / (len(entries) - unpriced) if len(entries) > unpriced else None
    priced = [entry for entry in labelled if entry.cost_nano is not None]
    right_priced = sum(entry.outcome.right for entry in priced if entry.outcome)
    per_right = _cost(priced)[0] / right_priced if right_priced else None
    interval = wilson(right, len(labelled)) if labelled else None
    share = right / len(labelled) if labelled else None
    return {
        "steps": len(entries),
        "answered": given.total(),
        "labelled": len(labelled),
        "right": right,
        "accuracy": share,
        "accuracy_interval": interval and list(interval),
        "tasks": len(entries),
        "tasks_labelled": len(labelled),
        "tasks_right": right,
        "task_accuracy": share,
        "cost_usd": cost / 1e9,
        "unpriced": unpriced,
        "cost_per_step_usd": per_step and per_step / 1e9,
        "cost_per_task_usd": per_step and per_step / 1e9,
        "cost_per_right_usd": per_right and per_right / 1e9,
        "cost_per_right_task_usd": per_right and per_right / 1e9,
        "share": {tier: count / given.total() for tier, count in given.items()},
        "escalated": escalated,
        "escalation_rate": escalated / len(entries),
        "doubts": _doubts(doubted),
        "abandoned_tokens": sum(draft.usage.completion_tokens for draft, _ in doubted),
        "cached_share": sum(usage.cache_read for usage in used) / prompt if prompt else None,
        "against": _against(entries),
        "rungs": [
            {"tier": tier, **rung(attempts)} for tier, attempts in sorted(_by_tier(entries).items())
        ],
        **_times("", [entry.latency_s for entry in entries if entry.state == "answered"]),
        **_times("first_byte_", [e.first_byte_s for e in entries if e.first_byte_s is not None]),
    }


def rung(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """What one tier did."""
    used = [attempt.usage for attempt in attempts]
    costs = [attempt.cost_nano for attempt in attempts]
    return {
        "attempts": len(attempts),
        "released": sum(attempt.state == "released" for attempt in attempts),
        "prompt_tokens": sum(usage.prompt_tokens for usage in used),
        "cached_tokens": sum(usage.cache_read for usage in used),
        "completion_tokens": sum(usage.completion_tokens for usage in used),
        "abandoned_tokens": sum(a.usage.completion_tokens for a in attempts if _doubted(a)),
        "cost_usd": sum(cost or 0 for cost in costs) / 1e9,
        "unpriced": costs.count(None),
        "engine_s": sum(attempt.engine_s or 0.0 for attempt in attempts),
    }


def slots(entries: Sequence[Entry], slot_s: int) -> dict[int, dict[str, Any]]:
    """As GET /v1/series tells of each slot, by when it begins."""
    found = {}
    for at, inside in grouped(entries, lambda entry: int(entry.at // slot_s) * slot_s).items():
        told = figures(inside)
        answers = Counter(entry.tier for entry in inside if entry.state == "answered")
        names = ("steps", "answered", "escalated", "labelled", "right", "cost_usd", "unpriced")
        own = {name: told[name] for name in (*names, "abandoned_tokens", "p50_ms", "p95_ms")}
        found[at] = {**own, "answers": dict(answers)}
    return found


def judged(entries: Iterable[Entry], tier: str) -> list[tuple[float, bool]]:
    """Of each released draft of a tier that had a confidence and an outcome: both."""
    return [
        (attempt.confidence.probability, entry.outcome.right)
        for entry in entries
        for attempt in entry.attempts
        if entry.outcome is not None
        and (attempt.tier, attempt.role, attempt.state) == (tier, "draft", "released")
        and attempt.confidence is not None
    ]


def bin_of(told: Sequence[tuple[float, bool]], low: float, high: float) -> dict[str, Any]:
    """As GET /v1/calibrations tells of the drafts with confidences from `low` to `high`."""
    inside = [(said, right) for said, right in told if low <= said <= high]
    return {
        "count": len(inside),
        "said": sum(said for said, _ in inside) / len(inside),
        "right": sum(right for _, right in inside) / len(inside),
    }


def counters(entries: Sequence[Entry]) -> dict[str, dict[tuple[str, ...], float]]:
    """What raw counters of /metrics are, by expression and then by the values of its labels."""
    told: defaultdict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)

    def add(name: str, labels: str, values: Iterable[str], number: float = 1) -> None:
        told[f"sum by ({labels}) ({name})"][tuple(values)] += number  # type: ignore[assignment]

    for e in entries:
        kind, tier = e.step_type.value, e.tier or "none"
        labels = "route, step_type, tier, state"
        add("rungwise_answers_total", labels, (e.route, kind, tier, e.state))
        if any(map(_doubted, e.attempts)):
            add("rungwise_escalated_steps_total", "route, step_type", (e.route, kind))
        if e.cost_nano:
            own = (e.route, kind)
            add("rungwise_answer_cost_usd_total", "route, step_type", own, e.cost_nano / 1e9)
        if e.outcome is not None:
            right = "true" if e.outcome.right else "false"
            counted = f'rungwise_outcomes_total{{source="{e.outcome.source}"}}'
            add(counted, "route, right", (e.route, right))
        for baseline in e.baselines:
            if baseline.nano and e.cost_nano is not None:
                add(
                    "rungwise_baseline_cost_usd_total", "tier", [baseline.tier], baseline.nano / 1e9
                )
        for draft, why in escalations(e):
            add("rungwise_escalations_total", "tier, why", (draft.tier, why))
            written = draft.usage.completion_tokens
            add("rungwise_abandoned_tokens_total", "tier", [draft.tier], written)
        for a in e.attempts:
            drafts = 'rungwise_attempts_total{role="draft"}'
            add(drafts, "tier, state", (a.tier, a.state), a.role == "draft")
            add("rungwise_engine_seconds_total", "tier", [a.tier], a.engine_s or 0.0)
            cost = 'rungwise_cost_usd_total{role="draft"}'
            add(cost, "tier", [a.tier], (a.cost_nano or 0) / 1e9 * (a.role == "draft"))
    return {expr: {k: v for k, v in found.items() if v} for expr, found in told.items()}


def cumulated(values: Sequence[float], bound: float) -> int:
    """What the bucket of a histogram is that ends at this bound."""
    return sum(value <= bound for value in values)


def _doubted(attempt: Attempt) -> bool:
    return (attempt.role, attempt.state) == ("draft", "abandoned")


def _cost(entries: Iterable[Entry]) -> tuple[int, int]:
    """Nano-dollars of those with a price, and how many have none."""
    costs = [entry.cost_nano for entry in entries]
    return sum(cost or 0 for cost in costs), costs.count(None)


def _doubts(doubted: Sequence[tuple[Attempt, str]]) -> list[dict[str, Any]]:
    drafts = Counter((draft.tier, why) for draft, why in doubted)
    tokens: Counter[tuple[str, str]] = Counter()
    for draft, why in doubted:
        tokens[draft.tier, why] += draft.usage.completion_tokens
    return [
        {"tier": tier, "why": why, "drafts": count, "tokens": tokens[tier, why]}
        for (tier, why), count in sorted(drafts.items())
    ]


def _against(entries: Iterable[Entry]) -> dict[str, dict[str, Any]]:
    pairs: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for entry in entries:
        for baseline in entry.baselines:
            if baseline.nano is not None and entry.cost_nano is not None:
                pairs[baseline.tier].append((baseline.nano, entry.cost_nano))
    found = {}
    for tier, costs in pairs.items():
        instead, paid = (sum(column) for column in zip(*costs, strict=True))
        found[tier] = {
            "answers": len(costs),
            "would_have_cost_usd": instead / 1e9,
            "did_cost_usd": paid / 1e9,
            "saved": 1 - paid / instead,
        }
    return found


def _by_tier(entries: Iterable[Entry]) -> Mapping[str, list[Attempt]]:
    found: defaultdict[str, list[Attempt]] = defaultdict(list)
    for entry in entries:
        for attempt in entry.attempts:
            found[attempt.tier].append(attempt)
    return found


def _times(of: str, seconds: Sequence[float]) -> dict[str, float | None]:
    found = {name: percentile(seconds, share) for name, share in PERCENTILES.items()}
    return {f"{of}{name}_ms": s if s is None else 1000 * s for name, s in found.items()}
