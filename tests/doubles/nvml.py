"""What would NVML say? What one H100 said for 139 seconds, second by second, and faults at will.

h100.json holds the recording and tells what the GPU did: nothing, an engine's start, and load.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

__all__ = ["AT_REST", "BUSY", "ENGINE", "LOST", "THROTTLED", "UNINITIALISED", "PlayedNvml"]

LOST, UNSUPPORTED, UNINITIALISED = 15, 3, 1

_RECORDED: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "h100.json").read_text(encoding="utf-8")
)


def _rows(of: str) -> tuple[SimpleNamespace, ...]:
    names = _RECORDED[f"{of}_columns"]
    return tuple(SimpleNamespace(**dict(zip(names, row, strict=True))) for row in _RECORDED[of])


_SECONDS = _rows("nvml")
ENGINE = _rows("engine")
"""What the server's engine on that GPU counted meanwhile, every three seconds: `s`, `running`,
`waiting`, `kv_use`, and since its start prompt tokens `queried` and `hits`, tokens `written`."""
AT_REST, BUSY, THROTTLED = 5, 87, 124
"""Seconds of the recording: without work, at work, and at work with its power at the limit."""
_LAG = 7
"""Seconds; of several GPUs each plays the recording so much later than the one before."""


class PlayedError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({15: "GPU is lost", 3: "Not Supported", 1: "Uninitialized"}[value])
        self.value = value


@dataclass
class PlayedNvml:
    """The functions of pynvml that we ask. `second` moves the recording on; after its end it
    begins anew."""

    gpus: int = 1
    second: float = BUSY
    driver_fault: int | None = None
    """Of every question, as while a driver is loaded anew."""
    broken: Exception | None = None
    """What the binding itself raises over each GPU, which is none of NVML's errors."""
    own_pid: int = 0

    NVMLError = PlayedError
    NVML_TEMPERATURE_GPU = 0
    NVML_CLOCK_SM, NVML_CLOCK_MEM = 1, 2

    def __post_init__(self) -> None:
        self.lost: set[int] = set()
        """GPUs that are lost."""
        self.untold: set[str] = set()
        """Functions that these GPUs do not support."""
        self.opened = self.closed = 0

    def __call__(self) -> PlayedNvml:
        """As `open_nvml` gives it."""
        self.opened += 1
        return self

    def nvmlInit(self) -> None:
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.closed += 1

    def _ask(self, function: str, gpu: int) -> SimpleNamespace:
        """What was recorded of this second."""
        if self.driver_fault is not None:
            raise PlayedError(self.driver_fault)
        if self.broken is not None:
            raise self.broken
        if gpu in self.lost:
            raise PlayedError(LOST)
        if function in self.untold:
            raise PlayedError(UNSUPPORTED)
        return _SECONDS[self._second(gpu) % len(_SECONDS)]

    def _second(self, gpu: int) -> int:
        return max(0, int(self.second) - _LAG * gpu)

    def nvmlSystemGetDriverVersion(self) -> str:
        if self.driver_fault is not None:
            raise PlayedError(self.driver_fault)
        return str(_RECORDED["taken"]["driver"])

    def nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._ask("handle", index)
        return index

    def nvmlDeviceGetName(self, gpu: int) -> str:
        return str(_RECORDED["taken"]["gpu"])

    def nvmlDeviceGetUUID(self, gpu: int) -> str:
        return f"GPU-played-{gpu}"

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> SimpleNamespace:
        used = self._ask("memory", gpu).memory_used
        return SimpleNamespace(used=used, total=_RECORDED["memory_total"])

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> SimpleNamespace:
        now = self._ask("rates", gpu)
        return SimpleNamespace(gpu=now.busy_percent, memory=now.memory_busy_percent)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: int) -> list[SimpleNamespace]:
        used = self._ask("processes", gpu).process_memory
        return [] if used is None else [SimpleNamespace(pid=self.own_pid, usedGpuMemory=used)]

    def nvmlDeviceGetTemperature(self, gpu: int, sensor: int) -> int:
        return int(self._ask("temperature", gpu).temperature_c)

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:
        return int(self._ask("power", gpu).power_mw)

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: int) -> int:
        self._ask("limit", gpu)
        return int(_RECORDED["power_limit"])

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: int) -> int:
        counted = self._ask("energy", gpu).energy_mj
        whole = _SECONDS[-1].energy_mj - _SECONDS[0].energy_mj
        return int(counted + whole * (self._second(gpu) // len(_SECONDS)))

    def nvmlDeviceGetClockInfo(self, gpu: int, clock: int) -> int:
        now = self._ask("clock", gpu)
        return int(now.memory_mhz if clock == self.NVML_CLOCK_MEM else now.sm_mhz)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: int) -> int:
        return int(self._ask("throttle", gpu).throttle_bits)
