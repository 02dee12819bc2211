"""`rungwise eval routing` from end to end, on small recorded ladders."""

import json
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.lab.ladders.data import write_ladder
from tests.lab.foretold import ladder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ladders") / "made.test.jsonl.gz"
    write_ladder(path, ladder(150).rows)
    return path


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ladders") / "made.recorded.jsonl.gz"
    write_ladder(path, ladder(300, seed=1).rows)
    return path


def evaluate(*arguments: object) -> int:
    few = ("--resamples", 10, "--folds", 2, "--rounds", 2)
    told = ("eval", "routing", *few, *arguments)
    return main([str(argument) for argument in told])


def test_figures_are_told_written_and_drawn(
    tmp_path: Path, data: Path, train: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    figures, plot, page = (tmp_path / name for name in ("x.json", "x.png", "x.html"))
    written = ("--json", figures, "--plot", plot, "--html", page)
    assert evaluate("--data", data, "--train", train, *written) == 0
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise eval routing" and told["seed"] == 0
    one = told["sets"]["made"]
    assert one["learned_on"] == "made.recorded.jsonl.gz"
    assert one["policies"]["random"]["apgr"] == pytest.approx(0.5)
    assert {"over_router", "over_cascade"} < set(one["areas"])
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert page.read_text().startswith("<!doctype html>")
    assert "ours: where it pays" in capsys.readouterr().out


def test_several_files_may_each_have_a_ladder(
    tmp_path: Path, data: Path, train: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(train.read_bytes())
    asked = ("--data", data, "--ladder", "t1,t3", "--data", other, "--ladder", "-")
    assert evaluate(*asked, "--policies", "router", "--folds", 3) == 0
    told = capsys.readouterr().out
    assert "t1 < t3;" in told and "t1 < t2 < t3;" in told and "3 folds" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--policies", "magic"), "--policies: no policy 'magic'; known: oracle"),
        (("--folds", 1), "--folds: must be 2 or more"),
        (("--rounds", 0), "--rounds: must be 1 or more"),
        (("--resamples", 0), "--resamples: must be 1 or more"),
        (("--seed", -1), "--seed: must be 0 or more"),
        (("--second-usd", "nan"), "--second-usd: must be 0 or more"),
        (("--ladder", "t1,t2", "--ladder", "-"), "--ladder: one for all, or one for each of 1"),
        (("--ladder", "t1,t9"), "tiers.t9: is missing"),
        (("--prices", "none.yaml"), "--prices: none.yaml: cannot be read"),
        (("--json", "/none/x.json"), "--json: cannot write"),
    ],
)
def test_faulty_options_are_told_before_any_work(
    data: Path, capsys: pytest.CaptureFixture[str], options: tuple[object, ...], told: str
) -> None:
    assert evaluate("--data", data, *options) == 2
    assert told in capsys.readouterr().err


def figures(folder: Path, *arguments: object) -> dict[str, object]:
    file = folder / "figures.json"
    asked = ("--policies", "length", "--json", file)
    assert evaluate(*arguments, *asked) == 0
    told: dict[str, object] = json.loads(file.read_text())["sets"]["made"]
    return told


def test_a_price_list_sets_the_axis_and_rows_the_intervals(tmp_path: Path, data: Path) -> None:
    pytest.importorskip("sklearn")
    prices = tmp_path / "prices.yaml"
    prices.write_text("t3: {input: 1000, output: 0, output_tokens: 0}")
    plain = figures(tmp_path, "--data", data)
    priced = figures(tmp_path, "--data", data, "--prices", prices)
    by_row = figures(tmp_path, "--data", data, "--by-row")
    seeded = figures(tmp_path, "--data", data, "--seed", 1)
    assert plain["axis_usd"] != priced["axis_usd"]
    assert "30 groups are drawn for the intervals" in str(plain["notes"])
    assert "steps are drawn for the intervals" in str(by_row["notes"])
    assert plain["policies"] != seeded["policies"]


def test_two_files_of_one_name_are_refused(
    data: Path, train: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("--data", data, "--data", train) == 2
    assert "two files with one name" in capsys.readouterr().err


def test_a_training_file_needs_one_ladder_for_all(
    tmp_path: Path, data: Path, train: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(train.read_bytes())
    asked = ("--data", data, "--ladder", "t1,t3", "--data", other, "--ladder", "-")
    assert evaluate(*asked, "--train", train) == 2
    assert "different rungs" in capsys.readouterr().err


def test_each_file_may_have_one_to_learn_on(
    tmp_path: Path, data: Path, train: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    other, figures = tmp_path / "other.jsonl.gz", tmp_path / "x.json"
    other.write_bytes(train.read_bytes())
    files = ("--data", data, "--train", train, "--data", other, "--train", data)
    assert evaluate(*files, "--policies", "length", "--json", figures) == 0
    told = json.loads(figures.read_text())["sets"]
    learned = {name: found["learned_on"] for name, found in told.items()}
    assert learned == {"made": "made.recorded.jsonl.gz", "other": "made.test.jsonl.gz"}
    assert all(found["rounds"] == 1 for found in told.values())
    assert evaluate("--data", data, *("--train", train) * 2) == 2
    assert "--train: one for all, or one for each of 1" in capsys.readouterr().err


def test_too_few_steps_to_learn_on_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    path = tmp_path / "few.jsonl"
    write_ladder(path, ladder(12).rows)
    assert evaluate("--data", path) == 2
    assert "few: " in capsys.readouterr().err
