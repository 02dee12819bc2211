"""`rungwise eval` from end to end: the promise over splits, and a calibration on other drafts."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.lab.calibration.recorded import write_recorded
from tests.lab.draws import TYPES, draws


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl.gz"
    write_recorded(path, draws(1800, 0, prefixes=True))
    return path


def evaluate(*arguments: object) -> int:
    return main(["eval", *(str(argument) for argument in arguments)])


def calibrated(data: Path, out: Path) -> int:
    subject = ["--model", "m", "--revision", "r", "--max-loss", "0.05"]
    return main(["calibrate", "--data", str(data), *subject, "--out", str(out)])


def test_a_promise_is_checked_and_told(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, plot = tmp_path / "p.json", tmp_path / "p.png"
    done = evaluate(
        *("promise", "--data", data, "--splits", 20, "--max-loss", 0.05),
        *("--json", figures, "--plot", plot),
    )
    assert done == 0
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise eval promise" and told["machine"]["python"]
    assert told["broken_share"] <= 0.15 < told["naive_broken_share"]
    assert set(told["by_step_type"]) == set(TYPES)
    assert told["by_step_type"]["planning"]["broken_share"] <= 0.15
    assert (told["splits"], told["max_loss"], told["confidence"]) == (20, 0.05, 0.95)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "naive" in capsys.readouterr().out


def accepted(data: Path, folder: Path, *options: object) -> float:
    figures = folder / "x.json"
    asked = ("promise", "--data", data, "--splits", 5, "--max-loss", 0.06, "--json", figures)
    assert evaluate(*asked, *options) == 0
    share: float = json.loads(figures.read_text())["mean_accepted_share"]
    return share


@pytest.mark.parametrize(
    "option",
    [
        ("--confidence", 0.7),
        ("--max-loss", 0.1),
        ("--seed", 1),
        ("--fit-share", 0.4),
        ("--hold", "whole"),
        ("--signals", "min_logprob"),
    ],
)
def test_each_option_matters(tmp_path: Path, data: Path, option: tuple[object, ...]) -> None:
    assert accepted(data, tmp_path, *option) != accepted(data, tmp_path)


def test_thin_step_types_can_be_pooled(tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    write_recorded(data, draws(1200, 0) + draws(300, 1, ("rare1", "rare2", "rare3")))
    assert accepted(data, tmp_path, "--pool-thin") > accepted(data, tmp_path)


def test_too_few_labels_keep_the_promise_by_accepting_nothing_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "d.jsonl"
    write_recorded(data, draws(90, 0))
    assert evaluate("promise", "--data", data, "--splits", 3) == 0
    assert "kept by accepting nothing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--splits", 0), "--splits: must be 1 or more"),
        (("--max-loss", 0), "--max-loss: must lie between 0 and 1"),
        (("--confidence", 1), "--confidence: must lie"),
        (("--data", "none.jsonl"), "none.jsonl: no such file"),
    ],
)
def test_a_faulty_option_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], said: str
) -> None:
    assert evaluate("promise", "--data", data, *options) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert said in told


def test_data_without_prefixes_cannot_leave_early(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "d.jsonl"
    write_recorded(data, draws(90, 0))
    assert evaluate("promise", "--data", data, "--hold", "prefix") == 2
    assert "has no prefixes" in capsys.readouterr().err
    tools = [replace(item, prose=False) for item in draws(90, 0, prefixes=True)]
    write_recorded(data, tools)
    assert evaluate("promise", "--data", data, "--hold", "prefix") == 2
    assert "has no prefixes of prose" in capsys.readouterr().err


def test_what_was_measured_is_told(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A split of 90 drafts has too few to fit a prefix on."""
    few, none = tmp_path / "few.jsonl", tmp_path / "none.jsonl"
    write_recorded(few, draws(90, 0, prefixes=True))
    write_recorded(none, draws(90, 0))

    def measured(path: Path, *options: object) -> object:
        figures = tmp_path / "x.json"
        asked = ("promise", "--data", path, "--splits", 2, "--json", figures)
        assert evaluate(*asked, *options) == 0
        return json.loads(figures.read_text())["hold"]

    assert measured(data) == measured(data, "--hold", "prefix") == "prefix"
    assert measured(data, "--hold", "whole") == measured(none) == "whole"
    assert "held whole" not in capsys.readouterr().err
    assert measured(few) == "whole"
    assert "in 2 of 2 splits all were held whole" in capsys.readouterr().err
    assert evaluate("promise", "--data", few, "--splits", 2, "--hold", "prefix") == 2
    assert "--hold: too few drafts" in capsys.readouterr().err


def test_a_calibration_is_judged_on_other_drafts(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibration, figures, plot = (tmp_path / name for name in ("c.json", "e.json", "e.png"))
    assert calibrated(data, calibration) == 0
    test = tmp_path / "t.jsonl"
    write_recorded(test, draws(900, 7))
    done = evaluate(
        *("calibration", "--data", test, "--calibration", calibration),
        *("--json", figures, "--plot", plot),
    )
    assert done == 0
    told = json.loads(figures.read_text())
    assert told["ece"] < 0.06 and told["brier"] < 0.2 and told["auroc"] > 0.8
    assert told["ece_interval"][0] <= told["ece"] <= told["ece_interval"][1]
    assert set(told["auroc_per_signal"]) == {"mean_logprob", "min_logprob"}
    assert {row["count"] for row in told["by_step_type"].values()} == {300}
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "calibration error" in capsys.readouterr().out


def test_data_that_lacks_a_signal_is_refused(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibration, test = tmp_path / "c.json", tmp_path / "t.jsonl"
    assert calibrated(data, calibration) == 0
    test.write_text('{"readings": {"mean_logprob": -1}, "label": true}')
    capsys.readouterr()
    assert evaluate("calibration", "--data", test, "--calibration", calibration) == 2
    assert "t.jsonl:1: readings.min_logprob: is missing" in capsys.readouterr().err
    assert evaluate("calibration", "--data", test, "--calibration", tmp_path / "x.json") == 2
    assert "x.json: cannot be read" in capsys.readouterr().err
