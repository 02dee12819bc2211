"""`rungwise bench` before it measures: what cannot be measured is one line and status 2."""

from pathlib import Path

import pytest

from rungwise.cli.main import main

CONFIG = """
tiers:
  - {name: small, kind: "tests.lab.knowing:FromConfig", model: m}
  - {name: large, kind: "tests.lab.knowing:FromConfig", model: m}
gates: [{tier: small}]
"""


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["bench", *(str(argument) for argument in arguments)]) == 2
    told = capsys.readouterr()
    (line,) = told.err.splitlines()
    assert told.out == ""
    return line.removeprefix("rungwise: ")


@pytest.mark.parametrize("what", ["engine", "gate", "rung"])
def test_a_folder_without_a_model(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(capsys, what, "--model", tmp_path)
    assert told == f"--model: no model in {tmp_path}; see scripts/train-demo-models"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("engine", "--concurrency", 8, 0), "--concurrency: must be 1 or more, not 0"),
        (("engine", "--rounds", 0), "--rounds: must be"),
        (("gate", "--max-tokens", 0), "--max-tokens: must be"),
        (("gate", "--streams", 0), "--streams: must be"),
        (("engine", "--max-model-len", 0), "--max-model-len: must be"),
        (("rung", "--prefix-tokens", 0), "--prefix-tokens: must be"),
        (("rung", "--look-tokens", 0), "--look-tokens: must be"),
        (("abort", "--steps", 0), "--steps: must be"),
        (("escalation", "--steps", -1), "--steps: must be"),
        (("engine", "--seconds", -1), "--seconds: must be a number above 0, not -1"),
        (("engine", "--seconds", "nan"), "--seconds: must be a number above 0, not nan"),
        (("gateway", "--seconds", 0), "--seconds: must be a number above 0, not 0"),
        (("engine", "--within", -5), "--within: must be a number above 0, not -5"),
        (("life", "--grace", "inf"), "--grace: must be a number above 0, not inf"),
        (("rung", "--kv-cache-gib", -1), "--kv-cache-gib: must be a number above 0, not -1"),
        (("rung", "--usd-per-gpu-hour", -1), "--usd-per-gpu-hour: must be 0 or more, not -1"),
        (("gate", "--dtype", "foo"), "--dtype: must be one of auto, bfloat16, float16, float32"),
        (("engine", "--max-model-len", 15), "--max-model-len: must be 16 or more, not 15"),
        (("router", "--plans", 0), "--plans: must be"),
        (("router", "--data", "none.jsonl"), "none.jsonl: no such file"),
        (("abort", "--config", "none.yaml"), "none.yaml: cannot be read"),
        (("escalation", "--config", "none.yaml"), "none.yaml: not found"),
    ],
)
def test_a_faulty_option_is_named(
    arguments: tuple[object, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments).startswith(said)


@pytest.mark.parametrize("tier", ["large", "nobody"])
def test_a_rung_without_a_gate_stops_nothing(
    tier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(CONFIG)
    told = refused(capsys, "abort", "--config", config, "--tier", tier)
    assert told == f"--tier: {tier!r} has no gate; those that have: small"
