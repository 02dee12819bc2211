"""Who watches what becomes of answers? Metrics, traces, drift with its alarms, GPUs, readiness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from rungwise.confidence.gate import CalibratedGate
from rungwise.config import Config, VllmTierConfig
from rungwise.contracts import Tier
from rungwise.drift.alarms import Alarms
from rungwise.drift.detector import DetectorState
from rungwise.drift.drift import Drift
from rungwise.ledger.gathering import Gathering
from rungwise.ledger.old_slots import OldSlots
from rungwise.observe.climbing import Climbing
from rungwise.observe.gpu import shown_gpus
from rungwise.observe.gpu_usage import GpuWatch
from rungwise.observe.metrics import Metrics
from rungwise.observe.readiness import Readiness
from rungwise.observe.trace_names import providers_of
from rungwise.observe.traces import Traces
from rungwise.store.sql import Store
from rungwise.story import Clock
from rungwise.tiers import outlook
from rungwise.tiers.local.vllm_compat import visible_gpus
from rungwise.tiers.priced import prices_of
from rungwise.types import Entry, StepType

if TYPE_CHECKING:
    from rungwise.edge.app import Part

__all__ = ["Watch", "build_watch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    metrics: Metrics
    alarms: Alarms
    drift: Drift
    gathering: Gathering
    traces: Traces
    gpus: GpuWatch
    readiness: Readiness
    old_slots: OldSlots

    @property
    def readers(self) -> Sequence[Callable[[Entry], None]]:
        """Of each step."""
        return (self.gathering.read,)

    @property
    def told(self) -> Sequence[Callable[[Entry], None]]:
        """Of the first outcome that is believed of each answer."""
        return (self.metrics.read_outcome, self.drift.read_outcome)

    @property
    def audited(self) -> Sequence[Callable[[Entry], None]]:
        return (self.metrics.read_audit, self.traces.read_audit)

    @property
    def parts(self) -> Sequence[Part]:
        """In the order they start in, once the store is open."""
        return (self.alarms, self.drift, self.gathering, self.traces, self.gpus, self.old_slots)

    async def rendered(self) -> tuple[bytes, str]:
        """The metrics, of every step until now."""
        self.gathering.pass_on()
        return await self.metrics.rendered()

    def standing(self) -> Sequence[DetectorState]:
        """As drift has it, of every step until now."""
        self.gathering.pass_on()
        return self.drift.standing()


def build_watch(
    config: Config,
    ladder: Sequence[Tier],
    gates: Mapping[str, CalibratedGate],
    *,
    metrics: Metrics,
    alarms: Alarms,
    usual: Mapping[StepType, str],
    store: Store,
    clock: Clock,
    barred: Callable[[Tier], str | None],
) -> Watch:
    """All of it, and the metrics of it. `usual` is where each step type starts by the owner's
    table, `barred` why a rung is not asked although it is well. Raises ConfigError."""
    drift = Drift(
        config.drift,
        config.outcomes.most_share,
        alarms,
        store,
        clock.unix,
        calibrations={
            name: gate.calibrated_by for name, gate in gates.items() if gate.calibrated_by
        },
        models={tier.name: tier.model for tier in ladder},
        prices=lambda: prices_of(config),
        endings=lambda: outlook.endings(config, datetime.fromtimestamp(clock.unix(), UTC).date()),
    )
    climbing = Climbing(config.access.escalation_alarm, [tier.name for tier in ladder], usual)
    gpus = GpuWatch(unix=clock.unix, now=clock.now)
    readiness = Readiness(ladder, barred=barred)
    metrics.watch_gpus(lambda: gpus.usage, _placed(config))
    metrics.watch_ready(lambda: readiness.ready)
    metrics.watch_alarms(alarms)
    metrics.watch_climbing(climbing)
    metrics.watch_drift(drift.standing)
    metrics.watch_calibrations(partial(_believed, gates, alarms))
    return Watch(
        metrics=metrics,
        alarms=alarms,
        drift=drift,
        gathering=Gathering((metrics.read, drift.read, climbing.read)),
        traces=Traces(
            config.traces,
            providers_of(config.tiers),
            private_tags=frozenset(config.routing.private_tags),
        ),
        gpus=gpus,
        readiness=readiness,
        old_slots=OldSlots(store, clock.unix),
    )


def _believed(
    gates: Mapping[str, CalibratedGate], alarms: Alarms
) -> Sequence[tuple[str, str, bool]]:
    """By tier and the calibration in force: whether it is believed now."""
    named = ((name, gate.calibrated_by) for name, gate in gates.items())
    return [(tier, by, alarms.demoted(tier) is None) for tier, by in named if by is not None]


def _placed(config: Config) -> Mapping[str, Sequence[str]]:
    """The GPUs of each engine, by their whole UUIDs; by the driver's index where it tells none."""
    engines = [section for section in config.tiers if isinstance(section, VllmTierConfig)]
    there = shown_gpus(visible_gpus()) if engines else ()
    names = [gpu.uuid or str(gpu.index) for gpu in there]
    return {
        section.name: [names[place] for place in section.placed if place < len(names)]
        for section in engines
    }
