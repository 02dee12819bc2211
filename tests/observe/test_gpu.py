"""Are the GPUs that NVML sees told, and their energy counted where it can be?

NVML itself is played: it is a library of the driver's, and the tests must know what it counts.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from rungwise.build.watching import _placed
from rungwise.config import Config
from rungwise.observe.gpu import Gpu, GpuAbsent, energy_joules, every_gpu, gpus, shown


class NVMLError(Exception):
    pass


class Driver(SimpleNamespace):
    """Three GPUs by index and UUID, and millijoules for each."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        super().__init__(counted=[1500, 20_000, 300_000], fault=None, lost=set())

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self.counted)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index >= len(self.counted):
            raise NVMLError("Invalid Argument")
        if index in self.lost:
            raise NVMLError("GPU is lost")
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
        return f"GPU-{device}000-{device}"

    def nvmlDeviceGetCudaComputeCapability(self, device: int) -> tuple[int, int]:
        return 8, 9

    def nvmlDeviceGetTotalEnergyConsumption(self, device: int) -> int:
        if self.fault or device in self.lost:
            raise NVMLError(self.fault or "GPU is lost")
        counted: int = self.counted[device]
        return counted


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return driver


@pytest.mark.parametrize(
    ("visible", "joules"),
    [
        (None, (1.5, 20.0, 300.0)),
        (("1",), (20.0,)),
        (("2", "0"), (300.0, 1.5)),
        (("GPU-1000-1",), (20.0,)),
        (("GPU-10",), (20.0,)),
        (("GPU-2", "0"), (300.0, 1.5)),
        (("2", "-1", "0"), (300.0,)),
        (("1", "7", "0"), (20.0,)),
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


def test_of_several_gpus_one_that_is_lost_is_named_and_the_others_are_counted(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.lost = {1}
    read = energy_joules()
    assert read is not None and read() == read() == (1.5, None, 300.0)
    (line,) = caplog.records
    assert "some GPUs is not counted (GPU 1: GPU is lost)" in line.getMessage()
    driver.lost = {2}
    assert read() == (1.5, None, None), "one that was lost is not counted again"
    assert "(GPU 2: GPU is lost)" in caplog.records[-1].getMessage()
    driver.lost = {0}
    assert read() is None and read() is None
    assert len(caplog.records) == 3 and "local drafts are priced" in caplog.text


def test_one_that_is_lost_and_hidden_is_nobody_s_concern(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    driver.lost = {1}
    read = energy_joules(("2", "0"))
    assert read is not None and read() == (300.0, 1.5)
    assert not caplog.records


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
        uuid="GPU-1000-1",
        capability=(8, 9),
        cuda=(13, 2),
    )


def test_of_several_gpus_one_that_is_lost_keeps_its_place_and_the_others_are_found(
    driver: Driver,
) -> None:
    driver.lost = {1}
    found, every = gpus(), every_gpu()
    assert not isinstance(found, GpuAbsent) and [gpu.index for gpu in found] == [0, 2]
    assert not isinstance(every, GpuAbsent)
    assert [gpu.fault for gpu in every] == [None, "GPU is lost", None]
    assert [gpu.index for gpu in shown(every, None)] == [0, 1, 2]
    assert [gpu.index for gpu in shown(every, ("GPU-2", "1", "0"))] == [2, 1, 0]
    assert [gpu.index for gpu in shown(every, ("GPU-1", "GPU-0"))] == [1, 0], "it tells no UUID"
    assert [gpu.index for gpu in shown(every, ("GPU-2", "GPU-1", "GPU-7", "0"))] == [2, 1]


@pytest.mark.parametrize(
    ("visible", "named"),
    [
        (None, ["GPU-0000-0", "GPU-1000-1"]),
        ("GPU-2,GPU-1000", ["GPU-2000-2", "GPU-1000-1"]),
        ("2,1,0", ["GPU-2000-2", "GPU-1000-1"]),
        ("2,-1,0", ["GPU-2000-2"]),
        ("", []),
    ],
)
def test_the_gpus_of_an_engine_are_named_by_their_whole_uuids(
    driver: Driver, monkeypatch: pytest.MonkeyPatch, visible: str | None, named: list[str]
) -> None:
    """As the metrics compare them."""
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    two = {"name": "t", "kind": "vllm", "model": "m", "engine": {"data_parallel_size": 2}}
    assert _placed(Config.model_validate({"tiers": [two]})) == {"t": named}


def test_one_that_is_lost_is_named_by_its_index_where_an_engine_is_placed(driver: Driver) -> None:
    driver.lost = {0}
    tiers = [{"name": f"t{gpu}", "kind": "vllm", "model": "m", "gpus": [gpu]} for gpu in (0, 2)]
    placed = _placed(Config.model_validate({"tiers": tiers}))
    assert placed == {"t0": ["0"], "t2": ["GPU-2000-2"]}


def test_a_driver_that_lists_none_or_fails_is_told(driver: Driver) -> None:
    driver.fault = "GPU is lost"
    told = ", ".join(f"GPU {index}: GPU is lost" for index in range(3))
    assert gpus() == GpuAbsent(why=f"none answers ({told})")
    driver.counted = []
    assert gpus() == GpuAbsent(why="none: the driver is loaded but lists no device")
