"""Columns of recorded drafts, and parts of them that share no group."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rungwise.lab.calibration.readings import folds, halves, one_per_group, sample_of
from rungwise.lab.calibration.recorded import Recorded
from tests.lab.draws import SIGNALS, draws


def test_a_row_holds_what_was_recorded() -> None:
    items = draws(40, 0, prefixes=True)
    sample = sample_of(items, SIGNALS)
    for row, item in enumerate(items):
        assert sample.finished.values[row].tolist() == [item.readings[name] for name in SIGNALS]
        assert sample.step_types[sample.type_of[row]] == item.step_type
        assert sample.prefixes[8].reached[row] == (8 in item.prefixes)
    assert sample.lost.tolist() == [not item.right for item in items]


def test_a_step_that_the_reference_gets_wrong_too_loses_nothing() -> None:
    items = [replace(item, right=False, reference=False) for item in draws(4, 0)]
    assert not sample_of(items, SIGNALS).lost.any()


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_halves_hold_the_step_types_in_proportion(share: float) -> None:
    sample = sample_of(draws(300, 0), SIGNALS)
    first, rest = halves(sample, share, np.random.default_rng(1))
    assert list(first.counts().values()) == [int(100 * share)] * 3
    assert len(first) + len(rest) == 300
    assert not np.isin(first.group, rest.group).any()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(0, 5))
def test_no_group_is_parted(groups: list[int], seed: int) -> None:
    items = [replace(item, group=str(g)) for item, g in zip(draws(40, 0), groups, strict=False)]
    sample = sample_of(items, SIGNALS)
    rng = np.random.default_rng(seed)
    first, rest = halves(sample, 0.5, rng)
    assert not np.isin(first.group, rest.group).any()
    assert len(first) + len(rest) == len(items)
    fold = folds(sample.group, 3, rng)
    assert all(len(np.unique(fold[sample.group == g])) == 1 for g in np.unique(sample.group))


def test_one_draft_of_each_group_and_step_type_counts() -> None:
    items = [replace(item, group="same") for item in draws(30, 0)] + draws(3, 1)
    counted = one_per_group(sample_of(items, SIGNALS), np.random.default_rng(0))
    assert counted.counts() == {"extraction": 2, "open_chat": 2, "planning": 2}


def test_one_draft_of_each_group_counts_where_step_types_are_tested_as_one() -> None:
    items = [replace(item, group="same") for item in draws(30, 0)] + draws(3, 1)
    sample = sample_of(items, SIGNALS)
    assert sample.grouped and not sample_of(draws(3, 1), SIGNALS).grouped
    assert len(one_per_group(sample, np.random.default_rng(0), pooled=True)) == 4
    assert sample.groups_with(["extraction"]) == 2
    assert sample.groups_with(["extraction", "planning"]) == 3


def test_drafts_without_a_group_are_independent() -> None:
    sample = sample_of([Recorded(step_type="t", readings={"a": 1.0}, right=True)] * 5, ["a"])
    assert one_per_group(sample, np.random.default_rng(0)) is sample
