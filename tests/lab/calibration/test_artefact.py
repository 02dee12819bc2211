"""A calibration file: what was learned is what the gate reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from rungwise.confidence.calibration import load_calibration, read_calibration
from rungwise.errors import ConfigError
from rungwise.lab.calibration.artefact import Origin, artefact, fitted_of, write_artefact
from rungwise.lab.calibration.calibrate import Options, calibrate, recovery
from rungwise.lab.calibration.promise import Aim
from rungwise.lab.calibration.readings import sample_of
from rungwise.lab.calibration.recorded import digest
from rungwise.types import StepType
from tests.lab.draws import SIGNALS, TYPES, draws

OPTIONS = Options(aim=Aim(limit=0.05, confidence=0.9), seed=3)
ORIGIN = Origin(model="m", revision="r", source="made up", reference="tier3")


def test_the_file_says_what_was_learned(tmp_path: Path) -> None:
    items = draws(2400, 0, prefixes=True)
    learned = calibrate(sample_of(items, SIGNALS), OPTIONS)
    path = tmp_path / "deep" / "c.json"
    write_artefact(path, artefact("c", learned, items, SIGNALS, OPTIONS, ORIGIN))
    found = load_calibration(path, model="m", revision="r", signals=SIGNALS)
    assert (found.name, found.signals) == ("c", SIGNALS)
    assert [prefix.tokens for prefix in found.prefixes] == [4, 8]
    for name in TYPES:
        threshold = found.threshold_for(StepType(name))
        assert threshold.whole == learned.chosen[name].threshold is not None
        assert threshold.prefix == learned.chosen[name].threshold is not None
        assert threshold.labels == learned.chosen[name].labels
    promise, provenance = found.promise, found.provenance
    assert (promise.kind, promise.limit, promise.confidence) == ("loss", 0.05, 0.9)
    assert promise.reference == "tier3" and np.isclose(promise.level, 0.1 / 3)
    assert "2110.01052" in promise.procedure and "3 sequences" in promise.procedure
    assert "held either way" in promise.procedure and "group" not in promise.procedure
    assert provenance.data_sha256 == digest(items) and provenance.seed == 3
    assert (provenance.count, provenance.right) == (2400, sum(item.right for item in items))
    assert set(provenance.compared) == {"logistic", "isotonic"}


def test_one_threshold_serves_both_ways_where_both_were_tested() -> None:
    items = draws(1200, 0, prefixes=True)
    never_early = [replace(i, prose=i.step_type != "planning") for i in items]
    for given, hold, early in (
        (items, "prefix", set(TYPES)),
        (items, "whole", set()),
        (never_early, "prefix", set(TYPES) - {"planning"}),
    ):
        options = replace(OPTIONS, hold=hold)  # type: ignore[arg-type]
        learned = calibrate(sample_of(given, SIGNALS), options)
        made = artefact("c", learned, given, SIGNALS, options, ORIGIN)
        for step_type, threshold in made.thresholds.items():
            expected = threshold.whole if step_type.value in early else None
            assert threshold.whole is not None and threshold.prefix == expected


def test_the_procedure_says_how_a_step_is_drawn_where_there_are_groups() -> None:
    items = [replace(item, group=f"g{i // 6}") for i, item in enumerate(draws(600, 0))]
    learned = calibrate(sample_of(items, SIGNALS), OPTIONS)
    made = artefact("c", learned, items, SIGNALS, OPTIONS, ORIGIN)
    assert "a step is drawn by first drawing a group" in made.promise.procedure


def test_the_gate_computes_what_was_tested(tmp_path: Path) -> None:
    items = draws(1200, 0, prefixes=True)
    learned = calibrate(sample_of(items, SIGNALS), OPTIONS)
    made = artefact("c", learned, items, SIGNALS, OPTIONS, ORIGIN)
    others = draws(60, 1, prefixes=True)
    sample = sample_of(others, SIGNALS)
    p = learned.finished.best.probabilities(sample.finished)
    assert np.array_equal(fitted_of(made.finished).probabilities(sample.finished), p)
    chance = recovery(learned, OPTIONS.seed)[4].probabilities(sample.prefixes[4])
    for row, item in enumerate(others):
        step_type = StepType(item.step_type)
        assert abs(made.finished.probability(step_type, item.readings) - p[row]) < 1e-12
        here = made.prefixes[0].recovery.probability(step_type, item.prefixes[4])
        assert abs(here - chance[row]) < 1e-12


def test_without_enough_labels_the_file_says_so() -> None:
    items = draws(60, 0)
    learned = calibrate(sample_of(items, SIGNALS), OPTIONS)
    made = artefact("c", learned, items, SIGNALS, OPTIONS, ORIGIN)
    assert all(t.whole is None and t.needed > 0 for t in made.thresholds.values())


def test_what_the_gate_cannot_read_is_no_calibration() -> None:
    items = draws(300, 0, types=("cooking",))
    learned = calibrate(sample_of(items, SIGNALS), OPTIONS)
    with pytest.raises((ValidationError, ValueError), match="cooking"):
        artefact("c", learned, items, SIGNALS, OPTIONS, ORIGIN)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    with pytest.raises(ConfigError, match=r"c\.json: cannot be read"):
        read_calibration(path, "mend it")
    path.write_text('{"name": 3}')
    with pytest.raises(ConfigError, match=r"c\.json: not a calibration"):
        read_calibration(path, "mend it")
