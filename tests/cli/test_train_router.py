"""`rungwise train-router`: two sources, a verdict, and a refusal that says what lacks."""

import json
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from rungwise.cli.main import main
from rungwise.lab.ladders.lines import write_ladder
from rungwise.ledger.sql import SqliteLedger
from rungwise.policy.difficulty import load_difficulty
from rungwise.policy.sketch import sketch_of
from rungwise.types import Entry
from tests.lab.riddles import TIERS, riddles
from tests.lab.training.test_examples import attempt, entry

CONFIG = """
ledger: {path: ledger.db}
tiers:
  - {name: low, kind: "tests.lab.knowing:FromConfig", model: m}
  - {name: high, kind: "tests.lab.knowing:FromConfig", model: n}
"""
QUICK = ("--folds", 2)


def train(*arguments: object) -> int:
    return main(["train-router", *(str(argument) for argument in arguments)])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl.gz"
    write_ladder(path, riddles(500))
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert train(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    line = told.err.splitlines()[-1]
    assert line.startswith("rungwise: ")
    return line.removeprefix("rungwise: ")


def test_recorded_steps_become_a_predictor_a_report_and_pictures(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page, figures = (tmp_path / name for name in ("d.json", "r.html", "f.json"))
    asked = ("--data", data, "--ladder", "low,high", "--out", out, *QUICK)
    assert train(*asked, "--report", page, "--json", figures) == 0
    found = load_difficulty(out, TIERS)
    assert found.tiers == TIERS and not found.missing
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise train-router" and told["machine"]["python"]
    assert told["enough"] is True
    assert told["rungs"]["low"]["auroc"] > 0.8
    assert told["labels"]["planning"]["low"] + told["labels"]["open_chat"]["low"] == 500
    assert page.read_text().count("data:image/png") == 3
    printed = capsys.readouterr().out
    assert "low < high: enough" in printed and f"{out}: written" in printed
    assert "500 steps in 250 groups" in printed


def test_where_it_comes_from_is_in_the_predictor(tmp_path: Path, data: Path) -> None:
    out, figures = tmp_path / "d.json", tmp_path / "f.json"
    assert train("--data", data, "--out", out, "--seed", 3, "--json", figures, *QUICK) == 0
    found = json.loads(figures.read_text())["provenance"]
    assert found["rows"] == 500 and found["groups"] == 250 and found["seed"] == 3
    assert len(found["data_sha256"]) == 64 and found["date"] and found["version"]


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path: Path, data: Path) -> None:
    outs = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    for out, seed in zip(outs, (0, 0, 1), strict=True):
        assert train("--data", data, "--out", out, "--seed", seed, *QUICK) == 0
    one, other, seeded = (out.read_bytes() for out in outs)
    assert one == other != seeded


def test_pictures_go_into_a_folder(tmp_path: Path, data: Path) -> None:
    assert train("--data", data, "--report", tmp_path / "p", *QUICK) == 0
    names = sorted(path.name for path in (tmp_path / "p").iterdir())
    assert names == ["gain.png", "learning.png", "reliability.png"]


def test_too_little_data_is_refused_with_how_much_more_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data.jsonl", tmp_path / "d.json"
    write_ladder(data, riddles(60))
    told = refused(capsys, "--data", data, "--out", out, "--report", tmp_path / "p")
    assert told.startswith("too little to learn from: low has 60 labels, 40 more are needed")
    assert "high has 60 labels, 40 more are needed" in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.jsonl"]


def test_how_many_are_the_least_can_be_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "100 more" in refused(capsys, "--data", data, "--least", 600)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--folds", 1), "--folds: must be 2 or more, not 1"),
        (("--seed", -1), "--seed: must be 0 or more"),
        (("--least", 0), "--least: must be 1 or more"),
        (("--ladder", "low,nobody"), "nobody"),
        (("--out", "none/d.json"), "--out: cannot write none/d.json"),
        (("--report", __file__), "is a file; name a folder, or a page as X.html"),
        (("--report", "none/r.html"), "--report: cannot write none/r.html"),
        (("--json", "none/f.json"), "--json: cannot write none/f.json"),
    ],
)
def test_a_faulty_option_is_named_before_the_work(
    options: tuple[object, ...], said: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, "--data", data, *options)


