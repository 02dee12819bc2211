"""What does Prometheus see of the server itself? Which one it is, and what of it can answer."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rungwise import __version__

__all__ = ["ServerMetrics"]


class ServerMetrics(Collector):
    """Reads what is watched when it is asked for; families without a series where nothing is."""

    def __init__(self) -> None:
        self.breakers: dict[str, Callable[[], bool]] = {}
        self.ready: Callable[[], Mapping[str, bool]] = dict
        self.draining: Callable[[], bool] | None = None
        self.open: Callable[[], int] | None = None
        self.lost = 0

    def collect(self) -> Iterator[Metric]:
        breakers = GaugeMetricFamily(
            "rungwise_breaker_open",
            "1 while the breaker of an upstream is open",
            labels=("upstream",),
        )
        for name, is_open in self.breakers.items():
            breakers.add_metric((name,), float(is_open()))
        ready = GaugeMetricFamily(
            "rungwise_tier_ready",
            "1 while a tier can draft, and may, as of the last look",
            labels=("tier",),
        )
        for tier, can in self.ready().items():
            ready.add_metric((tier,), float(can))
        yield from (breakers, ready, *self._closing())
        yield CounterMetricFamily(
            "rungwise_lost_entries",
            "Answers that the ledger could not take; they stand in the log",
            value=self.lost,
        )
        built = GaugeMetricFamily(
            "rungwise_build_info", "Which rungwise this is", labels=("version", "python")
        )
        built.add_metric((__version__, platform.python_version()), 1.0)
        yield built

    def _closing(self) -> Iterator[Metric]:
        draining = GaugeMetricFamily(
            "rungwise_draining", "1 while no more requests are taken and the open ones end"
        )
        if self.draining is not None:
            draining.add_metric((), float(self.draining()))
        answers = GaugeMetricFamily("rungwise_open_answers", "Answers that are being written")
        if self.open is not None:
            answers.add_metric((), self.open())
        yield from (draining, answers)
