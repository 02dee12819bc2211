"""What a gateway adds, on rounds made by hand, and on a small real run of all of them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from rungwise.cli.main import main
from rungwise.lab.bench.gateway import Point, figures
from rungwise.lab.bench.load import Round


def done(p50_ms: float, requests: int, seconds: float) -> Round:
    return Round(
        seconds=seconds,
        requests=requests,
        tokens=0,
        latencies_s=(p50_ms / 1000,) * 3,
        first_s=(0.0,) * 3,
    )


def test_what_is_added_is_counted_from_the_bare_upstream_in_the_same_round() -> None:
    rounds = {
        Point("bare", 1, False): 3 * [done(1.0, 100, 0.1), done(3.0, 100, 0.1)],
        Point("rungwise", 1, False): 3 * [done(2.0, 50, 0.1), done(4.0, 50, 0.1)],
        Point("passthrough", 1, False): 3 * [done(1.5, 50, 0.1), done(3.5, 100, 0.2)],
    }
    found: dict[str, Any] = figures(rounds)
    assert found["bare"]["c1"]["added_p50_ms"] == 0
    assert found["rungwise"]["c1"]["added_p50_ms"] == pytest.approx(1.0)
    assert found["rungwise"]["c1"]["added_p50_ms_interval"] == pytest.approx([1.0, 1.0])
    assert found["passthrough"]["c1"]["added_p50_ms"] == pytest.approx(0.5)
    assert found["rungwise"]["c1"]["rps"] == pytest.approx(500)
    assert found["ratios"]["passthrough"]["c1"]["rps"] == pytest.approx(1.0)
    assert found["ratios"]["bare"]["c1"]["rps"] == pytest.approx(0.5)
    few: dict[str, Any] = figures({point: some[:4] for point, some in rounds.items()})
    assert few["rungwise"]["c1"]["added_p50_ms_interval"] == [None, None]
    assert "litellm" not in found and found["streams"] == {"ratios": {}}


def test_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "gateway", "--litellm", "nowhere/litellm"]) == 2
    assert capsys.readouterr().err == "rungwise: --litellm: no program at nowhere/litellm\n"


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """Takes LiteLLM's arguments, and is a fixed upstream itself."""
    program = tmp_path / "litellm"
    program.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m rungwise.lab.bench.fixed_upstream --port "$6"\n'
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("others", [True, False])
def test_a_small_run(
    others: bool, stand_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = children()
    told = tmp_path / "told.json"
    small = ["--rounds", "5", "--seconds", "0.05", "--tokens", "3", "--concurrency", "1", "2"]
    more = ["--litellm", str(stand_in)] if others else []
    assert main(["bench", "gateway", *small, *more, "--json", str(told)]) == 0
    found = json.loads(told.read_text())
    names = ["bare", "rungwise", "passthrough", *(["litellm"] if others else [])]
    for part in (found, found["streams"]):
        assert [name for name in part if name in (*names, "litellm")] == names
        for name in names:
            assert set(part[name]) == {"c1", "c2"}
            point = part[name]["c1"]
            assert point["rps"] > 0 and len(point["rps_interval"]) == 2
            low, high = point["added_p50_ms_interval"]
            assert low <= point["added_p50_ms"] <= high
        assert set(part["ratios"]) == set(names) - {"rungwise"}
    assert ("left_out" in found) is not others
    assert found["command"] == "rungwise bench gateway" and found["tokens"] == 3
    assert json.loads(capsys.readouterr().out)["rungwise"] == found["rungwise"]
    assert children() == before, "every server has ended"


def children() -> set[str]:
    """The ids of this process's children."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {child for file in listed for child in file.read_text().split()}
