"""Which GPUs are here, and what do they use? NVML's own answer, or why there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

__all__ = ["Gpu", "GpuAbsent", "energy_joules", "every_gpu", "gpus", "shown", "shown_gpus"]

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
    fault: str | None = None
    """What NVML says of one that does not answer, such as that it is lost: then nothing else is
    known of it, but its UUID perhaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuAbsent:
    why: str


class _Named(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def uuid(self) -> str: ...


One = TypeVar("One", bound=_Named)


def shown(gpus: Sequence[One], visible: Sequence[str] | None) -> tuple[One, ...]:
    """Those that CUDA shows to this process, in its order. `visible` are indices or beginnings of
    UUIDs, None is all; as in CUDA, what follows one that is not here does not count. A UUID that
    none has is that of one which does not answer, and tells no UUID, where there is such a one."""
    if visible is None:
        return tuple(gpus)
    found: list[One] = []
    for name in visible:
        nameless = (gpu for gpu in gpus if not gpu.uuid and gpu not in found)
        gpu = _named(name, gpus) or (next(nameless, None) if _is_uuid(name) else None)
        if gpu is None:
            break
        found.append(gpu)
    return tuple(found)


def _named(name: str, gpus: Sequence[One]) -> One | None:
    by_uuid = (gpu for gpu in gpus if _is_uuid(name) and gpu.uuid.startswith(name))
    return next((gpu for gpu in gpus if name == str(gpu.index)), None) or next(by_uuid, None)


def _is_uuid(name: str) -> bool:
    return name.startswith("GPU-")


def gpus() -> list[Gpu] | GpuAbsent:
    """The GPUs that answer NVML, or why none does. Never raises."""
    found = every_gpu()
    if isinstance(found, GpuAbsent):
        return found
    silent = ", ".join(f"GPU {gpu.index}: {gpu.fault}" for gpu in found)
    return [gpu for gpu in found if gpu.fault is None] or GpuAbsent(why=f"none answers ({silent})")


def every_gpu() -> list[Gpu] | GpuAbsent:
    """The GPUs that NVML lists, those with a `fault` too: they keep their places among the others.
    Or why it lists none. Never raises."""
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


def shown_gpus(visible: Sequence[str] | None) -> Sequence[Gpu]:
    """Those that CUDA shows to this process, in their places: those too that do not answer."""
    found = every_gpu()
    return () if isinstance(found, GpuAbsent) else shown(found, visible)


def _gpu(index: int, driver: str, cuda: tuple[int, int]) -> Gpu:
    import pynvml

    uuid = ""
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        uuid = str(pynvml.nvmlDeviceGetUUID(handle))
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
        major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(handle)
        return Gpu(
            index=index,
            name=str(pynvml.nvmlDeviceGetName(handle)),
            total_gib=memory.total / 2**30,
            free_gib=memory.free / 2**30,
            driver=driver,
            uuid=uuid,
            capability=(int(major), int(minor)),
            cuda=cuda,
        )
    except pynvml.NVMLError as error:
        return Gpu(
            index=index,
            name="",
            total_gib=0.0,
            free_gib=0.0,
            driver=driver,
            uuid=uuid,
            fault=str(error),
        )


class _Counter:
    """The joules of one GPU; none any more once it has failed."""

    def __init__(self, nvml: Any, index: int) -> None:
        self._nvml, self.index = nvml, index
        self.uuid, self.fault = "", None
        try:
            self._handle = nvml.nvmlDeviceGetHandleByIndex(index)
            self.uuid = str(nvml.nvmlDeviceGetUUID(self._handle))
        except nvml.NVMLError as error:
            self.fault = str(error)

    def joules(self) -> float | None:
        if self.fault is not None:
            return None
        try:  # it counts millijoules
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000
        except self._nvml.NVMLError as error:
            self.fault = str(error)
            return None


Joules = tuple[float | None, ...]


def energy_joules(visible: Sequence[str] | None = None) -> Callable[[], Joules | None] | None:
    """Reads the joules that each GPU has counted since its driver was loaded; None, and a line in
    the log that says why, where none of them counts.

    `visible` is as for `shown`, and in that order they are told. One that fails is None from then
    on, and a line in the log names it; where none is left, all of it is. NVML stays open for it.
    """
    try:
        import pynvml

        pynvml.nvmlInit()
        each = [_Counter(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
    except ImportError:
        _say_uncounted("the package nvidia-ml-py is not installed")
        return None
    except pynvml.NVMLError as error:
        _say_uncounted(str(error))
        return None
    counters, told = shown(each, visible), set[int]()
    if not counters:
        _say_uncounted("no GPU is visible")
        return None

    def read() -> Joules | None:
        found = tuple(counter.joules() for counter in counters)
        failed = {counter.index: counter.fault for counter in counters if counter.fault is not None}
        if failed.keys() - told:
            why = ", ".join(f"GPU {i}: {fault}" for i, fault in failed.items() if i not in told)
            told.update(failed)
            _say_uncounted(why, some=len(failed) < len(counters))
        return found if len(failed) < len(counters) else None

    return read if read() is not None else None


def _say_uncounted(why: str, *, some: bool = False) -> None:
    logger.warning(
        "the energy of %s is not counted (%s): %s are priced by usd_per_gpu_hour alone",
        "some GPUs" if some else "the GPUs",
        why,
        "local drafts on them" if some else "local drafts",
    )
