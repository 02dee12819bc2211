"""What it costs to be watched is told as a ratio of the same rounds, with its interval."""

from __future__ import annotations

import pytest

from rungwise.lab.bench.load import Round
from rungwise.lab.bench.metrics import Turn, Turns, figures


def turn(rps: float, processor_s: float | None = 1.0) -> Turn:
    done = Round(seconds=1000 / rps, requests=1000, tokens=0, latencies_s=())
    return Turn(done, processor_s)


def start(on: list[float], off: list[float], again: list[float] | None = None) -> Turns:
    rates = {"on": on, "off": off, "again": again or off}
    return {name: [turn(rps) for rps in of] for name, of in rates.items()}


def test_the_ratio_is_of_the_same_round() -> None:
    told = figures([start([90.0, 900.0, 9.0], [100.0, 1000.0, 10.0])])
    assert told["rps_ratio"] == pytest.approx(0.9)
    assert (told["rps_on"], told["rps_off"]) == (pytest.approx(90.0), pytest.approx(100.0))
    assert told["requests"] == 9000


def test_what_chance_does_is_told_beside_it() -> None:
    told = figures([start([90.0], [100.0], [98.0])])
    assert told["again_rps_ratio"] == pytest.approx(0.98)


def test_its_interval_is_over_starts_for_turns_of_one_start_are_alike() -> None:
    few = figures([start([90.0] * 20, [100.0] * 20)])
    assert few["rps_ratio_interval"] == [None, None]
    many = figures([start([90.0 + i] * 3, [100.0] * 3) for i in range(5)])
    assert many["rps_ratio"] == pytest.approx(0.92)
    assert many["rps_ratio_interval"] == [pytest.approx(0.9), pytest.approx(0.94)]


def test_processor_time_is_told_for_one_request() -> None:
    rounds = {"on": [turn(100, 1.5)] * 6, "off": [turn(100, 1.0)] * 6, "again": [turn(100)] * 6}
    told = figures([rounds])
    assert told["processor_ratio"] == pytest.approx(1.5)
    assert told["again_processor_ratio"] == pytest.approx(1.0)
    assert told["processor_ms_on"] == pytest.approx(1.5)


def test_what_could_not_be_read_is_not_told() -> None:
    rounds = {"on": [turn(100, None)] * 6, "off": [turn(100)] * 6, "again": [turn(100)] * 6}
    assert "processor_ratio" not in figures([rounds])
