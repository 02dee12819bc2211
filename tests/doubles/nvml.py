"""What would NVML say? A played one: made up after the shape of an H100's figures, not recorded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

__all__ = ["PlayedNvml"]

LOST, UNSUPPORTED, UNINITIALISED = 15, 3, 1


class PlayedError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__({15: "GPU is lost", 3: "Not Supported", 1: "Uninitialized"}[value])
        self.value = value


@dataclass
class PlayedNvml:
    """The functions of pynvml that we ask. `second` moves the played trace on: a GPU works for
    twenty seconds of every thirty."""

    gpus: int = 1
    second: float = 0.0
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

    def _busy(self, gpu: int) -> float:
        moment = (self.second + 7 * gpu) % 30
        return 0.0 if moment >= 20 else 0.75 + 0.2 * math.sin(moment)

    def _ask(self, function: str, gpu: int) -> None:
        if self.driver_fault is not None:
            raise PlayedError(self.driver_fault)
        if self.broken is not None:
            raise self.broken
        if gpu in self.lost:
            raise PlayedError(LOST)
        if function in self.untold:
            raise PlayedError(UNSUPPORTED)

    def nvmlSystemGetDriverVersion(self) -> str:
        if self.driver_fault is not None:
            raise PlayedError(self.driver_fault)
        return "580.00.played"

    def nvmlDeviceGetCount(self) -> int:
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self._ask("handle", index)
        return index

    def nvmlDeviceGetName(self, gpu: int) -> str:
        return "NVIDIA H100 80GB HBM3 (played)"

    def nvmlDeviceGetUUID(self, gpu: int) -> str:
        return f"GPU-played-{gpu}"

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> SimpleNamespace:
        self._ask("memory", gpu)
        return SimpleNamespace(used=62 << 30, total=80 << 30)

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> SimpleNamespace:
        self._ask("rates", gpu)
        busy = self._busy(gpu)
        return SimpleNamespace(gpu=round(100 * busy), memory=round(60 * busy))

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: int) -> list[SimpleNamespace]:
        self._ask("processes", gpu)
        return [SimpleNamespace(pid=self.own_pid, usedGpuMemory=60 << 30)]

    def nvmlDeviceGetTemperature(self, gpu: int, sensor: int) -> int:
        self._ask("temperature", gpu)
        return round(38 + 30 * self._busy(gpu))

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:
        self._ask("power", gpu)
        return round(1000 * (72 + 560 * self._busy(gpu)))

    def nvmlDeviceGetEnforcedPowerLimit(self, gpu: int) -> int:
        self._ask("limit", gpu)
        return 700_000

    def nvmlDeviceGetTotalEnergyConsumption(self, gpu: int) -> int:
        self._ask("energy", gpu)
        return round(1000 * (1_000_000 + 350 * self.second))

    def nvmlDeviceGetClockInfo(self, gpu: int, clock: int) -> int:
        self._ask("clock", gpu)
        return 2619 if clock == self.NVML_CLOCK_MEM else (1980 if self._busy(gpu) else 345)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, gpu: int) -> int:
        self._ask("throttle", gpu)
        busy = self._busy(gpu)
        return 0x04 if busy > 0.9 else (0 if busy else 0x01)
