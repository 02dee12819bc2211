"""A calibration file: what it computes, and which files are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.confidence.calibration import Calibration, Curve, Table, load_calibration
from rungwise.errors import ConfigError
from rungwise.types import StepType

FILE: dict[str, Any] = {
    "format": "rungwise-calibration/2",
    "name": "test",
    "model": "small",
    "revision": "abc/auto",
    "signals": ["mean_logprob"],
    "finished": {
        "weights": {"mean_logprob": 2.0},
        "intercept": 3.0,
        "intercepts": {"planning": -1.0},
    },
    "thresholds": {
        "open_chat": {"whole": 0.9, "prefix": 0.9, "labels": 400},
        "planning": {"whole": None, "labels": 12, "needed": 300},
    },
    "promise": {
        "limit": 0.02,
        "confidence": 0.95,
        "reference": "always right",
        "procedure": "by hand",
        "level": 0.025,
    },
    "provenance": {
        "data": "test",
        "data_sha256": "0",
        "count": 10,
        "right": 9,
        "date": "2026-01-01",
        "seed": 0,
    },
}


def calibration(**changes: Any) -> Calibration:
    return Calibration.model_validate({**FILE, **changes})


def windowed(threshold: float = 0.9, prefixes: list[dict[str, Any]] | None = None) -> Calibration:
    """One signal, the worst window, and one threshold for every step type."""
    curve = {"weights": {"worst_window_logprob": 2.0}, "intercept": 3.0}
    found = {"whole": threshold, "prefix": threshold, "labels": 400}
    return calibration(
        signals=["worst_window_logprob"],
        finished=curve,
        prefixes=prefixes or [],
        thresholds={step_type.value: found for step_type in StepType},
    )


def test_probability_is_logistic_in_the_readings() -> None:
    curve = calibration().finished
    assert curve.probability(StepType.OPEN_CHAT, {"mean_logprob": -1.5}) == 0.5
    assert curve.probability(StepType.PLANNING, {"mean_logprob": -1.0}) == 0.5


def test_a_reading_that_may_still_be_anything_makes_anything_possible() -> None:
    assert calibration().finished.probability(StepType.PLANNING, {"mean_logprob": None}) == 1.0


def test_a_step_type_without_labels_has_no_threshold() -> None:
    assert calibration().threshold_for(StepType.OPEN_CHAT).whole == 0.9
    assert calibration().threshold_for(StepType.PLANNING).needed == 300
    assert calibration().threshold_for(StepType.EXTRACTION).whole is None


def test_extreme_readings_do_not_overflow() -> None:
    curve = Curve(weights={"mean_logprob": 1.0}, intercept=0)
    assert curve.probability(StepType.OPEN_CHAT, {"mean_logprob": -1e6}) == 0.0


@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(0, 1)), min_size=1, max_size=9), st.floats())
def test_a_table_stays_inside_and_rises(points: list[tuple[float, float]], z: float) -> None:
    if z != z:
        return
    table = Table(z=tuple(sorted({p[0] for p in points})), p=_rising(points))
    assert table.p[0] <= table.at(z) <= table.p[-1]
    assert table.at(z) <= table.at(z + 1) + 1e-12


def _rising(points: list[tuple[float, float]]) -> tuple[float, ...]:
    count = len({p[0] for p in points})
    return tuple(sorted(p[1] for p in points)[:count])


def changed(**changes: Any) -> str:
    return json.dumps({**FILE, **changes})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a calibration"),
        ("[]", "not a calibration"),
        (changed(format="rungwise-calibration/1"), "format"),
        (changed(finished={"weights": {"luck": 1}, "intercept": 0}), "no signal is called 'luck'"),
        (changed(finished={"weights": {"mean_logprob": -1}, "intercept": 0}), "the wrong way"),
        (changed(finished={"weights": {"mean_entropy": 1}, "intercept": 0}), "the wrong way"),
        (changed(finished={"weights": {"min_logprob": 1}, "intercept": 0}), "not among"),
        (changed(finished={"weights": {}, "intercept": "NaN"}), "intercept"),
        (changed(extra=1), "extra"),
        (changed(model="large"), "fitted on drafts of 'large'"),
        (changed(revision="def/auto"), "fitted on revision def/auto"),
    ],
)
def test_other_files_are_refused_with_the_reason(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said):
        load_calibration(path, model="small", revision="abc/auto")


def test_other_signals_than_the_gate_names_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(changed())
    load_calibration(path, model="small", revision="abc/auto", signals=("mean_logprob",))
    with pytest.raises(ConfigError, match="the gate names min_logprob"):
        load_calibration(path, model="small", revision="abc/auto", signals=("min_logprob",))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json: cannot be read"):
        load_calibration(tmp_path / "nowhere.json", model="small", revision="abc/auto")
