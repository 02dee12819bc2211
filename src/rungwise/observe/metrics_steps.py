"""What does Prometheus see of callers' steps? Their ends, times, costs, and outcomes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from rungwise.errors import CALLER_FAULTS
from rungwise.observe.metrics_series import Known, Series
from rungwise.types import Entry, StepType

__all__ = ["StepMetrics"]

_MOST_TASKS = 10_000
"""So many are remembered; what is forgotten counts anew."""
_RIGHT = ("true", "false")
_Task: TypeAlias = tuple[str, str]


class StepMetrics:
    """A reading of entries, audits left out."""

    def __init__(self, series: Series, tiers: Known, routes: Known) -> None:
        self._tiers, self._routes = tiers, routes
        self._tasks_seen: OrderedDict[_Task, None] = OrderedDict()
        self._unpaid: set[str] = set()
        """Answers that a cap ended, until their entries are read: those do not tell."""
        route_type = ("route", "step_type")
        self._answers = series.counter(
            "rungwise_answers",
            "Steps by how they ended, and at whom, and which tier answered",
            (*route_type, "tier", "state"),
        )
        self._latency = series.histogram(
            "rungwise_answer_seconds", "Request to last byte of answered steps", route_type
        )
        self._first_byte = series.histogram(
            "rungwise_first_byte_seconds", "Request to the release of a draft", ("route",)
        )
        self._escalated = series.counter(
            "rungwise_escalated_steps",
            "Steps of which at least one draft was doubted, answered or not",
            route_type,
        )
        self._cost = series.counter(
            "rungwise_answer_cost_usd", "Known cost of every attempt of steps", route_type
        )
        self._unpriced = series.counter(
            "rungwise_unpriced_answers", "Steps of which an attempt has no known price", route_type
        )
        self._recalled = series.counter(
            "rungwise_recalled", "Steps answered from the answer cache", ("route",)
        )
        self._tasks = series.counter(
            "rungwise_tasks", "Tasks, by the route of their first step", ("route",)
        )
        self._refused = series.counter(
            "rungwise_refused_for_money",
            "Steps that no rung answered because a cap left too little",
            ("route",),
        )
        self._baseline = series.counter(
            "rungwise_baseline_cost_usd",
            "What answered steps would have cost, had this hosted tier alone written them",
            ("tier",),
        )
        self._instead = series.counter(
            "rungwise_baseline_answers_cost_usd",
            "What the steps cost in truth of which the baseline is known",
            ("tier",),
        )
        self._outcomes = series.counter(
            "rungwise_outcomes",
            "What was said of answers, and counts",
            (*route_type, "source", "right"),
        )
        self._tier_outcomes = series.counter(
            "rungwise_tier_outcomes", "The same by the tier that answered", ("tier", "right")
        )
        # Prometheus takes a series that is new for one that stands still: what is told by how much
        # it rose must be there before it rises
        for route in routes:
            self._refused(route)
        for tier in tiers:
            _both(self._tier_outcomes, tier)
        # all that a dead server left is written down at once: see access/inheritance.py
        self._answers(routes["unknown"], StepType.OPEN_CHAT.value, "none", "lost")

    def read(self, entry: Entry) -> None:
        """Count one step."""
        route, kind, seen = self._routes[entry.route], entry.step_type.value, entry.seen
        tier = "none" if seen is None else self._tiers[seen.tier]
        self._answers(route, kind, tier, self._ended(entry))()
        if entry.state == "answered":
            self._latency(route, kind)(entry.latency_s)
        if entry.first_byte_s is not None:
            self._first_byte(route)(entry.first_byte_s)
        if seen is not None and seen.state == "recalled":
            self._recalled(route)()
        if entry.doubted:
            self._escalated(route, kind)()
        of_task = (entry.caller, entry.task or "")
        if entry.task is None or _is_new(self._tasks_seen, of_task, _MOST_TASKS):
            self._tasks(route)()
        self._read_cost(entry, route, kind)

    def refused_for_money(self, entry: Entry) -> None:
        """Count a step that a cap ended; one of which nothing was begun is not written down."""
        self._refused(self._routes[entry.route])()
        if entry.attempts:
            self._unpaid.add(entry.id)

    def _ended(self, entry: Entry) -> str:
        """As the ledger has it; but what ended at a cap, or at a request that no rung would take,
        is no outage, and told apart."""
        if entry.id in self._unpaid:
            self._unpaid.remove(entry.id)
            return "unpaid"
        return "rejected" if entry.state == "exhausted" and _rejected(entry) else entry.state

    def _read_cost(self, entry: Entry, route: str, kind: str) -> None:
        nano = entry.cost_nano
        if nano is None:
            self._unpriced(route, kind)()
            # what is known of it is known: each attempt's own
            nano = sum(a.cost_nano for a in entry.attempts if a.cost_nano is not None)
        else:
            for baseline in entry.baselines:
                if baseline.nano is not None:
                    tier = self._tiers[baseline.tier]
                    self._baseline(tier)(baseline.nano / 1e9)
                    self._instead(tier)(nano / 1e9)
        self._cost(route, kind)(nano / 1e9)

    def read_outcome(self, entry: Entry) -> None:
        """Count what is believed of it first, which alone is told: a counter cannot take that back
        when another is."""
        outcome = entry.outcome
        if outcome is None:
            return
        right = "true" if outcome.right else "false"
        of = (self._routes[entry.route], entry.step_type.value, outcome.source)
        _both(self._outcomes, *of)
        self._outcomes(*of, right)()
        if entry.tier is not None:
            tier = self._tiers[entry.tier]
            _both(self._tier_outcomes, tier)
            self._tier_outcomes(tier, right)()


def _both(counted: Callable[..., Callable[..., None]], *labels: str) -> None:
    """Right and wrong have a series as soon as one of them has."""
    for right in _RIGHT:
        counted(*labels, right)


def _is_new(known: OrderedDict[_Task, None], task: _Task, most: int) -> bool:
    """Whether it is not remembered; from now on it is, and the one of longest ago is not."""
    new = task not in known
    known[task] = None
    known.move_to_end(task)
    if len(known) > most:
        known.popitem(last=False)
    return new


def _rejected(entry: Entry) -> bool:
    """Whether every rung that failed found fault with the request itself: the caller is told so."""
    failed = {a.fault for a in entry.attempts if a.role == "draft" and a.state == "failed"}
    return bool(failed) and failed <= CALLER_FAULTS