def written(path: Path, entries: list[Entry]) -> None:
    async def write() -> None:
        ledger = SqliteLedger(path)
        await ledger.start()
        for one in entries:
            await ledger.record(one)
        await ledger.stop()

    anyio.run(write)


def ledger_of(count: int) -> list[Entry]:
    """Half of the traffic was sent to either rung; a refused draft of `low` stood before some."""
    found = []
    for number, row in enumerate(riddles(count)):
        drafts = [attempt("low")]
        if number % 2:
            p = 0.7 if row.tiers["low"].correct else 0.2
            drafts = [attempt("low", "abandoned", p=p), attempt("high")]
        one = entry(*drafts, right=row.tiers[drafts[-1].tier].correct)
        told = replace(one, id=f"req_{number}", sketch=sketch_of(row.chat).to_bytes())
        found.append(replace(told, conversation=row.group, step_type=row.chat.wish.step_type))
    return found


def test_a_ledgers_outcomes_become_a_predictor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = ledger_of(600)
    unlabelled = [replace(one, id=f"{one.id}_u", outcome=None) for one in entries[:7]]
    written(tmp_path / "ledger.db", [*entries, *unlabelled])
    config, out = tmp_path / "c.yaml", tmp_path / "d.json"
    config.write_text(CONFIG)
    assert train("--ledger", config, "--out", out, *QUICK) == 0
    assert load_difficulty(out, TIERS).tiers == TIERS
    printed = capsys.readouterr().out
    assert "7 entries have no outcome: left out" in printed
    assert "labels are selected" in printed
    assert "soft labels (a calibrated confidence) among them: 300 of low" in printed
    assert "low < high: 300 steps in " in printed
    known = load_difficulty(out, TIERS).provenance
    assert (known.since, known.until) == ("1970-01-01", "1970-01-01")


def test_a_ledger_is_learnt_from_up_to_a_day(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = (
        replace(one, at=at) for one, at in zip(ledger_of(3), (0.0, 86_399.0, 86_400.0), strict=True)
    )
    written(tmp_path / "l.db", [first, second, third])
    asked = ("--ledger", tmp_path / "l.db", "--ladder", "low,high", "--until", "1970-01-01")
    assert "low has 2 labels" in refused(capsys, *asked)


def test_recorded_steps_have_no_days(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(capsys, "--data", data, "--until", "2026-11-01")
    assert told == "--until: the steps of --data have no days; give it with --ledger"


def test_a_ledger_without_sketches_is_told_what_lacks_before_any_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "l.db", [replace(one, sketch=None) for one in ledger_of(9)])
    assert train("--ledger", tmp_path / "l.db", "--ladder", "low,high") == 2
    told = capsys.readouterr().err
    assert "9 entries have no sketch (routing.keep_sketches): left out" in told.splitlines()[-1]
    assert "fits:" not in told


def test_a_file_of_a_ledger_does_not_know_the_ladder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "l.db", ledger_of(4))
    assert "--ladder: name the rungs" in refused(capsys, "--ledger", tmp_path / "l.db")
    asked = ("--ledger", tmp_path / "l.db", "--ladder", "low,high")
    assert "low has 4 labels, 96 more are needed" in refused(capsys, *asked)


def test_a_missing_ledger_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("--ledger", tmp_path / "none.db", "--ladder", "low,high")
    assert "no ledger there" in refused(capsys, *asked)


def test_most_share_of_the_configuration_is_what_one_key_may_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = [replace(one, caller="flood") for one in ledger_of(20)]
    others = [replace(one, id=f"{one.id}_o", caller="small") for one in ledger_of(4)]
    written(tmp_path / "ledger.db", [*mine, *others])
    config = tmp_path / "c.yaml"

    def labels(outcomes: str, *options: object) -> str:
        config.write_text(f"{CONFIG}\noutcomes: {outcomes}\n")
        return refused(capsys, "--ledger", config, *options)

    whole, half = labels("{most_share: 1.0}"), labels("{}")
    assert whole != half == labels("{most_share: 1.0}", "--most-share", 0.5)


@pytest.mark.parametrize("share", [0, -1, 1.5, "nan"])
def test_a_share_that_is_none_is_named(
    share: object, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--most-share: must lie above 0" in refused(
        capsys, "--data", data, "--most-share", share
    )
