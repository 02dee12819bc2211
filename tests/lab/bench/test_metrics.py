"""What it costs to be watched is told as a ratio of the same rounds, with its interval."""

from __future__ import annotations

import pytest

from rungwise.lab.bench.load import Round
from rungwise.lab.bench.metrics import Turn, figures


def turn(rps: float, processor_s: float | None = 1.0) -> Turn:
    done = Round(seconds=1000 / rps, requests=1000, tokens=0, latencies_s=())
    return Turn(done, processor_s)


def test_the_ratio_is_of_the_same_round() -> None:
    on, off = [90.0, 900.0, 9.0, 90.0, 90.0], [100.0, 1000.0, 10.0, 100.0, 100.0]
    told = figures({"on": [turn(r) for r in on], "off": [turn(r) for r in off]})
    assert told["rps_ratio"] == pytest.approx(0.9)
    assert told["rps_ratio_interval"] == [pytest.approx(0.9), pytest.approx(0.9)]
    assert told["rps_on"] == pytest.approx(90.0)
    assert told["requests"] == 10_000


def test_processor_time_is_told_for_one_request() -> None:
    told = figures({"on": [turn(100, 1.5)] * 6, "off": [turn(100, 1.0)] * 6})
    assert told["processor_ratio"] == pytest.approx(1.5)
    assert told["processor_ms_on"] == pytest.approx(1.5)


def test_what_could_not_be_read_is_not_told() -> None:
    told = figures({"on": [turn(100, None)] * 6, "off": [turn(100)] * 6})
    assert "processor_ratio" not in told


def test_of_too_few_rounds_no_interval_is_told() -> None:
    told = figures({"on": [turn(100)], "off": [turn(100)]})
    assert told["rps_ratio_interval"] == [None, None]
