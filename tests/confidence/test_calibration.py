"""A calibration file: what it computes, and which files are refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from rungwise.confidence.calibration import Calibration, load_calibration
from rungwise.errors import ConfigError
from rungwise.types import StepType

FILE: dict[str, Any] = {
    "name": "test",
    "model": "small",
    "signals": ["mean_logprob"],
    "weights": [2.0],
    "intercept": 3.0,
    "intercepts": {"planning": -1.0},
    "thresholds": {"planning": None},
    "threshold": 0.9,
    "provenance": {
        "data": "test",
        "data_sha256": "0",
        "count": 10,
        "right": 9,
        "date": "2026-01-01",
        "seed": 0,
        "max_loss": 0.02,
        "confidence": 0.95,
        "procedure": "by hand",
    },
}


def calibration(**changes: Any) -> Calibration:
    return Calibration.model_validate({**FILE, **changes})


def test_probability_is_logistic_in_the_readings() -> None:
    assert calibration().probability(StepType.OPEN_CHAT, {"mean_logprob": -1.5}) == 0.5
    with_offset = calibration().probability(StepType.PLANNING, {"mean_logprob": -1.0})
    assert with_offset == 0.5


def test_the_step_types_own_threshold_goes_first() -> None:
    assert calibration().threshold_for(StepType.OPEN_CHAT) == 0.9
    assert calibration().threshold_for(StepType.PLANNING) is None


def test_extreme_readings_do_not_overflow() -> None:
    assert calibration(weights=[1.0]).probability(StepType.OPEN_CHAT, {"mean_logprob": -1e6}) == 0.0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a calibration"),
        ("[]", "not a calibration"),
        (json.dumps({**FILE, "signals": ["entropy"]}), "no signal is called 'entropy'"),
        (json.dumps({**FILE, "weights": [-1.0]}), "negative"),
        (json.dumps({**FILE, "weights": [1.0, 2.0]}), "differ in length"),
        (json.dumps({**FILE, "extra": 1}), "extra"),
        (json.dumps({**FILE, "intercept": "NaN"}), "intercept"),
        (json.dumps({**FILE, "model": "large"}), "fitted on drafts of 'large'"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        load_calibration(path, model="small")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json: cannot be read"):
        load_calibration(tmp_path / "nowhere.json", model="small")
