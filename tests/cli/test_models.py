"""Does `rungwise models` tell people, and programs, what fits where?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rungwise.cli.main import main


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["models", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_every_open_model_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--gpu", "24GiB", "--gpu", "2x80GiB")
    assert lines[0].split() == "model bf16 fp8 awq context 24GiB 2x80GiB".split()
    (qwen,) = (line.split() for line in lines if line.startswith("Qwen/Qwen3-8B "))
    assert qwen[:5] == ["Qwen/Qwen3-8B", "15.3", "8.8", "5.7", "40,960"]
    assert qwen[5:] == ["fp8,", "85k", "bf16", "x", "2,", "803k"]
    (gemma,) = (line for line in lines if line.startswith("google/gemma-3-12b-it"))
    assert "(gated)" in gemma and "7.9*" in gemma


def test_without_a_gpu_it_is_this_machine_s_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert "this CPU" in told(capsys, "--context", "2048", "--concurrency", "1")[0]


def test_programs_get_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fits.json"
    told(capsys, "--gpu", "24GiB", "--model", "Qwen/Qwen3-8B", "--json", str(file))
    figures = json.loads(file.read_text())
    assert figures["models"] == ["Qwen/Qwen3-8B"]
    states = {row["precision"]: row["state"] for row in figures["fits"]}
    assert states == {"bf16": "no", "fp8": "fits", "awq": "fits"}
    assert figures["fits"][0]["weight_bytes"] == 2 * 8_190_735_360


def test_no_context_is_longer_than_the_model_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fits.json"
    told(capsys, "--gpu", "80GiB", "--model", "Qwen/Qwen3-8B", "--json", str(file))
    rows = json.loads(file.read_text())["fits"]
    assert [row["longest_context"] for row in rows] == [40_960] * 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--gpu", "H100"], "--gpu: 'H100' is no GPU; say 24GiB for one, or 2x80GiB for two"),
        (["--model", "gpt-5"], "--model: 'gpt-5' is no folder, and has no card; `rungwise models`"),
        (["--context", "0"], "--context: 0 is too small or too large"),
        (["--mean", "-1"], "--mean: -1 is too small or too large"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == 2
    told = capsys.readouterr()
    assert said in told.err and len(told.err.splitlines()) == 1 and told.out == ""
