"""What does Prometheus see? A reading of the ledger's entries, and what is watched beside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.process_collector import ProcessCollector

from rungwise.observe.climbing import Climbing
from rungwise.observe.exposition import exposition
from rungwise.observe.gpu_usage import GpuUsage
from rungwise.observe.metrics_attempts import AttemptMetrics
from rungwise.observe.metrics_drift import AlarmBook, Audited, Detector, DriftMetrics
from rungwise.observe.metrics_engines import Engine, EngineMetrics, Measured
from rungwise.observe.metrics_gpus import GpuMetrics
from rungwise.observe.metrics_series import Known, Series
from rungwise.observe.metrics_server import ServerMetrics
from rungwise.observe.metrics_steps import StepMetrics
from rungwise.types import Entry, StepType

__all__ = ["Metrics"]


class Metrics:
    """Labels come from the configuration (tiers, routes, step types) and from closed lists, so
    series are bounded; docs/metrics.md tells them all. The names stand in the files metrics_*.py.
    Whatever is watched is read when somebody asks for the metrics: it must answer at once.
    """

    def __init__(
        self, tiers: Sequence[str] | None = None, *, more_routes: Sequence[str] = ()
    ) -> None:
        """`tiers` are those that may be named; None: the first hundred that entries name.
        `more_routes` may be named beside what callers can ask for."""
        self.registry = CollectorRegistry()
        known = Known(tiers)
        kinds = (f"auto:{kind.value}" for kind in StepType)
        routes = ("auto", *kinds, *(tiers or ()), *more_routes)
        series = self._series = Series(self.registry)
        self._steps = StepMetrics(series, known, Known(None if tiers is None else routes))
        self._attempts = AttemptMetrics(series, known)
        self._drift, self._engines = DriftMetrics(), EngineMetrics()
        self._gpus, self._server = GpuMetrics(), ServerMetrics()
        self._watched = (self._drift, self._engines, self._gpus, self._server)
        for watched in self._watched:
            self.registry.register(watched)
        self._process = ProcessCollector(registry=self.registry)

    # ---- entries ----

    def read(self, entry: Entry) -> None:
        """Count one step."""
        self._steps.read(entry)
        self._attempts.read(entry)

    def read_audit(self, entry: Entry) -> None:
        """Count what an audit asked of rungs; it is no step of a caller's."""
        self._attempts.read(entry)

    def read_outcome(self, entry: Entry) -> None:
        """Count the first outcome that is believed of an entry."""
        self._steps.read_outcome(entry)

    def refused_for_money(self, entry: Entry) -> None:
        """Count a step that a cap ended; it is read before its entry is, where there is one."""
        self._steps.refused_for_money(entry)

    def entry_lost(self, entry: Entry) -> None:
        self._server.lost += 1

    # ---- what is watched ----

    def watch_breaker(self, upstream: str, is_open: Callable[[], bool]) -> None:
        self._server.breakers[upstream] = is_open

    def watch_engine(self, engine: Engine) -> None:
        self._engines.engines.append(engine)

    def watch_engine_metrics(self, engine: Measured) -> None:
        self._engines.measured.append(engine)

    def watch_climbing(self, climbing: Climbing) -> None:
        self._drift.climbing = climbing

    def watch_alarms(self, alarms: AlarmBook) -> None:
        self._drift.alarms = alarms

    def watch_drift(self, standing: Callable[[], Iterable[Detector]]) -> None:
        self._drift.standing = standing

    def watch_audits(self, counts: Audited) -> None:
        self._drift.audits = counts

    def watch_calibrations(self, told: Callable[[], Iterable[tuple[str, str, bool]]]) -> None:
        """By tier and name: whether it is believed now."""
        self._drift.calibrations = told

    def watch_gpus(
        self, usage: Callable[[], Sequence[GpuUsage]], placed: Mapping[str, Sequence[str]]
    ) -> None:
        """`placed` tells the GPUs of each tier's engine, by the driver's index or by UUID."""
        self._gpus.usage, self._gpus.placed = usage, placed

    def watch_ready(self, told: Callable[[], Mapping[str, bool]]) -> None:
        self._server.ready = told

    def watch_closing(self, draining: Callable[[], bool], open_answers: Callable[[], int]) -> None:
        self._server.draining, self._server.open = draining, open_answers

    # ---- what is told ----

    def render(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return f"{self._now()}{self._counted()}".encode(), CONTENT_TYPE_LATEST

    async def rendered(self) -> tuple[bytes, str]:
        """The same; what was counted, which can be long, is written in a thread."""
        now = self._now()
        counted = await asyncio.to_thread(self._counted)
        return f"{now}{counted}".encode(), CONTENT_TYPE_LATEST

    def _now(self) -> str:
        return exposition(self._watched)

    def _counted(self) -> str:
        told = [exposition((*self._series.counters, self._process))]
        told.extend(histogram.written() for histogram in self._series.histograms)
        return "".join(told)
