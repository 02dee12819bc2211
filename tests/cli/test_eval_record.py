"""`rungwise eval record` from end to end: every rung drafts the suite, and the file reads well."""

from pathlib import Path

import pytest

from rungwise.cli.main import main
from rungwise.lab.ladders.data import read_ladder

CONFIG = """
tiers:
  - {name: small, kind: "tests.lab.knowing:FromConfig", model: "0.5"}
  - {name: large, kind: "tests.lab.knowing:FromConfig", model: "0.9"}
gates:
  - {tier: small, signals: [min_logprob, mean_logprob]}
"""


def record(config: Path, out: Path, *arguments: object) -> int:
    told = ("eval", "record", "--config", config, "--out", out, "--seed", 2, *arguments)
    return main([str(argument) for argument in told])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ladder.yaml"
    path.write_text(CONFIG)
    return path


def test_every_rung_drafts_and_what_its_gate_reads_is_kept(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.jsonl.gz"
    assert record(config, out, "--count", 90, "--split", "test", "--concurrency", 3) == 0
    found = read_ladder(out)
    assert found.tiers == ("small", "large") and len(found.rows) == 90
    assert found.rows[0].id == "test-2-000000"
    assert set(found.rows[0].tiers["small"].readings) == {"min_logprob", "mean_logprob"}
    assert not found.rows[0].tiers["large"].readings
    told = capsys.readouterr().out
    assert "small: " in told and "price unknown" in told and "3 steps open at once" in told


@pytest.mark.parametrize("option", ["--count", "--concurrency"])
def test_numbers_must_make_sense(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    assert record(config, tmp_path / "x.gz", option, 0) == 2
    assert f"{option}: must be 1 or more" in capsys.readouterr().err
    assert not (tmp_path / "x.gz").exists()
