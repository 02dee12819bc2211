"""Which GPUs are here? NVML's own answer, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Gpu", "GpuAbsent", "gpus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    index: int
    name: str
    total_gib: float
    free_gib: float
    driver: str


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
        found = [_gpu(index, driver) for index in range(pynvml.nvmlDeviceGetCount())]
        return found or GpuAbsent(why="none: the driver is loaded but lists no device")
    except pynvml.NVMLError as error:
        return GpuAbsent(why=f"NVML failed: {error}")
    finally:
        pynvml.nvmlShutdown()


def _gpu(index: int, driver: str) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        index=index,
        name=str(pynvml.nvmlDeviceGetName(handle)),
        total_gib=memory.total / 2**30,
        free_gib=memory.free / 2**30,
        driver=driver,
    )
