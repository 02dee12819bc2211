"""`rungwise eval predictors` from end to end, on a small recorded ladder."""

import json
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.lab.ladders.data import write_ladder
from tests.lab.foretold import ladder


def test_figures_are_told_written_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    data, figures, plot = (tmp_path / name for name in ("made.jsonl", "x.json", "x.png"))
    write_ladder(data, ladder(150, rungs=2).rows)
    asked = ["--data", data, "--json", figures, "--plot", plot, "--rounds", 2, "--workers", 1]
    assert main(["eval", "predictors", *map(str, asked)]) == 0
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise eval predictors"
    assert told["rounds"] == 2
    assert {"random", "prompt_length"} < set(told["sets"]["made"]["policies"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "prompt_length" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--rounds", "--workers"])
def test_a_number_that_is_too_small_is_told(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    pytest.importorskip("sklearn")
    assert main(["eval", "predictors", option, "0"]) == 2
    assert f"{option}: must be 1 or more" in capsys.readouterr().err


def test_a_file_that_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "predictors", "--data", str(tmp_path / "none.jsonl")]) == 2
    assert "no such file" in capsys.readouterr().err
