"""The check of a promise: what it counts, and that naive thresholds fail it."""

from dataclasses import replace

import numpy as np

from rungwise.lab.calibration.calibrate import Options
from rungwise.lab.calibration.eval_promise import PromiseCheck, check_promise
from rungwise.lab.calibration.promise import Aim
from rungwise.lab.calibration.readings import Sample, sample_of
from tests.lab.draws import SIGNALS, TYPES, draws

OPTIONS = Options(aim=Aim(limit=0.05, confidence=0.95), hold="whole")
SAMPLE = sample_of(draws(2400, 0, prefixes=True), SIGNALS)


def check(sample: Sample = SAMPLE, options: Options = OPTIONS, splits: int = 30) -> PromiseCheck:
    done: list[int] = []
    found = check_promise(sample, options, splits=splits, progress=lambda: done.append(1))
    assert len(done) == splits
    return found


def test_the_promise_is_kept_and_the_naive_one_is_not() -> None:
    found = check()
    for name in (*TYPES, None):
        assert found.kept[name].broken_share <= 0.15
        assert found.kept[name].found.all()
    assert found.naive[None].broken_share > 0.25
    assert found.naive[None].accepted.mean() > found.kept[None].accepted.mean() > 0.2


def test_what_is_told_has_every_figure() -> None:
    told = check(splits=10).as_json()
    by_type = told["by_step_type"]
    assert isinstance(by_type, dict) and set(by_type) == set(TYPES)
    for row in (told, *by_type.values()):
        assert 0 <= row["broken_share"] <= 1 and 0 <= row["naive_broken_share"] <= 1
        low, high = row["broken_interval"]
        assert low <= row["broken_share"] <= high
        assert row["threshold_share"] == 1.0
        assert row["mean_loss"] < 0.05 and row["mean_accepted_share"] > 0.2
    assert told["count"] == 2400 and told["splits"] == 10
    lines = check(splits=10).as_lines()
    assert len(lines) == 5 and lines[-1].startswith("all")


def test_too_little_data_breaks_nothing_and_says_so() -> None:
    found = check(sample_of(draws(90, 0), SIGNALS))
    assert not found.kept[None].found.any() and found.kept[None].broken_share == 0
    assert found.kept[None].accepted.max() == 0


def test_the_same_seed_gives_the_same_splits() -> None:
    first, again = check(splits=5), check(splits=5)
    other = check(options=replace(OPTIONS, seed=1), splits=5)
    assert np.array_equal(first.kept[None].losses, again.kept[None].losses)
    assert not np.array_equal(first.kept[None].losses, other.kept[None].losses)


def test_drafts_that_leave_early_are_checked_as_such() -> None:
    whole, early = check(splits=10), check(options=replace(OPTIONS, hold="prefix"), splits=10)
    assert early.kept[None].broken_share <= 0.1
    assert early.kept[None].accepted.mean() != whole.kept[None].accepted.mean()


def test_a_loss_counts_where_the_reference_is_right() -> None:
    nobody = replace(SAMPLE, reference=SAMPLE.right)
    found = check(nobody, splits=3)
    assert found.kept[None].losses.max() == 0 and found.kept[None].accepted.mean() > 0.8
