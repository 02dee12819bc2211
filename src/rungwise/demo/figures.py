"""What did the demo measure? Answered steps in, figures per route and step type out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from rungwise.counted import percentile, wilson
from rungwise.escalations import escalations
from rungwise.lab.intervals import bootstrap_ratio, bootstrap_sum
from rungwise.types import Attempt, Entry

__all__ = [
    "ROUTES",
    "Against",
    "Answered",
    "Cell",
    "Doubts",
    "Figures",
    "Local",
    "RouteFigures",
    "figures",
]

ROUTES = ("auto", "tier1", "tier2", "tier3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One step that was answered, or failed, as its client saw it."""

    step: int
    """Which step: the same by every route."""
    route: str
    step_type: str
    right: bool
    tier: str | None
    latency_s: float
    tokens: int
    cost_usd: float | None
    id: str | None = None
    """Its entry in the ledger."""
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
    tokens_per_step: float
    cost_per_step_usd: float | None
    """None when the cost of any step is unknown."""
    cached_share: float | None
    """Of the prompt tokens of every rung that was asked; None without the ledger's entries."""
    local_cost_per_step_usd: float | None
    """The local rung's part of the cost; None where its price is unknown, or without entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteFigures:
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
class Doubts:
    """auto's steps in which a draft was doubted, and the tokens that these drafts had written."""

    escalated: int
    abandoned_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """What all steps together took of the local rung."""

    engine_s: float
    joules: float | None
    """None where nothing measures them."""
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    routes: Mapping[str, RouteFigures]
    against: Mapping[str, Against]
    doubts: Doubts | None
    local: Local | None

    def as_json(self) -> dict[str, object]:
        """Its readers know the routes as policies."""
        found = asdict(self)
        return {"policies": found.pop("routes"), **found}


def figures(answered: Sequence[Answered], entries: Iterable[Entry] = ()) -> Figures:
    """What these steps say, by route and by step type, what auto saved, and what the ledger's
    entries of them say of its doubts, of cached prompts and of the local rung."""
    by_route = {route: [a for a in answered if a.route == route] for route in ROUTES}
    asked = {a.id for a in answered}
    written = [entry for entry in entries if entry.id in asked]
    return Figures(
        routes={
            route: _route(own, [entry for entry in written if entry.route == route])
            for route, own in by_route.items()
            if own
        },
        against={
            route: _against(by_route["auto"], by_route[route])
            for route in ("tier2", "tier3")
            if by_route["auto"] and by_route[route]
        },
        doubts=_doubts([entry for entry in written if entry.route == "auto"]),
        local=_local(written),
    )


def _route(answered: Sequence[Answered], entries: Sequence[Entry]) -> RouteFigures:
    types = sorted({a.step_type for a in answered})
    return RouteFigures(
        overall=_cell(answered, entries),
        by_step_type={
            name: _cell(
                [a for a in answered if a.step_type == name],
                [entry for entry in entries if entry.step_type.value == name],
            )
            for name in types
        },
    )


def _cell(answered: Sequence[Answered], entries: Sequence[Entry]) -> Cell:
    right = sum(a.right for a in answered)
    latencies = [a.latency_s for a in answered]
    costs = [a.cost_usd for a in answered if a.cost_usd is not None]
    tiers = Counter(a.tier for a in answered if a.tier)
    given = sum(tiers.values())
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    usages = [entry.usage for entry in entries]
    prompted = sum(usage.prompt_tokens for usage in usages)
    local = _usd(_local_attempts(entries)) if entries else None
    return Cell(
        count=len(answered),
        errors=sum(a.error is not None for a in answered),
        accuracy=right / len(answered),
        accuracy_interval=wilson(right, len(answered)),
        share={tier: tiers[tier] / given if given else 0.0 for tier in ROUTES[1:]},
        p50_ms=None if p50 is None else p50 * 1000,
        p95_ms=None if p95 is None else p95 * 1000,
        tokens_per_step=sum(a.tokens for a in answered) / len(answered),
        cost_per_step_usd=sum(costs) / len(costs) if len(costs) == len(answered) else None,
        cached_share=sum(usage.cache_read for usage in usages) / prompted if prompted else None,
        local_cost_per_step_usd=None if local is None else local / len(entries),
    )


def _local(entries: Sequence[Entry]) -> Local | None:
    attempts = _local_attempts(entries)
    if not attempts:
        return None
    joules = [a.joules for a in attempts if a.joules is not None]
    return Local(
        engine_s=sum(a.engine_s or 0.0 for a in attempts),
        joules=sum(joules) if len(joules) == len(attempts) else None,
        cost_usd=_usd(attempts),
    )


def _local_attempts(entries: Iterable[Entry]) -> list[Attempt]:
    return [a for entry in entries for a in entry.attempts if a.engine_s is not None]


def _usd(attempts: Sequence[Attempt]) -> float | None:
    """None when the cost of any is unknown."""
    known = [a.cost_nano for a in attempts if a.cost_nano is not None]
    return sum(known) / 1e9 if len(known) == len(attempts) else None


def _against(auto: Sequence[Answered], pinned: Sequence[Answered]) -> Against:
    others = {a.step: a for a in pinned}
    pairs = [(own, others[own.step]) for own in auto if own.step in others]
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


def _doubts(entries: Sequence[Entry]) -> Doubts | None:
    if not entries:
        return None
    doubted = [[draft for draft, _ in escalations(entry)] for entry in entries]
    return Doubts(
        escalated=sum(bool(drafts) for drafts in doubted),
        abandoned_tokens=sum(d.usage.completion_tokens for drafts in doubted for d in drafts),
    )
