"""`rungwise calibrate` from end to end: four sources, one promise, and what each option does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.confidence.calibration import Calibration, load_calibration
from rungwise.lab.calibration.recorded import Recorded, read_recorded, write_recorded
from rungwise.ledger.sql import SqliteLedger
from rungwise.types import StepType
from tests.lab.calibration.test_outcomes import RELEASED, entry
from tests.lab.draws import SIGNALS, TYPES, draws

SUBJECT = ("--model", "m", "--revision", "r")
CONFIG = """
tiers:
  - {name: small, kind: "tests.lab.knowing:FromConfig", model: "0.8", served_as: shown}
  - {name: large, kind: "tests.lab.knowing:FromConfig", model: "0.9"}
  - {name: silent, kind: "tests.lab.knowing:Silent", model: m}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return recorded(tmp_path, draws(1800, 0, prefixes=True))


def recorded(tmp_path: Path, items: list[Recorded]) -> Path:
    path = tmp_path / "data.jsonl.gz"
    write_recorded(path, items)
    return path


def config(tmp_path: Path) -> str:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return str(path)


def calibrate(*arguments: object) -> int:
    return main(["calibrate", *(str(argument) for argument in arguments)])


def made(path: Path) -> Calibration:
    return Calibration.model_validate_json(path.read_text())


