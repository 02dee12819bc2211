"""How busy are the GPUs? NVML's readings every few seconds, beside the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rungwise.observe.process_tree import process_tree

__all__ = ["GpuUsage", "GpuWatch", "Throttle", "open_nvml"]

logger = logging.getLogger(__name__)

Throttle: TypeAlias = Literal[
    "application_clocks",
    "power_cap",
    "hardware",
    "sync_boost",
    "thermal",
    "hardware_thermal",
    "power_brake",
    "display_clocks",
]
"""Why a GPU is slowed down. That it has no work, which NVML tells among these, is left out."""

_THROTTLES: tuple[tuple[int, Throttle], ...] = (
    (0x02, "application_clocks"),
    (0x04, "power_cap"),
    (0x08, "hardware"),
    (0x10, "sync_boost"),
    (0x20, "thermal"),
    (0x40, "hardware_thermal"),
    (0x80, "power_brake"),
    (0x100, "display_clocks"),
)
"""NVML's nvmlClocksEventReasons."""
_UNTOLD = (3, 4, 13)
"""NVML's errors of a GPU that is well and does not tell this: not supported, no permission, a
driver that is too old."""
_STALE = 3.0
"""So many times the usual wait, and a reading is told no more: NVML hangs."""
_NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuUsage:
    """One GPU at one moment. None: this GPU does not tell it."""

    index: int
    """The driver's, as in nvidia-smi."""
    name: str
    uuid: str
    driver: str
    busy: float | None = None
    """Share of the time in which a kernel ran, 0 to 1; as for its memory."""
    memory_busy: float | None = None
    memory_used: int | None = None
    """Bytes, as all of its memory here."""
    memory_own: int | None = None
    """Of this server's processes."""
    memory_total: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    joules: float | None = None
    """Since the driver was loaded."""
    temperature_c: float | None = None
    sm_hz: int | None = None
    memory_hz: int | None = None
    throttled: tuple[Throttle, ...] | None = None
    processes: int | None = None
    """That compute on it."""
    at: float = 0.0
    """Unix seconds of the reading."""


def open_nvml() -> Any | str:
    """NVML, or why there is none. Never raises."""
    try:
        import pynvml
    except ImportError:
        return "the package nvidia-ml-py is not installed"
    try:
        pynvml.nvmlInit()
    except Exception as error:
        return _told(pynvml, error)
    return pynvml


