"""What is told of a curve on other drafts, in numbers, in a terminal and as a picture."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rungwise.lab.calibration.calibrate import Options, calibrate
from rungwise.lab.calibration.charts import reliability_chart, risk_chart
from rungwise.lab.calibration.figures import as_json, as_lines, measure
from rungwise.lab.calibration.plots import plot_calibration, plot_promise
from rungwise.lab.calibration.promise import Aim
from rungwise.lab.calibration.readings import sample_of
from rungwise.lab.calibration.threshold_report import promise_as_json, promise_as_lines
from tests.lab.draws import SIGNALS, TYPES, draws

AIM = Aim(limit=0.05, confidence=0.95)
LEARNED = calibrate(sample_of(draws(2400, 0, prefixes=True), SIGNALS), Options(aim=AIM))
OTHERS = sample_of(draws(900, 1), SIGNALS)
P = LEARNED.finished.best.probabilities(OTHERS.finished)


def test_figures_on_other_drafts() -> None:
    found = measure(LEARNED.finished.best, OTHERS, LEARNED.thresholds())
    assert found.count == 900 and found.ece < 0.06 and found.brier < 0.2
    assert found.auroc is not None and found.auroc > 0.8
    assert found.ece_interval[0] <= found.ece <= found.ece_interval[1]
    assert set(found.auroc_per_signal) == set(SIGNALS)
    assert {row.count for row in found.by_step_type.values()} == {300}
    assert 0.2 < found.accepted_share < 1 and found.loss < 0.05
    told = as_json(found)
    assert told["ece"] == found.ece and set(told["by_step_type"]) == set(TYPES)  # type: ignore[call-overload]
    assert any("calibration error" in line for line in as_lines(found))


def test_without_thresholds_nothing_is_accepted() -> None:
    found = measure(LEARNED.finished.best, OTHERS, {})
    assert found.accepted_share == found.loss == 0


def test_a_signal_that_falls_is_turned_round() -> None:
    items = draws(600, 0)
    sample = sample_of(items, ("mean_logprob",))
    turned = sample_of(
        [
            type(i)(step_type="t", readings={"nll": -i.readings["mean_logprob"]}, right=i.right)
            for i in items
        ],
        ("nll",),
    )
    learned = calibrate(turned, Options(aim=AIM))
    found = measure(learned.finished.best, turned, {})
    plain = measure(calibrate(sample, Options(aim=AIM)).finished.best, sample, {})
    assert found.auroc_per_signal["nll"] == plain.auroc_per_signal["mean_logprob"]


def test_the_promise_is_told_by_step_type_with_the_ways_to_hold() -> None:
    lines = promise_as_lines(LEARNED, AIM)
    assert len(lines) == 1 + len(TYPES) + 1 and "confidence 0.95" in lines[-1]
    assert all(line.split()[1] == "either" for line in lines[1:-1])
    assert "held either way" in lines[-1] and "group" not in lines[-1]
    whole = calibrate(sample_of(draws(900, 0), SIGNALS), Options(aim=AIM))
    assert all(line.split()[1] == "whole" for line in promise_as_lines(whole, AIM)[1:-1])
    assert promise_as_json(whole, AIM)["thresholds"]["planning"]["prefix"] is None  # type: ignore[index]
    told = promise_as_json(LEARNED, AIM)["thresholds"]
    for name in TYPES:
        row = told[name]["whole"]  # type: ignore[index]
        assert row["bad_share"] <= row["bad_bound"] <= AIM.limit
        assert row == told[name]["prefix"]  # type: ignore[index]
        assert row["threshold"] == LEARNED.chosen[name].threshold


def test_what_is_lacking_is_told() -> None:
    few = calibrate(sample_of(draws(60, 0), SIGNALS), Options(aim=AIM))
    lines = promise_as_lines(few, AIM)
    assert sum("insufficient data: about" in line for line in lines) == len(TYPES)
    grouped = [replace(item, group=f"g{i // 3}") for i, item in enumerate(draws(60, 0))]
    lines = promise_as_lines(calibrate(sample_of(grouped, SIGNALS), Options(aim=AIM)), AIM)
    assert sum("more independent groups" in line for line in lines) == len(TYPES)
    assert "a step is drawn by first drawing a group" in lines[-1]
    hopeless = [replace(item, right=False) for item in draws(900, 0, types=("planning",))]
    lines = promise_as_lines(calibrate(sample_of(hopeless, SIGNALS), Options(aim=AIM)), AIM)
    assert "more labels would not help" in lines[1]


def test_charts_have_a_line_for_each_bin() -> None:
    lines = reliability_chart(P, OTHERS.right)
    assert 5 < len(lines) <= 11 and sum(int(line.split()[2]) for line in lines[1:]) == 900
    risk = risk_chart(P, OTHERS.right)
    assert len(risk) == 11 and "100%" in risk[-1]
    assert float(risk[-1].split()[1]) == pytest.approx(1 - OTHERS.right.mean(), abs=1e-3)


def test_pictures_are_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    one, other = tmp_path / "a" / "c.png", tmp_path / "p.png"
    plot_calibration(one, [("logistic", P), ("isotonic", P)], OTHERS.right)
    losses = np.array([0.01, 0.02])
    plot_promise(other, losses, losses, {"planning": (losses, losses)}, 0.02)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (one, other))
