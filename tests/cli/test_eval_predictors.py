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


BOTTOM = Path(__file__).parents[2] / "models" / "demo" / "bottom"


def test_models_that_read_the_prompts_stand_beside_the_others(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("torch")
    data, figures = tmp_path / "made.jsonl", tmp_path / "x.json"
    write_ladder(data, ladder(150, rungs=2).rows)
    asked = ["--data", data, "--json", figures, "--rounds", 1, "--workers", 1]
    asked += ["--local-model", BOTTOM, "--encoder", BOTTOM]
    assert main(["eval", "predictors", *map(str, asked)]) == 0
    told = json.loads(figures.read_text())["sets"]["made"]["policies"]
    assert {"first_token_entropy", "prefill_probe", "encoder", "encoder_boosted"} < set(told)


@pytest.mark.parametrize("option", ["--local-model", "--encoder"])
def test_a_model_that_reads_is_a_folder_and_reads_one_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    pytest.importorskip("sklearn")
    data = ["--data", str(tmp_path / "x.jsonl")]
    assert main(["eval", "predictors", *data, option, str(tmp_path)]) == 2
    assert "no model there" in capsys.readouterr().err
    assert main(["eval", "predictors", *data, *data, option, str(BOTTOM)]) == 2
    assert "of one --data, not of 2" in capsys.readouterr().err
