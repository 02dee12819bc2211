"""Which GPUs are here, and what do they use? NVML's own answer, or why there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Gpu", "GpuAbsent", "energy_joules", "gpus"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    index: int
    name: str
    total_gib: float
    free_gib: float
    driver: str
    uuid: str = ""
    capability: tuple[int, int] | None = None
    """CUDA's compute capability; None where NVML does not tell."""
    cuda: tuple[int, int] | None = None
    """The newest CUDA that the driver knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuAbsent:
    why: str


def gpus() -> list[Gpu] | GpuAbsent:
    """The GPUs that NVML sees, or why it sees none. Never raises."""
    try:
        import pynvml
    except ImportError:
        return GpuAbsent(why="none: the package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return GpuAbsent(why=f"none: {error}")
    try:
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        cuda = divmod(int(pynvml.nvmlSystemGetCudaDriverVersion()), 1000)
        newest = (cuda[0], cuda[1] // 10)
        found = [_gpu(index, driver, newest) for index in range(pynvml.nvmlDeviceGetCount())]
        return found or GpuAbsent(why="none: the driver is loaded but lists no device")
    except pynvml.NVMLError as error:
        return GpuAbsent(why=f"NVML failed: {error}")
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int, driver: str, cuda: tuple[int, int]) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
    return Gpu(
        index=index,
        name=str(pynvml.nvmlDeviceGetName(handle)),
        total_gib=memory.total / 2**30,
        free_gib=memory.free / 2**30,
        driver=driver,
        uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
        capability=(int(major), int(minor)),
        cuda=cuda,
    )


def energy_joules(
    visible: Sequence[str] | None = None,
) -> Callable[[], tuple[float, ...] | None] | None:
    """Reads the joules that each GPU has counted since its driver was loaded; None, and a line in
    the log that says why, where they are not counted.

    `visible` are indices or UUIDs as in CUDA_VISIBLE_DEVICES, in that order; None is every GPU.
    What it returns gives None from the day on that the driver fails. NVML stays open for it.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
        names = visible if visible is not None else range(pynvml.nvmlDeviceGetCount())
        devices = [_device(pynvml, name) for name in names]
        if not devices:
            _say_uncounted("no GPU is visible")
            return None
        for device in devices:
            pynvml.nvmlDeviceGetTotalEnergyConsumption(device)
    except ImportError:
        _say_uncounted("the package nvidia-ml-py is not installed")
        return None
    except pynvml.NVMLError as error:
        _say_uncounted(str(error))
        return None

    def read() -> tuple[float, ...] | None:
        try:
            return tuple(
                pynvml.nvmlDeviceGetTotalEnergyConsumption(device) / 1000  # it counts millijoules
                for device in devices
            )
        except pynvml.NVMLError as error:
            _say_uncounted(str(error))
            return None

    return read


def _device(pynvml: Any, name: str | int) -> Any:
    told = str(name)
    if told.isdecimal():
        return pynvml.nvmlDeviceGetHandleByIndex(int(told))
    return pynvml.nvmlDeviceGetHandleByUUID(told)


def _say_uncounted(why: str) -> None:
    logger.warning(
        "the GPUs' energy is not counted (%s): local drafts are priced by usd_per_gpu_hour alone",
        why,
    )
