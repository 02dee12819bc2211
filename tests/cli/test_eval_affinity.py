"""`rungwise eval affinity` from end to end, with few conversations."""

import json
from pathlib import Path

import pytest

from rungwise.cli.main import main


def test_figures_are_told_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = tmp_path / "x.json"
    asked = ["--conversations", "60", "--seed", "3", "--json", str(figures)]
    assert main(["eval", "affinity", *asked]) == 0
    told = json.loads(figures.read_text())
    assert told["command"] == "rungwise eval affinity" and told["seed"] == 3
    assert told["conversations"] == 60
    assert "60 simulated conversations" in capsys.readouterr().out


@pytest.mark.parametrize(("option", "least"), [("--conversations", 1), ("--seed", 0)])
def test_numbers_must_make_sense(
    capsys: pytest.CaptureFixture[str], option: str, least: int
) -> None:
    assert main(["eval", "affinity", option, str(least - 1)]) == 2
    assert f"{option}: must be {least} or more" in capsys.readouterr().err
