"""What does Prometheus see? Every metric name, each a reading of the ledger's Entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Protocol

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from rungwise.observe.climbing import Climbing
from rungwise.observe.escalations import escalations
from rungwise.types import Attempt, Entry

__all__ = ["Metrics"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_SHARES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


_MOST_TOLD = 50
"""Keys that are named at most; how many there are is told beside it."""


class _Climbing(Collector):
    """Keys by name, but only those that climb too much, and no more than a few."""

    def __init__(self, climbing: Climbing) -> None:
        self._climbing = climbing

    def collect(self) -> Iterator[Metric]:
        alarmed = self._climbing.alarmed
        yield GaugeMetricFamily(
            "rungwise_escalating_keys",
            "Keys whose steps climb more often than access.escalation_alarm allows",
            value=len(alarmed),
        )
        named = GaugeMetricFamily(
            "rungwise_escalation_alarm", "1 for such a key, of fifty at most", labels=("key",)
        )
        for key in islice(alarmed, _MOST_TOLD):
            named.add_metric((key,), 1.0)
        yield named
        yield CounterMetricFamily(
            "rungwise_escalation_alarms", "Alarms that began", value=self._climbing.alarms
        )


class Engine(Protocol):
    """A local rung whose engine is kept alive."""

    @property
    def name(self) -> str: ...

    @property
    def up(self) -> bool: ...

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        ...


class _Engines(Collector):
    def __init__(self) -> None:
        self.watched: list[Engine] = []

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(
            "rungwise_engine_up", "1 while the engine of a local rung can draft", labels=("tier",)
        )
        restarts = CounterMetricFamily(
            "rungwise_engine_restarts",
            "Starts of an engine that died, or had not started",
            labels=("tier",),
        )
        for engine in self.watched:
            up.add_metric((engine.name,), float(engine.up))
            restarts.add_metric((engine.name,), float(engine.restarts))
        yield from (up, restarts)


class Metrics:
    """Labels come from the configuration (tiers, routes, step types) and from the closed lists of
    `types` (states, roles), so series are bounded. A key is named only while it climbs too much."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = self._counter(
            "rungwise_answers",
            "Steps by how they ended and which tier answered",
            ("route", "step_type", "tier", "state"),
        )
        self._latency = self._histogram(
            "rungwise_answer_seconds", "Request to last byte", ("route", "step_type"), _SECONDS
        )
        self._first_byte = self._histogram(
            "rungwise_first_byte_seconds", "Request to the release of a draft", ("route",), _SECONDS
        )
        self._attempts = self._counter(
            "rungwise_attempts",
            "What tiers were asked for, drafts and evidence on drafts, and how it ended",
            ("tier", "role", "state"),
        )
        self._tokens = self._counter(
            "rungwise_tokens", "Tokens by tier and how they are priced", ("tier", "role", "part")
        )
        self._cost = self._counter("rungwise_cost_usd", "Known cost by tier", ("tier", "role"))
        self._unpriced = self._counter(
            "rungwise_unpriced_attempts", "Attempts whose price is unknown", ("tier", "role")
        )
        self._escalations = self._counter(
            "rungwise_escalations",
            "Drafts that were doubted, by what spoke against them",
            ("tier", "why"),
        )
        self._abandoned_tokens = self._counter(
            "rungwise_abandoned_tokens", "Tokens of drafts that were doubted", ("tier",)
        )
        self._spills = self._counter(
            "rungwise_spills", "Steps that a rung with too much to do left to the next", ("tier",)
        )
        self._recalled = self._counter(
            "rungwise_recalled", "Steps answered from the answer cache", ("route",)
        )
        self._cache_saved = self._counter(
            "rungwise_prompt_cache_saved_usd",
            "What cached prompts saved, by tier, before what writing to a cache cost more",
            ("tier",),
        )
        self._engine = self._counter(
            "rungwise_engine_seconds", "Busy seconds of local engines by their drafts", ("tier",)
        )
        self._joules = self._counter(
            "rungwise_joules", "Measured energy of local drafts", ("tier",)
        )
        self._unverified = self._counter(
            "rungwise_unverified",
            "Evidence on a draft that failed or came too late",
            ("tier", "role"),
        )
        self._confidence = self._histogram(
            "rungwise_confidence", "P(acceptable) of drafts that were read", ("tier",), _SHARES
        )
        self._breaker = Gauge(
            "rungwise_breaker_open",
            "1 while the breaker of an upstream is open",
            ("upstream",),
            registry=self.registry,
        )
        self._engines = _Engines()
        self.registry.register(self._engines)
        self._lost = Counter(
            "rungwise_lost_entries",
            "Answers that the ledger could not take; they stand in the log",
            registry=self.registry,
        )

    def watch_breaker(self, upstream: str, is_open: Callable[[], bool]) -> None:
        self._breaker.labels(upstream).set_function(lambda: float(is_open()))

    def watch_engine(self, engine: Engine) -> None:
        self._engines.watched.append(engine)

    def watch_climbing(self, climbing: Climbing) -> None:
        self.registry.register(_Climbing(climbing))

    def entry_lost(self, entry: Entry) -> None:
        self._lost.inc()

    def read(self, entry: Entry) -> None:
        """Count one entry."""
        step_type, tier = entry.step_type.value, entry.tier or "none"
        self._answers(entry.route, step_type, tier, entry.state).inc()
        self._latency(entry.route, step_type).observe(entry.latency_s)
        if entry.first_byte_s is not None:
            self._first_byte(entry.route).observe(entry.first_byte_s)
        if entry.seen is not None and entry.seen.state == "recalled":
            self._recalled(entry.route).inc()
        for attempt in entry.attempts:
            self._read_attempt(attempt)
        for draft, why in escalations(entry):
            self._escalations(draft.tier, why).inc()
            self._abandoned_tokens(draft.tier).inc(draft.usage.completion_tokens)

    def _read_attempt(self, attempt: Attempt) -> None:
        tier, role = attempt.tier, attempt.role
        self._attempts(tier, role, attempt.state).inc()
        if attempt.state == "spilled":
            self._spills(tier).inc()
        if attempt.engine_s is not None:
            self._engine(tier).inc(attempt.engine_s)
        if attempt.joules is not None:
            self._joules(tier).inc(attempt.joules)
        if attempt.cost_nano is not None and attempt.uncached_nano is not None:
            saved = max(0, attempt.uncached_nano - attempt.cost_nano)
            self._cache_saved(tier).inc(saved / 1e9)
        if attempt.cost_nano is None:
            self._unpriced(tier, role).inc()
        else:
            self._cost(tier, role).inc(attempt.cost_nano / 1e9)
        usage = attempt.usage
        for part, tokens in (
            ("input", usage.input),
            ("cache_read", usage.cache_read),
            ("cache_write", usage.cache_write_5m + usage.cache_write_1h),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ):
            if tokens:
                self._tokens(tier, role, part).inc(tokens)
        if role == "draft" and attempt.confidence is not None:
            self._confidence(tier).observe(attempt.confidence.probability)
        if role != "draft" and attempt.state == "failed":
            self._unverified(tier, role).inc()

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    # one series by its labels: finding it takes the library longer than counting

    def _counter(self, name: str, told: str, labels: Sequence[str]) -> Callable[..., Counter]:
        return cache(Counter(name, told, labels, registry=self.registry).labels)

    def _histogram(
        self, name: str, told: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> Callable[..., Histogram]:
        histogram = Histogram(name, told, labels, registry=self.registry, buckets=buckets)
        return cache(histogram.labels)
