"""What does Prometheus see of alarms, detectors, audits and keys that climb?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rungwise.observe.climbing import Climbing
from rungwise.observe.metrics_series import OTHER
from rungwise.types import Alarm, AlarmKind

__all__ = ["AlarmBook", "Audited", "Detector", "DriftMetrics"]

_MOST_KEYS = 50
"""Keys that are named at most; how many there are is told beside it."""
_MOST_ALARMS = 100
_MOST_DETECTORS = 500
"""There is one for each thing that is watched about each rung, route or step type."""


class AlarmBook(Protocol):
    @property
    def on(self) -> Sequence[Alarm]:
        """Those that are on now."""
        ...

    @property
    def begun(self) -> Mapping[AlarmKind, int]:
        """How many began here since the process started."""
        ...


class Detector(Protocol):
    """What one of the detectors knows; None where it cannot say yet."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def seen(self) -> int: ...
    @property
    def usual(self) -> float | None: ...
    @property
    def now(self) -> float | None: ...
    @property
    def evidence(self) -> float | None: ...
    @property
    def bound(self) -> float | None: ...


class Audited(Protocol):
    """What became of the audits since the process started: see auditing.counts."""

    @property
    def drawn(self) -> int: ...
    @property
    def begun(self) -> int: ...
    @property
    def agreed(self) -> int: ...
    @property
    def disagreed(self) -> int: ...
    @property
    def undecided(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def skipped(self) -> Mapping[str, int]: ...


class DriftMetrics(Collector):
    """Reads what is watched when it is asked for; families without a series where nothing is."""

    def __init__(self) -> None:
        self.climbing: Climbing | None = None
        self.alarms: AlarmBook | None = None
        self.standing: Callable[[], Iterable[Detector]] = lambda: ()
        self.audits: Audited | None = None
        self.calibrations: Callable[[], Iterable[tuple[str, str, bool]]] = lambda: ()

    def collect(self) -> Iterator[Metric]:
        yield from self._climbing()
        yield from self._alarms()
        yield from self._drift()
        yield from self._audits()
        believed = GaugeMetricFamily(
            "rungwise_calibration_believed",
            "1 for the calibration in force, 0 while an alarm has it put aside",
            labels=("tier", "calibration"),
        )
        for tier, name, is_believed in self.calibrations():
            believed.add_metric((tier, name), float(is_believed))
        yield believed

    def _climbing(self) -> Iterator[Metric]:
        """Keys by name, but only those that climb too much, and no more than a few."""
        alarmed = self.climbing.alarmed if self.climbing is not None else ()
        many = GaugeMetricFamily(
            "rungwise_escalating_keys",
            "Keys whose steps climb more often than access.escalation_alarm allows",
        )
        named = GaugeMetricFamily(
            "rungwise_escalation_alarm", "1 for such a key, of fifty at most", labels=("key",)
        )
        began = CounterMetricFamily("rungwise_escalation_alarms", "Alarms that began")
        if self.climbing is not None:
            many.add_metric((), len(alarmed))
            began.add_metric((), self.climbing.alarms)
        for key in islice(alarmed, _MOST_KEYS):
            named.add_metric((key,), 1.0)
        yield from (many, named, began)

    def _alarms(self) -> Iterator[Metric]:
        on = GaugeMetricFamily(
            "rungwise_alarm", "1 for an alarm that is on", labels=("kind", "about")
        )
        began = CounterMetricFamily("rungwise_alarms", "Alarms that began", labels=("kind",))
        if self.alarms is not None:
            told = list(dict.fromkeys((alarm.kind, alarm.about) for alarm in self.alarms.on))
            for kind, about in told[:_MOST_ALARMS]:
                on.add_metric((kind, about), 1.0)
            for kind in sorted({kind for kind, _ in told[_MOST_ALARMS:]}):
                on.add_metric((kind, OTHER), 1.0)
            for kind in get_args(AlarmKind):
                began.add_metric((kind,), self.alarms.begun.get(kind, 0))
        yield from (on, began)

    def _drift(self) -> Iterator[Metric]:
        labels = ("detector", "kind", "about")
        seen = CounterMetricFamily(
            "rungwise_drift_seen", "How much a detector has seen", labels=labels
        )
        told = {
            "evidence": "What a detector has gathered",
            "bound": "The evidence at which it alarms",
            "usual": "What was usual",
            "now": "What it is now",
        }
        gauges = {
            name: GaugeMetricFamily(f"rungwise_drift_{name}", line, labels=labels)
            for name, line in told.items()
        }
        for detector in islice(self.standing(), _MOST_DETECTORS):
            which = (detector.name, detector.kind, detector.about)
            seen.add_metric(which, detector.seen)
            for name, value in (
                ("evidence", detector.evidence),
                ("bound", detector.bound),
                ("usual", detector.usual),
                ("now", detector.now),
            ):
                if value is not None:
                    gauges[name].add_metric(which, value)
        yield from (seen, *gauges.values())

    def _audits(self) -> Iterator[Metric]:
        became = CounterMetricFamily(
            "rungwise_audits", "Drafts drawn for an audit, and what became", labels=("became",)
        )
        skipped = CounterMetricFamily(
            "rungwise_audits_skipped", "Drafts that were not audited, by why", labels=("why",)
        )
        if (audits := self.audits) is not None:
            for name, count in (
                ("drawn", audits.drawn),
                ("begun", audits.begun),
                ("agreed", audits.agreed),
                ("disagreed", audits.disagreed),
                ("undecided", audits.undecided),
                ("failed", audits.failed),
            ):
                became.add_metric((name,), count)
            for why, count in dict(audits.skipped).items():
                skipped.add_metric((why,), count)
        yield from (became, skipped)