class GpuWatch:
    """Reads every few seconds in a thread of its own, for NVML can hang; nobody waits for it.

    A GPU that fails is left out, with one line in the log, until it answers again.
    """

    def __init__(
        self,
        nvml: Callable[[], Any | str] = open_nvml,
        *,
        unix: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
        own: Callable[[], frozenset[int]] = process_tree,
        every_s: float = 5.0,
    ) -> None:
        """`nvml` opens the module pynvml, or says why it cannot; `now` is monotonic."""
        self._open, self._unix, self._now, self._own = nvml, unix, now, own
        self._every_s = every_s
        self._nvml: Any | None = None
        self._read: tuple[GpuUsage, ...] = ()
        self._heard_s: float | None = None
        """When NVML said something last, or was first asked."""
        self._absent: str | None = _NOT_STARTED
        self._failing: set[str] = set()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def usage(self) -> Sequence[GpuUsage]:
        """What was read last, at once; nothing where that is long ago."""
        return () if self._hangs else self._read

    @property
    def absent(self) -> str | None:
        """Why there are none; None where there are."""
        if self._hangs and self._absent in (None, _NOT_STARTED):
            return f"none: NVML has not answered for {self._silent_s:.0f} s"
        return self._absent

    @property
    def _silent_s(self) -> float:
        return 0.0 if self._heard_s is None else self._now() - self._heard_s

    @property
    def _hangs(self) -> bool:
        return self._silent_s > _STALE * self._every_s

    async def start(self) -> None:
        """Never raises. Without NVML it says so in the log, once, and reads nothing."""
        if self._thread is not None:
            return
        self._over.clear()
        self._heard_s = self._now()
        self._thread = threading.Thread(target=self._go_on, name="gpu usage", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Never raises, and waits for no NVML that hangs."""
        thread, self._thread = self._thread, None
        self._over.set()
        if thread is not None:
            await asyncio.to_thread(thread.join, 1.0)
        self._read = ()
        self._absent = self._absent or "stopped"

    def _go_on(self) -> None:
        while not self._over.is_set() and self.look():
            self._over.wait(self._every_s)
        if self._nvml is not None:
            self._quietly(self._nvml.nvmlShutdown)
            self._nvml = None

    # ---- one look ----

    def look(self) -> bool:
        """Read every GPU now, and whether there is an NVML at all. Never raises; blocks for as long
        as NVML does."""
        nvml = self._opened()
        if nvml is None:
            return False
        found, failing = list[GpuUsage](), set[str]()
        try:
            driver, own = str(nvml.nvmlSystemGetDriverVersion()), self._own()
            for index in range(nvml.nvmlDeviceGetCount()):
                try:
                    found.append(_usage(nvml, index, driver, own, self._unix()))
                except Exception as error:  # a binding may fail in any way, and comes back
                    failing.add(f"GPU {index}: {_told(nvml, error)}")
        except Exception as error:
            failing.add(_told(nvml, error))
        self._read, self._heard_s = tuple(found), self._now()
        self._absent = None if found else f"none: {'; '.join(sorted(failing)) or 'no device'}"
        self._tell(failing)
        return True

    def _opened(self) -> Any | None:
        if self._nvml is None:
            opened = self._open()
            if isinstance(opened, str):
                self._absent = f"none: {opened}"
                logger.info("no figures of GPUs: %s", opened)
                return None
            self._nvml = opened
        return self._nvml

    def _tell(self, failing: set[str]) -> None:
        for line in sorted(failing - self._failing):
            logger.warning("no figures of a GPU until it answers again: %s", line)
        for line in sorted(self._failing - failing):
            logger.info("a GPU answers again, or otherwise: before it was %s", line)
        self._failing = failing
        if failing and self._nvml is not None:  # a driver that was loaded anew is opened anew
            self._quietly(self._nvml.nvmlShutdown)
            self._quietly(self._nvml.nvmlInit)

    def _quietly(self, do: Callable[[], object]) -> None:
        try:
            do()
        except Exception as error:
            logger.debug("NVML: %s", error)


def _told(nvml: Any, error: Exception) -> str:
    own = isinstance(error, nvml.NVMLError)
    return str(error) if own else f"{type(error).__name__}: {error}"


def _usage(nvml: Any, index: int, driver: str, own: frozenset[int], at: float) -> GpuUsage:
    """Raises NVMLError for a GPU that is lost, and whatever the binding raises."""
    gpu = nvml.nvmlDeviceGetHandleByIndex(index)

    def told(ask: Callable[..., Any], *more: Any) -> Any | None:
        try:
            return ask(gpu, *more)
        except nvml.NVMLError as error:
            if getattr(error, "value", None) in _UNTOLD:
                return None
            raise

    memory = told(nvml.nvmlDeviceGetMemoryInfo)
    rates = told(nvml.nvmlDeviceGetUtilizationRates)
    running = told(nvml.nvmlDeviceGetComputeRunningProcesses)
    temperature = told(nvml.nvmlDeviceGetTemperature, nvml.NVML_TEMPERATURE_GPU)
    return GpuUsage(
        index=index,
        name=str(nvml.nvmlDeviceGetName(gpu)),
        uuid=str(nvml.nvmlDeviceGetUUID(gpu)),
        driver=driver,
        busy=None if rates is None else rates.gpu / 100,
        memory_busy=None if rates is None else rates.memory / 100,
        memory_used=None if memory is None else int(memory.used),
        memory_total=None if memory is None else int(memory.total),
        memory_own=_own_memory(running, own),
        power_w=_times(told(nvml.nvmlDeviceGetPowerUsage), 1e-3),
        power_limit_w=_times(told(nvml.nvmlDeviceGetEnforcedPowerLimit), 1e-3),
        joules=_times(told(nvml.nvmlDeviceGetTotalEnergyConsumption), 1e-3),
        temperature_c=_times(temperature, 1.0),
        sm_hz=_hertz(told(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_SM)),
        memory_hz=_hertz(told(nvml.nvmlDeviceGetClockInfo, nvml.NVML_CLOCK_MEM)),
        throttled=_throttles(told(nvml.nvmlDeviceGetCurrentClocksThrottleReasons)),
        processes=None if running is None else len(running),
        at=at,
    )


def _own_memory(running: Sequence[Any] | None, own: frozenset[int]) -> int | None:
    if running is None:
        return None
    used = [process.usedGpuMemory for process in running if process.pid in own]
    # in some containers and modes NVML knows a process, and not what it uses
    return None if None in used else sum(used)


def _times(told: float | None, factor: float) -> float | None:
    return None if told is None else told * factor


def _hertz(mhz: int | None) -> int | None:
    return None if mhz is None else int(mhz) * 1_000_000


def _throttles(bits: int | None) -> tuple[Throttle, ...] | None:
    return None if bits is None else tuple(why for bit, why in _THROTTLES if bits & bit)
