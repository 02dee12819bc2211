"""Are the GPUs that NVML sees told, and their energy counted where it can be?

NVML itself is played: it is a library of the driver's, and the tests must know what it counts.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from rungwise.observe.gpu import Gpu, GpuAbsent, energy_joules, gpus


class NVMLError(Exception):
    pass


class Driver(SimpleNamespace):
    """Three GPUs by index and UUID, and millijoules for each."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        super().__init__(counted=[1500, 20_000, 300_000], fault=None)

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.counted)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index >= len(self.counted):
            raise NVMLError("Invalid Argument")
        return index

    def nvmlShutdown(self) -> None:
        pass

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.159.04"

    def nvmlSystemGetCudaDriverVersion(self) -> int:
        return 13020

    def nvmlDeviceGetMemoryInfo(self, device: int) -> SimpleNamespace:
        if self.fault:
            raise NVMLError(self.fault)
        return SimpleNamespace(total=24 * 2**30, free=20 * 2**30)

    def nvmlDeviceGetName(self, device: int) -> str:
        return "NVIDIA L4"

    def nvmlDeviceGetUUID(self, device: int) -> str:
        return f"GPU-0000-{device}"

    def nvmlDeviceGetCudaComputeCapability(self, device: int) -> tuple[int, int]:
        return 8, 9

    def nvmlDeviceGetHandleByUUID(self, name: str) -> int:
        if not name.startswith("GPU-"):
            raise NVMLError("Not Found")
        return int(name[-1])

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        if self.fault:
            raise NVMLError(self.fault)
        counted: int = self.counted[device]
        return counted


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    return driver


@pytest.mark.parametrize(
    ("visible", "joules"),
    [
        (None, (1.5, 20.0, 300.0)),
        (("1",), (20.0,)),
        (("2", "0"), (300.0, 1.5)),
        (("GPU-0000-1",), (20.0,)),
    ],
)
def test_the_visible_gpus_are_read_in_their_order(
    driver: Driver, visible: tuple[str, ...] | None, joules: tuple[float, ...]
) -> None:
    read = energy_joules(visible)
    assert read is not None and read() == joules
    driver.counted = [count + 1000 for count in driver.counted]
    assert read() == tuple(was + 1 for was in joules)


@pytest.mark.parametrize("visible", [(), ("7",), ("MIG-0000",), ("-1",)])
def test_gpus_without_a_counter_are_said_to_have_none(
    driver: Driver, visible: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    assert energy_joules(visible) is None
    assert len(caplog.records) == 1 and "usd_per_gpu_hour alone" in caplog.text


def test_a_gpu_that_does_not_count(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    driver.fault = "Not Supported"
    assert energy_joules() is None
    assert "Not Supported" in caplog.text


def test_a_driver_that_fails_later(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    read = energy_joules()
    driver.fault = "GPU is lost"
    assert read is not None and read() is None
    assert "GPU is lost" in caplog.text


def test_a_machine_without_the_library(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert energy_joules() is None
    assert "nvidia-ml-py" in caplog.text


def test_each_gpu_is_told_with_what_it_can_and_what_its_driver_knows(driver: Driver) -> None:
    found = gpus()
    assert not isinstance(found, GpuAbsent) and len(found) == 3
    assert found[1] == Gpu(
        index=1,
        name="NVIDIA L4",
        total_gib=24,
        free_gib=20,
        driver="580.159.04",
        uuid="GPU-0000-1",
        capability=(8, 9),
        cuda=(13, 2),
    )


def test_a_driver_that_lists_none_or_fails_is_told(driver: Driver) -> None:
    driver.fault = "GPU is lost"
    assert gpus() == GpuAbsent(why="NVML failed: GPU is lost")
    driver.counted = []
    assert gpus() == GpuAbsent(why="none: the driver is loaded but lists no device")
