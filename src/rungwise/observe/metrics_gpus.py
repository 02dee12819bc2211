"""What does Prometheus see of the GPUs? NVML's readings, for each device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from rungwise.observe.gpu_usage import GpuUsage, Throttle

__all__ = ["GpuMetrics"]

_GAUGES: tuple[tuple[str, str, Callable[[GpuUsage], float | None]], ...] = (
    ("rungwise_gpu_busy", "Share of the time in which a kernel ran", lambda g: g.busy),
    (
        "rungwise_gpu_memory_busy",
        "Share of the time in which memory was in use",
        lambda g: g.memory_busy,
    ),
    ("rungwise_gpu_memory_used_bytes", "Memory in use", lambda g: g.memory_used),
    (
        "rungwise_gpu_memory_own_bytes",
        "Memory of this server and its engines",
        lambda g: g.memory_own,
    ),
    ("rungwise_gpu_memory_total_bytes", "Memory there is", lambda g: g.memory_total),
    ("rungwise_gpu_power_watts", "Power that is drawn", lambda g: g.power_w),
    ("rungwise_gpu_power_limit_watts", "Power that may be drawn", lambda g: g.power_limit_w),
    ("rungwise_gpu_temperature_celsius", "Of the GPU", lambda g: g.temperature_c),
    ("rungwise_gpu_processes", "Processes that compute on it", lambda g: g.processes),
)


class GpuMetrics(Collector):
    """Every family is there; a series only for a GPU that is, and that tells this."""

    def __init__(self) -> None:
        self.usage: Callable[[], Sequence[GpuUsage]] = lambda: ()
        self.placed: Mapping[str, Sequence[str]] = {}

    def collect(self) -> Iterator[Metric]:
        gpus = self.usage()
        for name, line, of in _GAUGES:
            family = GaugeMetricFamily(name, line, labels=("gpu",))
            for gpu in gpus:
                if (value := of(gpu)) is not None:
                    family.add_metric((str(gpu.index),), value)
            yield family
        joules = CounterMetricFamily(
            "rungwise_gpu_joules", "Since the driver was loaded", labels=("gpu",)
        )
        for gpu in gpus:
            if gpu.joules is not None:
                joules.add_metric((str(gpu.index),), gpu.joules)
        yield joules
        yield from self._named(gpus)
        yield from _clocks(gpus)

    def _named(self, gpus: Sequence[GpuUsage]) -> Iterator[Metric]:
        info = GaugeMetricFamily(
            "rungwise_gpu_info", "Which GPU this is", labels=("gpu", "name", "uuid", "driver")
        )
        for gpu in gpus:
            info.add_metric((str(gpu.index), gpu.name, gpu.uuid, gpu.driver), 1.0)
        engines = GaugeMetricFamily(
            "rungwise_gpu_engine", "1: a tier's engine is placed on it", labels=("gpu", "tier")
        )
        here = {str(gpu.index): gpu for gpu in gpus} | {gpu.uuid: gpu for gpu in gpus}
        for tier, names in self.placed.items():
            on = {here[name].index for name in names if name in here}
            for index in sorted(on):
                engines.add_metric((str(index), tier), 1.0)
        yield from (info, engines)


def _clocks(gpus: Sequence[GpuUsage]) -> Iterator[Metric]:
    clocks = GaugeMetricFamily("rungwise_gpu_clock_hertz", "Now", labels=("gpu", "clock"))
    throttled = GaugeMetricFamily(
        "rungwise_gpu_throttled", "1 while it is slowed down, by why", labels=("gpu", "why")
    )
    for gpu in gpus:
        for clock, hertz in (("sm", gpu.sm_hz), ("memory", gpu.memory_hz)):
            if hertz is not None:
                clocks.add_metric((str(gpu.index), clock), hertz)
        for why in get_args(Throttle) if gpu.throttled is not None else ():
            throttled.add_metric((str(gpu.index), why), float(why in (gpu.throttled or ())))
    yield from (clocks, throttled)
