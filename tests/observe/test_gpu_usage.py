"""A GPU's figures are there, as NVML gives them, for as long as it gives them."""

import asyncio
import logging
import os

import pytest

from rungwise.observe.gpu_usage import GpuWatch
from tests.doubles.nvml import AT_REST, LOST, THROTTLED, UNINITIALISED, PlayedNvml

pytestmark = pytest.mark.anyio


async def until_read(watch: GpuWatch) -> None:
    async with asyncio.timeout(5):
        while watch.absent == "not started":
            await asyncio.sleep(0.01)


def looked(nvml: PlayedNvml) -> GpuWatch:
    """After one look, with no thread."""
    watch = GpuWatch(nvml, unix=lambda: 100.0, own=lambda: frozenset({nvml.own_pid}))
    watch.look()
    return watch


def test_every_figure_comes_in_its_unit() -> None:
    (gpu,) = looked(PlayedNvml(second=THROTTLED)).usage
    assert (gpu.index, gpu.uuid, gpu.driver) == (0, "GPU-played-0", "580.159.04")
    assert gpu.busy == 1.0 and gpu.memory_busy == 0.38
    assert (gpu.memory_used, gpu.memory_total) == (34_645_803_008, 85_520_809_984)
    assert gpu.memory_own == 34_133_245_952 and gpu.processes == 1
    assert gpu.power_w == pytest.approx(692.828) and gpu.power_limit_w == 700
    assert gpu.joules == pytest.approx(48_892.949)
    assert (gpu.sm_hz, gpu.memory_hz) == (1_620_000_000, 2_619_000_000)
    assert gpu.throttled == ("power_cap",) and gpu.temperature_c == 67
    assert gpu.at == 100.0


def test_a_gpu_without_work_is_not_throttled() -> None:
    (gpu,) = looked(PlayedNvml(second=AT_REST)).usage
    assert gpu.busy == 0 and gpu.throttled == ()


@pytest.mark.parametrize(
    "function",
    ["memory", "rates", "processes", "temperature", "power", "limit", "energy", "clock"],
)
def test_a_figure_that_a_gpu_does_not_give_is_left_out_alone(function: str) -> None:
    nvml = PlayedNvml()
    nvml.untold.add(function)
    (gpu,) = looked(nvml).usage
    whole = looked(PlayedNvml()).usage[0]
    absent = {f for f in gpu.__slots__ if getattr(gpu, f) is None}
    assert absent and not any(getattr(whole, name) is None for name in absent)


def test_a_lost_gpu_vanishes_with_one_line_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nvml = PlayedNvml(gpus=2)
    watch = looked(nvml)
    assert [gpu.index for gpu in watch.usage] == [0, 1]
    nvml.lost.add(1)
    for _ in range(3):
        watch.look()
        assert [gpu.index for gpu in watch.usage] == [0]
    assert [r.message for r in caplog.records] == [
        "no figures of a GPU until it answers again: GPU 1: GPU is lost"
    ]
    nvml.lost.clear()
    watch.look()
    assert [gpu.index for gpu in watch.usage] == [0, 1]


@pytest.mark.parametrize("fault", [LOST, UNINITIALISED])
def test_a_driver_that_is_loaded_anew_is_opened_anew(fault: int) -> None:
    nvml = PlayedNvml()
    watch = looked(nvml)
    nvml.driver_fault = fault
    watch.look()
    assert not watch.usage and watch.absent is not None and (nvml.opened, nvml.closed) == (2, 1)
    nvml.driver_fault = None
    watch.look()
    assert watch.usage and watch.absent is None


async def test_without_nvml_there_is_nothing_and_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    watch = GpuWatch(lambda: "no driver")
    await watch.start()
    await until_read(watch)
    await watch.stop()
    assert watch.usage == () and watch.absent == "none: no driver"
    assert [r.message for r in caplog.records] == ["no figures of GPUs: no driver"]


async def test_it_reads_by_itself_until_it_is_stopped() -> None:
    nvml = PlayedNvml(own_pid=os.getpid())
    watch = GpuWatch(nvml, every_s=0.01)
    await watch.start()
    await until_read(watch)
    assert watch.usage[0].memory_own == 34_133_245_952
    await watch.stop()
    assert watch.usage == () and nvml.closed == 1


async def test_a_reading_of_long_ago_is_not_told_and_it_says_why() -> None:
    now = [100.0]
    watch = GpuWatch(PlayedNvml(), now=lambda: now[0])
    watch.look()
    assert watch.usage and watch.absent is None
    now[0] += 16
    assert watch.usage == () and watch.absent == "none: NVML has not answered for 16 s"
    watch.look()
    assert watch.usage and watch.absent is None


def test_a_clock_that_is_set_does_not_age_a_reading() -> None:
    unix = [1e9]
    watch = GpuWatch(PlayedNvml(), unix=lambda: unix[0], now=lambda: 5.0)
    watch.look()
    for unix[0] in (0.0, 2e9):
        assert watch.usage and watch.absent is None


def test_a_binding_that_fails_otherwise_is_one_line_and_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    nvml = PlayedNvml()
    watch = looked(nvml)
    nvml.broken = AttributeError("no such function")
    for _ in range(3):
        assert watch.look()
        assert watch.usage == ()
    assert watch.absent == "none: GPU 0: AttributeError: no such function"
    assert len(caplog.records) == 1
    nvml.broken = None
    watch.look()
    assert watch.usage and watch.absent is None


def test_what_fails_before_any_gpu_is_asked_is_told_too() -> None:
    def fails() -> frozenset[int]:
        raise OSError("no /proc")

    watch = GpuWatch(PlayedNvml(), own=fails)
    assert watch.look()
    assert watch.absent == "none: OSError: no /proc"


async def test_an_nvml_that_hangs_keeps_nobody() -> None:
    nvml, going_on = PlayedNvml(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def hangs() -> PlayedNvml:
        asyncio.run_coroutine_threadsafe(going_on.wait(), loop).result(5)
        return nvml

    now = [0.0]
    watch = GpuWatch(hangs, now=lambda: now[0])
    await watch.start()
    assert watch.usage == () and watch.absent == "not started"
    now[0] = 20.0
    assert watch.absent == "none: NVML has not answered for 20 s"
    going_on.set()
    await watch.stop()