def test_recorded_readings_become_a_calibration_and_its_figures(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, figures, plot = (tmp_path / name for name in ("c.json", "f.json", "c.png"))
    done = calibrate(
        *("--data", data, *SUBJECT, "--max-loss", 0.05, "--out", out, "--json", figures),
        *("--plot", plot),
    )
    assert done == 0
    found = load_calibration(out, model="m", revision="r", signals=SIGNALS)
    assert all(found.threshold_for(StepType(name)).whole for name in TYPES)
    assert found.promise.limit == 0.05 and [p.tokens for p in found.prefixes] == [4, 8]
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise calibrate" and told["machine"]["python"]
    assert told["thresholds"]["planning"]["whole"]["threshold"]
    assert 0 <= told["ece"] < 0.1 and told["auroc"] > 0.8
    assert plot.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "planning" in printed and "at most" in printed and "covered" in printed


def test_too_little_data_is_told_and_written_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "c.json"
    data = recorded(tmp_path, draws(60, 0))
    assert calibrate("--data", data, *SUBJECT, "--out", out) == 1
    assert all(t.whole is None and t.needed > 100 for t in made(out).thresholds.values())
    assert "insufficient data: about" in capsys.readouterr().out


def test_people_may_bring_signals_and_step_types_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [
        replace(i, step_type="cooking", readings={"nll": -i.readings["mean_logprob"]})
        for i in draws(900, 0)
    ]
    assert calibrate("--data", recorded(tmp_path, items), "--max-loss", 0.05) == 0
    assert "cooking" in capsys.readouterr().out


def test_what_the_gate_cannot_read_makes_no_artefact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [replace(i, readings={**i.readings, "nll": 1.0}) for i in draws(900, 0)]
    data, out = recorded(tmp_path, items), tmp_path / "c.json"
    asked = ("--data", data, *SUBJECT, "--max-loss", 0.05, "--out", out)
    assert calibrate(*asked) == 1
    assert not out.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert "the gate cannot read: nll" in line
    assert calibrate(*asked, "--signals", "mean_logprob") == 0
    assert made(out).signals == ("mean_logprob",)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            '{"readings": {"mean_logprob": NaN}, "label": true}',
            "data.jsonl:2: readings.mean_logprob",
        ),
        ('{"readings": {"mean_logprob": -1}, "label": "yes"}', "data.jsonl:2: label: must be true"),
        ('{"readings": {"min_logprob": -1}, "label": true}', "data.jsonl:2: readings.mean"),
        (
            '{"readings": {"mean_logprob": -1}, "label": true, "step_type": "cooking"}',
            "data.jsonl:2: step_type: no step type 'cooking'",
        ),
        ("nonsense", "data.jsonl:2: not JSON"),
    ],
)
def test_a_faulty_line_is_one_line_and_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"readings": {"mean_logprob": -1}, "label": true}\n' + line)
    assert calibrate("--data", path, *SUBJECT, "--out", tmp_path / "c.json") == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert said in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--max-loss", "1"), "--max-loss: must lie between 0 and 1"),
        (("--max-escalated", "0"), "--max-escalated: must lie"),
        (("--confidence", "nan"), "--confidence: must lie"),
        (("--fit-share", "-1"), "--fit-share: must lie"),
        (("--seed", "-1"), "--seed: must be 0 or more"),
        (("--max-spend", "1"), "--max-spend and --climb-cost: give both"),
        (("--climb-cost", "1"), "--max-spend and --climb-cost: give both"),
        (("--max-spend", "2", "--climb-cost", "1"), "--max-spend: every step may climb"),
        (("--max-spend", "-2", "--climb-cost", "1"), "must be above 0"),
        (("--signals", "nll"), "data.jsonl.gz:1: readings.nll: is missing"),
        (("--count", "9"), "--count: only for the step suite"),
        (("--reference", "large"), "--reference: only for the step suite"),
        (("--record-test", "x"), "--record-test: only for the step suite"),
        (("--out", "c.json"), "--out: whose drafts are these?"),
        (("--config", "none.yaml", "--tier", "t"), "none.yaml: cannot be read"),
    ],
)
def test_a_faulty_option_is_named(
    data: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert calibrate("--data", data, *arguments) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert said in told


def test_one_promise_and_one_source_at_a_time(data: Path) -> None:
    for pair in (("--ledger", data), ("--max-loss", 0.1, "--max-escalated", 0.1)):
        with pytest.raises(SystemExit) as ended:
            calibrate("--data", data, *pair)
        assert ended.value.code == 2


def test_every_option_of_the_promise_is_in_the_artefact(tmp_path: Path, data: Path) -> None:
    def with_options(*options: object) -> Calibration:
        out = tmp_path / "c.json"
        calibrate("--data", data, *SUBJECT, "--max-loss", 0.05, "--out", out, *options)
        return made(out)

    plain = with_options()
    assert plain.promise.confidence == 0.95 and plain.provenance.seed == 0
    assert with_options("--confidence", 0.8).promise.confidence == 0.8
    assert with_options("--seed", 5).provenance.seed == 5
    assert with_options("--hold", "whole").prefixes == ()
    more = with_options("--fit-share", 0.5).thresholds
    assert all(more[t].labels < plain.thresholds[t].labels for t in more)
    assert with_options("--max-loss", 0.1).promise.limit == 0.1


def test_thin_step_types_can_be_pooled(tmp_path: Path) -> None:
    items = draws(900, 0) + draws(240, 1, ("summarisation", "tool_selection", "classification"))
    data, out = recorded(tmp_path, items), tmp_path / "c.json"
    asked = ("--data", data, *SUBJECT, "--max-loss", 0.06, "--out", out)
    calibrate(*asked)
    assert made(out).thresholds[StepType.SUMMARISATION].whole is None
    calibrate(*asked, "--pool-thin")
    assert made(out).thresholds[StepType.SUMMARISATION].pooled


@pytest.mark.parametrize(
    "spending", [("--max-escalated", 0.4), ("--max-spend", 0.002, "--climb-cost", 0.005)]
)
def test_a_promise_on_spending(tmp_path: Path, data: Path, spending: tuple[object, ...]) -> None:
    out = tmp_path / "c.json"
    assert calibrate("--data", data, *SUBJECT, "--out", out, *spending) == 0
    assert made(out).promise.kind == "spending" and made(out).promise.limit == pytest.approx(0.4)
    assert all(t.whole for t in made(out).thresholds.values())


# ---- the other sources ----


def test_the_step_suite_is_drafted_recorded_and_calibrated_on(tmp_path: Path) -> None:
    out, record, record_test = (tmp_path / n for n in ("c.json", "r.jsonl.gz", "t.jsonl"))
    done = calibrate(
        *("--config", config(tmp_path), "--tier", "small", "--count", 900, "--test", 90),
        *("--reference", "large", "--max-loss", 0.1, "--out", out, "--record", record),
        *("--record-test", record_test, "--concurrency", 32),
    )
    assert done == 0
    found = load_calibration(out, model="shown", revision="0.8")
    assert found.promise.reference == "large"
    items = read_recorded(record)
    assert len(items) == 900 and len(read_recorded(record_test)) == 90
    assert 0.7 < sum(item.right for item in items) / 900 < 0.9
    assert 0.8 < sum(item.reference for item in items) / 900 < 0.98
    assert found.provenance.count == 900 and set(found.signals) == set(items[0].readings)


def test_a_recording_can_be_calibrated_on_again(tmp_path: Path) -> None:
    first, again, record = (tmp_path / name for name in ("a.json", "b.json", "r.jsonl.gz"))
    suite = ("--config", config(tmp_path), "--tier", "small")
    calibrate(*suite, "--count", 450, "--test", 0, "--out", first, "--record", record)
    calibrate(*suite, "--data", record, "--out", again)
    assert made(first).thresholds == made(again).thresholds
    assert made(first).finished == made(again).finished
    assert made(again).model == "shown"


async def fill(path: Path, count: int) -> None:
    ledger = SqliteLedger(path)
    await ledger.start()
    for number in range(count):
        made = entry(RELEASED, right=number % 10 > 0)
        await ledger.record(replace(made, id=f"e{number}"))
    await ledger.stop()


@pytest.mark.anyio
async def test_outcomes_in_a_ledger_are_calibrated_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, record = tmp_path / "l.db", tmp_path / "r.jsonl"
    await fill(path, 30)
    asked = ("--ledger", path, "--tier", "tier1", "--signals", "mean_logprob", "--record", record)
    assert calibrate(*asked) == 1
    assert len(read_recorded(record)) == 30
    assert capsys.readouterr().err == ""


@pytest.mark.anyio
async def test_a_ledger_without_such_outcomes_says_what_is_lacking(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "l.db"
    await fill(path, 3)
    for options, said in (
        (("--tier", "tier9"), "no unjudged draft of 'tier9'"),
        (("--tier", "tier1"), "(3 have an outcome only)"),
        (("--tier", "tier1", "--signals", "nll"), "no signal 'nll'"),
        ((), "--ledger: needs --tier"),
    ):
        assert calibrate("--ledger", path, *options) == 2
        assert said in capsys.readouterr().err


def test_labelled_answers_are_scored_by_the_tier(tmp_path: Path) -> None:
    path, record = tmp_path / "answers.jsonl", tmp_path / "r.jsonl"
    lines = [
        {"prompt": "p", "answer": "right words" if right else "other words", "label": right}
        for right in (True, True, False) * 20
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines))
    asked = ("--answers", path, "--config", config(tmp_path), "--record", record)
    assert calibrate(*asked, "--tier", "small") == 1, "60 labels support no promise"
    found = read_recorded(record)
    assert [item.right for item in found] == [line["label"] for line in lines]
    assert found[0].readings["mean_logprob"] == -0.05


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tier", "silent"), "'silent' cannot score answers"),
        (("--tier", "nobody"), "no tier 'nobody'; the configuration has small, large"),
        (("--tier", "small", "--signals", "min_margin"), "min_margin cannot be read of answers"),
        (("--tier", "small", "--signals", "judge"), "judge is asked for after a draft"),
        ((), "--config and --tier: are needed"),
    ],
)
def test_answers_need_a_tier_that_can_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"prompt": "p", "answer": "a", "label": true}')
    assert calibrate("--answers", path, "--config", config(tmp_path), *options) == 2
    assert said in capsys.readouterr().err


def test_a_tier_without_log_probabilities_cannot_be_calibrated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = calibrate("--config", config(tmp_path), "--tier", "silent", "--count", 9, "--test", 0)
    assert done == 2
    assert "check that it gives log-probabilities" in capsys.readouterr().err


@pytest.mark.anyio
async def test_of_a_ledger_no_key_says_more_than_its_share_and_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, record = tmp_path / "l.db", tmp_path / "r.jsonl"
    await fill(path, 30)
    ledger = SqliteLedger(path)
    await ledger.start()
    for number in range(4):
        await ledger.record(replace(entry(RELEASED), id=f"o{number}", caller="other"))
    await ledger.stop()
    asked = ("--ledger", path, "--tier", "tier1", "--signals", "mean_logprob", "--record", record)
    calibrate(*asked)
    assert len(read_recorded(record)) == 8
    assert "26 labels of keys that gave more than --most-share" in capsys.readouterr().err
    calibrate(*asked, "--most-share", 1)
    assert len(read_recorded(record)) == 34
    assert calibrate(*asked, "--most-share", 2) == 2
    assert "--most-share: must lie above 0" in capsys.readouterr().err
