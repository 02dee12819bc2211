"""A user with 500 labelled steps: learn, see if they are enough, promote, and watch it plan."""

from pathlib import Path

import numpy as np
import pytest

from rungwise.cli.main import main
from rungwise.config import PriceConfig
from rungwise.lab.calibration.recorded import Recorded, write_recorded
from rungwise.lab.ladders.lines import write_ladder
from rungwise.tiers.scripted import ScriptedTier, say
from tests.lab.riddles import riddles
from tests.served import document, served

ROUTING = """
routing:
  keep_sketches: true
  difficulty: mine.json
  shadow: {policy: pays, difficulty: mine.json, worth: {right_usd: 1.0}, promise: waive}
gates: [{tier: low, calibration: low.json}]
"""
EASY, HARD = "Copy the name of the river and the letter.", "Prove the lemma of the mirror."


def rungwise(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def rungs() -> tuple[ScriptedTier, ScriptedTier]:
    """The lower one is always sure of itself, so that a cascade never climbs."""
    cheap, dear = PriceConfig(input=0, output=500), PriceConfig(input=0, output=1000)
    sure = say("a sure answer", logprob=-0.01)
    high = ScriptedTier("high", say("better"), local=False, price=dear)
    high.most = 10_000_000
    return ScriptedTier("low", sure, model="small", price=cheap), high


def readings(folder: Path) -> Path:
    """Of drafts of the lower rung, for its gate."""
    rng = np.random.default_rng(0)
    items = []
    for step in riddles(500):
        right = step.tiers["low"].correct
        mean = -float(rng.gamma(2.0, 0.05 if right else 0.8))
        items.append(
            Recorded(step_type=step.step_type, readings={"mean_logprob": mean}, right=right)
        )
    write_recorded(folder / "readings.jsonl", items)
    return folder / "readings.jsonl"


@pytest.mark.anyio
async def test_500_labels_become_forecasts_and_a_shadow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps, mine = tmp_path / "steps.jsonl.gz", tmp_path / "mine.json"
    config = document(tmp_path, *rungs(), config=ROUTING)
    write_ladder(steps, riddles(500))

    learnt = tmp_path / "candidate.json"
    assert rungwise("train-router", "--data", steps, "--out", learnt, "--folds", 3) == 0
    assert "low < high: enough" in capsys.readouterr().out
    subject = ("--model", "small", "--revision", "small", "--hold", "whole")
    fitted = ("--out", tmp_path / "low.json", "--max-loss", 0.1, "--pool-thin")
    assert rungwise("calibrate", "--data", readings(tmp_path), *subject, *fitted) == 0
    assert rungwise("router", "promote", learnt, "--to", mine, "--config", config) == 0
    assert "is in force; servers take it up at their next start" in capsys.readouterr().out

    async with served(tmp_path, *rungs(), config=ROUTING) as server:
        told = {"x-rungwise-step-type": "planning"}
        easy = await server.ask(EASY, headers=told)
        hard = await server.ask(HARD, headers=told)
    for answer in (easy, hard):
        assert answer.tier == "low" and answer.why["rungs"] == ["low", "high"]
        assert answer.why["forecasts"].keys() == {"low", "high"}
        assert (
            answer.why["shadow"]["router"].startswith("pays:mine@") and answer.why["shadow"]["why"]
        )
    assert easy.why["forecasts"]["low"] > 0.8 > 0.4 > hard.why["forecasts"]["low"]
    assert easy.why["shadow"]["rungs"][0] == "low"
    assert hard.why["shadow"]["rungs"] == ["high"]
