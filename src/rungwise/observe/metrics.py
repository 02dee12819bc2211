"""What does Prometheus see? Every metric name, each a reading of the ledger's Entry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from rungwise.types import Entry

__all__ = ["Metrics"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """Labels come from the configuration (tiers, routes, step types), so series are bounded."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            "rungwise_answers",
            "Steps by how they ended and which tier answered",
            ("route", "step_type", "tier", "state"),
            registry=self.registry,
        )
        self._latency = Histogram(
            "rungwise_answer_seconds",
            "Request to last byte",
            ("route", "step_type"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._first_byte = Histogram(
            "rungwise_first_byte_seconds",
            "Request to the release of a draft",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._attempts = Counter(
            "rungwise_attempts",
            "Drafts by tier and how they ended",
            ("tier", "state"),
            registry=self.registry,
        )
        self._tokens = Counter(
            "rungwise_tokens",
            "Tokens by tier and how they are priced",
            ("tier", "part"),
            registry=self.registry,
        )
        self._cost = Counter(
            "rungwise_cost_usd", "Known cost by tier", ("tier",), registry=self.registry
        )
        self._unpriced = Counter(
            "rungwise_unpriced_attempts",
            "Drafts whose price is unknown",
            ("tier",),
            registry=self.registry,
        )

        self._lost = Counter(
            "rungwise_lost_entries",
            "Answers that the ledger could not take; they stand in the log",
            registry=self.registry,
        )

    def entry_lost(self) -> None:
        self._lost.inc()

    def read(self, entry: Entry) -> None:
        """Count one entry."""
        step_type, tier = entry.step_type.value, entry.tier or "none"
        self._answers.labels(entry.route, step_type, tier, entry.state).inc()
        self._latency.labels(entry.route, step_type).observe(entry.latency_s)
        if entry.first_byte_s is not None:
            self._first_byte.labels(entry.route).observe(entry.first_byte_s)
        for attempt in entry.attempts:
            self._attempts.labels(attempt.tier, attempt.state).inc()
            if attempt.cost_nano is None:
                self._unpriced.labels(attempt.tier).inc()
            else:
                self._cost.labels(attempt.tier).inc(attempt.cost_nano / 1e9)
            usage = attempt.usage
            for part, tokens in (
                ("input", usage.input),
                ("cache_read", usage.cache_read),
                ("cache_write", usage.cache_write_5m + usage.cache_write_1h),
                ("output", usage.output),
                ("reasoning", usage.reasoning),
            ):
                if tokens:
                    self._tokens.labels(attempt.tier, part).inc(tokens)

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
