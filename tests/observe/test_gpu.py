"""Is the GPUs' energy counted where NVML can, and said to be uncounted where it cannot?

NVML itself is played: it is a library of the driver's, and the tests must know what it counts.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from rungwise.observe.gpu import energy_joules


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
