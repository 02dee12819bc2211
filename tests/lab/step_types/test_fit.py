"""What is learned, what is held out, and where the classifier abstains."""

from __future__ import annotations

import numpy as np
import pytest

from rungwise.lab.step_types.fit import (
    FOLDS,
    STEP_TYPES,
    fit,
    foreseen,
    held_out,
    least_for,
    sample_of,
)
from rungwise.lab.step_types.prompts import prompts
from rungwise.policy.classifier import Document

SAMPLE = sample_of(prompts(each=4))


@pytest.fixture(scope="module")
def document() -> Document:
    return fit(SAMPLE, seed=0)


def test_what_is_tested_shares_neither_template_nor_domain_with_what_is_learned_from() -> None:
    for fold in range(FOLDS):
        learned, tested = SAMPLE.outside({fold}), SAMPLE.inside(fold)
        for of in ("template", "domain"):
            seen = {getattr(SAMPLE.prompts[row], of) for row in learned}
            assert seen.isdisjoint(getattr(SAMPLE.prompts[row], of) for row in tested)
        assert len(learned) > 4 * len(tested) > 0


def test_only_what_lies_in_a_fold_is_foreseen() -> None:
    p = held_out(SAMPLE, frozenset({0, 1, 2}))
    rows = np.concatenate([SAMPLE.inside(fold) for fold in (0, 1, 2)])
    assert set(np.flatnonzero(~np.isnan(p[:, 0]))) == set(rows)
    assert (p[rows].argmax(axis=1) == SAMPLE.type_of[rows]).mean() > 0.5  # chance is 1 in 9


def test_the_file_says_where_it_comes_from_and_how_good_it_was(document: Document) -> None:
    told = document.provenance
    assert (told.count, told.seed) == (len(SAMPLE.prompts), 0) and "synthetic" in told.data
    assert 0.95 <= told.right_share <= 1 and 0.2 < told.answered_share < 1
    assert 0.5 <= document.least < 1


def test_it_knows_what_it_was_learned_from(document: Document) -> None:
    rows = np.arange(len(SAMPLE.prompts))
    p = foreseen(document, SAMPLE, rows)
    assert (p.argmax(axis=1) == SAMPLE.type_of).mean() > 0.9
    assert document.step_types == STEP_TYPES


def test_the_same_prompts_make_the_same_file(document: Document) -> None:
    again = fit(SAMPLE, seed=0)
    assert again.provenance.data_sha256 == document.provenance.data_sha256
    assert (again.buckets, again.least) == (document.buckets, document.least)


def test_it_abstains_under_the_lowest_p_that_keeps_the_aim() -> None:
    sure = np.array([0.55, 0.65, 0.75, 0.85])
    assert least_for(sure, np.array([True, True, True, True])) == 0.5
    assert least_for(sure, np.array([False, True, True, True])) == 0.56
    assert least_for(sure, np.array([False, False, False, False])) == 0.99
